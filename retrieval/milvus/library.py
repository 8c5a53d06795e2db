"""A published index as the product uses it: it follows the alias from one publication to the next."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from retrieval.cards import Query, SearchResult
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexMissing
from retrieval.generation.manifest import Generation
from retrieval.info import IndexInfo, describe
from retrieval.keys import Keyring
from retrieval.library import keyring_of
from retrieval.milvus.connecting import TIMEOUT, Connection
from retrieval.milvus.publishing import named
from retrieval.milvus.shelf import MilvusShelf
from retrieval.searching.search import search

LOOK_AGAIN = 1.0
"""Seconds after which the alias is looked at again."""


class MilvusLibrary:
    """The index that was published under a name. Searches may run in several threads; one tenant, one name."""

    def __init__(self, connection: Connection, collection: str, encoder_fingerprint: str | None, *, expected: str | None = None) -> None:
        """Open what the name stands for now; see `open_milvus`."""
        self._connection = connection
        self._collection = collection
        self._fingerprint = encoder_fingerprint
        self._expected = expected
        self._lock = threading.Lock()
        self._name, self._shelf = self._opened()
        self._looked = time.monotonic()

    @property
    def info(self) -> IndexInfo:
        """What the index in use is, as its manifest says; `folder` names the collection."""
        with self._lock:
            return describe(Generation(Path(self._name), self._shelf.manifest, self._shelf.seal.generation))

    @property
    def seal(self) -> str:
        """SHA-256 of the seal of the collection in use; see `retrieval.milvus.publishing.Published`."""
        return self._shelf.sha256

    def search(self, query: Query) -> SearchResult:
        """The cases most similar to `query`; see `retrieval.searching.search`. A collection dropped meanwhile is looked for once more.

        So is a case that was taken out between its finding and the reading of its card (`retrieval.milvus.withdrawing`).

        Raises:
            IndexUnreachable: Milvus does not answer.
            IndexMissing, IndexCorrupt, OtherSchema, EncoderMismatch: see `open_milvus`, for what was published since.
        """
        shelf = self._current()
        try:
            return search(query, shelf)
        except (IndexMissing, IndexCorrupt):
            return search(query, self._current(now=True))

    def keyring(self, secret: bytes) -> Keyring:
        """The keyring this index was made with, to recognise the bound patient, study and report in it.

        Raises:
            OtherSite: `secret` is not the one the index was made with, so nobody would be recognised.
            WeakSecret: `secret` is too short to be one.
        """
        return keyring_of(self._current().manifest, secret)

    def check(self) -> IndexInfo:
        """Verify every published case against its vector, and all of them against the seal; what `info` says.

        Raises:
            IndexCorrupt: when anything is not as it was published.
            IndexUnreachable: Milvus does not answer.
        """
        self._current().check()
        return self.info

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _current(self, *, now: bool = False) -> MilvusShelf:
        with self._lock:
            if now or time.monotonic() - self._looked >= LOOK_AGAIN:
                if named(self._connection, self._collection) != self._name:
                    self._name, self._shelf = self._opened()
                self._looked = time.monotonic()
            return self._shelf

    def _opened(self) -> tuple[str, MilvusShelf]:
        name = named(self._connection, self._collection)
        if name is None:
            raise IndexMissing("no index was published under this name")
        shelf = MilvusShelf(self._connection, name, expected=self._expected)
        if self._fingerprint not in (None, shelf.manifest.encoder_fingerprint):
            raise EncoderMismatch("the index holds another encoder's vectors: publish one that was built with this one")
        return name, shelf


def open_milvus(
    uri: str,
    collection: str,
    encoder_fingerprint: str | None,
    *,
    token: str | None = None,
    expected: str | None = None,
    timeout: float = TIMEOUT,
) -> MilvusLibrary:
    """Open the index that was published under a name.

    Args:
        uri: See `retrieval.milvus.connecting.Connection`.
        collection: The name it was published under.
        encoder_fingerprint: Of the encoder that makes the query vectors; None where nothing is searched for.
        token: See `retrieval.milvus.connecting.Connection`.
        timeout: Seconds for any one answer.
        expected: SHA-256 of the seal (`Published.seal`): with it nothing else is served, whoever may write to Milvus.

    Raises:
        IndexMissing: nothing was published under this name.
        NotAnIndex: the name is that of a collection that was not published here.
        IndexCorrupt: the collection is not sealed, not whole, or not the one that is expected.
        OtherSchema: another version of this program published it.
        EncoderMismatch: the vectors are another encoder's.
        IndexUnreachable, ExtraMissing: see `Connection`.
    """
    connection = Connection(uri, token=token, timeout=timeout)
    try:
        return MilvusLibrary(connection, collection, encoder_fingerprint, expected=expected)
    except BaseException:
        connection.close()
        raise

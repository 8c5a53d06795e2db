"""A connection to Milvus: a server by URL, or a local file of milvus-lite. What goes wrong becomes an error of ours."""

from __future__ import annotations

import importlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieval.errors import ExtraMissing, IndexMissing, IndexUnreachable

TIMEOUT = 10.0
"""Seconds for any one answer."""
PATIENCE = 1_800.0
"""Seconds for what takes longer the more there is: writing out and loading a collection."""
_NO_COLLECTION = frozenset({4, 100, 1600})
"""Milvus' codes for a collection or an alias that is not there."""
_LOCAL: Counter[str] = Counter()
"""Local files that are open in this process, and how often: the last to close stops the server of milvus-lite."""
_LOCK = threading.Lock()


def local_file(uri: str) -> bool:
    """Whether a URI is a file of milvus-lite: pymilvus asks a server where a scheme says so, however the path ends."""
    return uri.endswith(".db") and not uri.lower().startswith(("http:", "https:", "tcp:", "unix:"))


class Connection:
    """A client whose answers are bounded in time. Safe to use from several threads."""

    def __init__(self, uri: str, *, token: str | None = None, timeout: float = TIMEOUT) -> None:
        """Connect.

        Args:
            uri: Of a server, e.g. `https://milvus.hospital.example:19530`, or the path of a local file ending in `.db`.
            token: `user:password` or an API key; never shown again.
            timeout: Seconds for any one answer.

        Raises:
            ExtraMissing: pymilvus is not installed, or milvus-lite for a local file.
            IndexUnreachable: nothing answers there, or the local file is open in another process.
        """
        self._local = str(Path(uri).absolute()) if local_file(uri) else None
        self._timeout = timeout
        pymilvus = _imported(local=self._local is not None)
        try:
            with answering():
                self._client = pymilvus.MilvusClient(uri, token=token or "", timeout=timeout)
        except ValueError:
            raise IndexUnreachable("the address of Milvus is none") from None
        if self._local is not None:
            with _LOCK:
                _LOCAL[self._local] += 1

    def ask(self, method: str, *arguments: Any, timeout: float | None = None, **options: Any) -> Any:
        """What a method of `pymilvus.MilvusClient` answers, within `timeout` or the connection's.

        Raises:
            IndexMissing: the collection or alias is not there.
            IndexUnreachable: anything else went wrong.
        """
        with answering():
            return getattr(self._client, method)(*arguments, timeout=timeout or self._timeout, **options)

    def create(self, collection: str, schema: Callable[[Any], Any], *, looked_up: Sequence[str], exact: bool) -> None:
        """Create a collection; errors as of `ask`.

        Args:
            collection: Its name.
            schema: Makes its schema with the client; the field `vector` is compared by inner product.
            looked_up: Fields that expressions look up.
            exact: Compare vectors one by one, or by an index that Milvus chooses.
        """
        with answering():
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="FLAT" if exact else "AUTOINDEX", metric_type="IP")
            for name in looked_up:
                index.add_index(name, index_type="INVERTED")
            self._client.create_collection(collection, schema=schema(self._client), consistency_level="Strong", timeout=self._timeout)
            self._client.create_index(collection, index, timeout=self._timeout, sync=False)

    def load(self, collection: str) -> None:
        """Have a collection read into memory, which asking it needs, unless it is; errors as of `ask`.

        A reader may not be allowed to change what is loaded, so it is asked first.
        """
        if str(self.ask("get_load_state", collection)["state"]) != "Loaded":
            self.ask("load_collection", collection, timeout=PATIENCE)

    def count(self, collection: str, expression: str, **options: Any) -> int:
        """How many rows of `collection` satisfy `expression`; errors as of `ask`."""
        return int(self.ask("query", collection, filter=expression, output_fields=["count(*)"], **options)[0]["count(*)"])

    def close(self) -> None:
        """Close the client; the server of milvus-lite stops with the last client of its file."""
        with _LOCK, answering():
            self._client.close()
            if self._local is None:
                return
            _LOCAL[self._local] -= 1
            if _LOCAL[self._local] <= 0:
                _release(self._local)
            self._local = None


def _imported(*, local: bool) -> Any:
    try:
        import pymilvus

        if local:
            import milvus_lite  # noqa: F401 - pymilvus would only say that it could not connect
    except ImportError as error:
        raise ExtraMissing("an index in Milvus needs pymilvus, and in a local file milvus-lite: install sidenote[milvus]") from error
    for name in ("pymilvus", "milvus_lite"):  # they log expressions and paths of their own accord, with tracebacks
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return pymilvus


def _release(path: str) -> None:
    from milvus_lite.server_manager import server_manager_instance

    server_manager_instance.release_server(path)


@contextmanager
def answering() -> Iterator[None]:
    """Turns pymilvus' errors into ours. Their texts are the server's, and stay behind."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        if error.code in _NO_COLLECTION:
            raise IndexMissing("no index was published under this name") from None
        raise IndexUnreachable("Milvus does not answer as it should", where=f"code {_number(error.code)}") from None
    except importlib.import_module("grpc").RpcError:
        raise IndexUnreachable("Milvus does not answer") from None


def _number(code: Any) -> str:
    """A code of Milvus is a number, one of gRPC a member of an enumeration."""
    return str(int(code)) if isinstance(code, int) else str(getattr(code, "name", "unknown"))

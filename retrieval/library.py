"""Opens an index for searching: every byte checked first, keys and vectors of another site or encoder refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retrieval.cards import Query, SearchResult
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexUnusable, OtherSite
from retrieval.generations import current, last_good
from retrieval.info import IndexInfo, describe
from retrieval.keys import Keyring
from retrieval.manifest import Generation, Manifest
from retrieval.search import search
from retrieval.store import FILE as CARDS
from retrieval.store import CardStore, Columns
from retrieval.vectors import FILE as VECTORS
from retrieval.vectors import VectorTable, load


@dataclass(frozen=True)
class Library:
    """An open index. Searches may run in several threads. One tenant, one library: nothing in it tells tenants apart."""

    info: IndexInfo
    manifest: Manifest
    table: VectorTable
    store: CardStore
    columns: Columns
    notice: str = ""
    """Set when the generation in use was refused and the last good one answers in its place: show it."""

    def search(self, query: Query) -> SearchResult:
        """The cases most similar to `query`; see `retrieval.search.search`."""
        return search(
            query,
            manifest=self.manifest,
            sha256=self.info.sha256,
            table=self.table,
            store=self.store,
            columns=self.columns,
            notice=self.notice,
        )

    def keyring(self, secret: bytes) -> Keyring:
        """The keyring this index was made with, to recognise the bound patient, study and report in it.

        Raises:
            OtherSite: `secret` is not the one the index was made with, so nobody would be recognised.
            WeakSecret: `secret` is too short to be one.
        """
        ring = Keyring(secret, bytes.fromhex(self.manifest.salt))
        if ring.check != self.manifest.key_check:
            raise OtherSite("the index was keyed with another site's secret")
        return ring

    def close(self) -> None:
        """Close the index's files."""
        self.store.close()


def open_library(folder: Path, encoder_fingerprint: str, *, last_good_instead: bool = False) -> Library:
    """Open the index in `folder`.

    Args:
        folder: The index's folder.
        encoder_fingerprint: Of the encoder that makes the query vectors.
        last_good_instead: When the generation in use is damaged, open the newest whole one and say so in `notice`.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema: see `retrieval.generations.current`.
        EncoderMismatch: the vectors are another encoder's.
    """
    try:
        return _open(current(folder), encoder_fingerprint)
    except IndexCorrupt as error:
        whole = last_good(folder) if last_good_instead else None
        if whole is None:
            raise
        return _open(
            whole, encoder_fingerprint, f"the index in use was refused ({error.code}); an older one of {whole.manifest.built_at} answers"
        )


def check(folder: Path) -> IndexInfo:
    """Verify the index in `folder`, each card against its vector too, without an encoder.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema: see `open_library`.
    """
    generation = current(folder)
    library = _open(generation, generation.manifest.encoder_fingerprint)
    try:
        for row in range(library.table.cases):
            library.store.card(row, library.table.rows[row])
    finally:
        library.close()
    return library.info


def _open(generation: Generation, encoder_fingerprint: str, notice: str = "") -> Library:
    manifest = generation.manifest
    if manifest.encoder_fingerprint != encoder_fingerprint:
        raise EncoderMismatch("the index holds another encoder's vectors: build it again with this one")
    table = load(generation.folder / VECTORS, manifest)
    store = CardStore(generation.folder / CARDS)
    try:
        columns = store.columns()
        if len(columns.person) != manifest.cases:
            raise IndexCorrupt("cards and vectors are not equally many", where=CARDS)
    except IndexUnusable:
        store.close()
        raise
    return Library(describe(generation), manifest, table, store, columns, notice)

"""Opens an index for searching: every byte checked first, keys and vectors of another site or encoder refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retrieval.cards import CaseCard, Query, SearchResult
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexUnusable, OtherSite
from retrieval.generation.columns import FILE as COLUMNS
from retrieval.generation.columns import concatenate
from retrieval.generation.generations import generations, steady
from retrieval.generation.manifest import Gone, GoneCase, Manifest, open_manifest
from retrieval.generation.mapping import map_files
from retrieval.generation.segments import CardPlace, Contents, columns_of, open_stack, read_gone, same_columns
from retrieval.generation.stack import Stack
from retrieval.info import IndexInfo, describe
from retrieval.keys import Keyring
from retrieval.searching.exclusions import eligible
from retrieval.searching.search import Found, Terms, search
from retrieval.vectors import ask


@dataclass(frozen=True)
class Library:
    """An open generation of an index, a `retrieval.searching.search.Shelf`. Searches may run in several threads.

    One tenant, one library: nothing in it tells tenants apart, and keys of another keyring than its own are refused.
    """

    info: IndexInfo
    manifest: Manifest
    stack: Stack
    gone: Gone
    notice: str = ""
    """Set when the generation in use was refused and the last good one answers in its place: show it."""

    @property
    def terms(self) -> Terms:
        """What a search must know of this index."""
        return Terms.of(self.manifest, self.info.sha256, self.notice)

    def search(self, query: Query) -> SearchResult:
        """The cases most similar to `query`; see `retrieval.searching.search.search`."""
        return search(query, self)

    def nearest(self, query: Query, limit: int) -> Found:
        """The `limit` nearest rows that `query` may find, and what variety looks at.

        Raises:
            QueryRefused: without a vector, or with a broken one.
        """
        manifest, columns = self.manifest, self.stack.columns
        asked = ask(query.image, query.text, manifest.image_weight, manifest.dimensions)
        allowed = eligible(columns, query, manifest.near_duplicate_bits, self.stack.gone)
        scan = self.stack.scan(asked, allowed.kept, limit)
        return Found(
            rows=scan.rows,
            distances=scan.distances,
            traits=columns.traits(scan.rows),
            searched=allowed.kept.count(self.stack.cases),
            excluded=allowed.excluded,
            plan=scan.plan,
            plan_reason=scan.plan_reason,
        )

    def card(self, row: int) -> CaseCard:
        """The card of a row.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
        """
        return self.stack.card(row)

    def keyring(self, secret: bytes) -> Keyring:
        """The keyring this index was made with, to recognise the bound patient, study and report in it.

        Raises:
            OtherSite: `secret` is not the one the index was made with, so nobody would be recognised.
            WeakSecret: `secret` is too short to be one.
        """
        return keyring_of(self.manifest, secret)

    def close(self) -> None:
        """Close the index's files."""
        self.stack.close()


def keyring_of(manifest: Manifest, secret: bytes) -> Keyring:
    """The keyring an index was made with.

    Raises:
        OtherSite, WeakSecret: see `Library.keyring`.
    """
    ring = Keyring(secret, bytes.fromhex(manifest.salt))
    if ring.check != manifest.key_check:
        raise OtherSite("the index was keyed with another site's secret")
    return ring


def open_library(folder: Path, encoder_fingerprint: str, *, last_good_instead: bool = False, cards_url: str | None = None) -> Library:
    """Open the index in `folder`.

    Args:
        folder: The index's folder.
        encoder_fingerprint: Of the encoder that makes the query vectors.
        last_good_instead: When the generation in use is damaged, open the newest whole one and say so in `notice`.
        cards_url: Of the database, for an index whose cards are in one.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt: see `pointer` and `map_files` of `retrieval.generation`.
        OtherSchema: an index of another schema version.
        EncoderMismatch: the vectors are another encoder's.
        CardsUnreachable, ExtraMissing: see `retrieval.store.open_cards`.
    """
    try:
        library = steady(folder, lambda place, sha256: open_generation(place, sha256, encoder_fingerprint, cards_url))
    except IndexCorrupt as error:
        whole = _last_good(folder, encoder_fingerprint, error.code, cards_url) if last_good_instead else None
        if whole is None:
            raise
        library = whole
    library.stack.columns.prepare()
    return library


def open_generation(
    place: Path, sha256: str | None, encoder_fingerprint: str | None = None, cards_url: str | None = None, notice: str = ""
) -> Library:
    """Open one generation, every byte checked.

    Args:
        place: Its folder.
        sha256: Of its manifest, where known.
        encoder_fingerprint: What its vectors must be made with, where that matters.
        cards_url: Of the database, for an index whose cards are in one.
        notice: See `Library.notice`.

    Raises:
        IndexCorrupt, OtherSchema, EncoderMismatch, CardsUnreachable: see `open_library`.
    """
    generation = open_manifest(place, sha256)
    manifest = generation.manifest
    if encoder_fingerprint not in (None, manifest.encoder_fingerprint):
        raise EncoderMismatch("the index holds another encoder's vectors: build it again with this one")
    data = map_files(place, manifest.files)
    gone = read_gone(place, manifest)
    cards = CardPlace(manifest.cards, cards_url, manifest.cards_index)
    stack = open_stack(place, data, Contents(manifest.segments, gone, manifest.dimensions, cards))
    return Library(describe(generation), manifest, stack, gone, notice)


def check(folder: Path, *, cards_url: str | None = None) -> IndexInfo:
    """Verify the index in `folder`, each card against its vector and its columns too, without an encoder.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema, CardsUnreachable: see `open_library`.
    """
    library = steady(folder, lambda place, sha256: open_generation(place, sha256, cards_url=cards_url))
    try:
        for segment, entry in zip(library.stack.segments, library.manifest.segments, strict=True):
            if segment.cards.digest() != entry.cards_digest:
                raise IndexCorrupt("the cards are not those that were written", where=entry.name)
        read = [columns_of(segment.cards, segment.table.rows) for segment in library.stack.segments]
        if not same_columns(concatenate(read), library.stack.columns):
            raise IndexCorrupt("the columns are not those of the cards", where=COLUMNS)
    finally:
        library.close()
    return library.info


def quarantine(folder: Path) -> tuple[GoneCase, ...]:
    """Cases of the index in `folder` that are held back, by key and with the reason, for whom is to look at them.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema: see `open_library`.
    """
    return tuple(case for case in gone_cases(folder) if case.quarantined)


def gone_cases(folder: Path) -> tuple[GoneCase, ...]:
    """Cases of the index in `folder` that are in its files and are not found: removed since it was compacted, or held back.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema: see `open_library`.
    """
    return steady(folder, lambda place, sha256: read_gone(place, open_manifest(place, sha256).manifest).cases)


def _last_good(folder: Path, encoder_fingerprint: str, code: str, cards_url: str | None) -> Library | None:
    """The newest generation that opens, whatever the pointer says; None when there is none."""
    for place in generations(folder):
        try:
            whole = open_manifest(place)
            notice = f"the index in use was refused ({code}); an older one of {whole.manifest.built_at} answers"
            return open_generation(place, None, encoder_fingerprint, cards_url, notice)
        except IndexUnusable:
            continue
    return None

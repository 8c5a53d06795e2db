"""Changes an index by a new generation beside the one in use: segments that do not change are the same files, by hard links.

A case that is removed stays in its segment's files, is never found, and leaves them when the index is compacted. A person who is
removed is remembered by key, so that neither `add` nor a new build of the archive brings a case of theirs back.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from retrieval.building.assembly import Draft, Identity, Weight, conclude
from retrieval.building.build import GIVEN, Progress, Source, segment_name
from retrieval.building.embedding import Embed, in_process
from retrieval.building.intake import BLOCK, Closed, Intake
from retrieval.cards import Encoder, Rejected, SourceCase
from retrieval.errors import BadCase, EncoderMismatch, NothingToIndex, OtherSite
from retrieval.generation.generations import steady, workplace
from retrieval.generation.manifest import GONE, Gone, GoneCase
from retrieval.generation.mapping import link
from retrieval.generation.segments import CardPlace, SegmentPlace, SegmentWriter, settle
from retrieval.info import IndexInfo
from retrieval.keys import Keyring, shared, word
from retrieval.library import Library, open_generation

_REASON = re.compile(r"[a-z][a-z '-]{2,59}")


def add(
    cases: Iterable[SourceCase | Rejected],
    encoder: Encoder,
    folder: Path,
    *,
    keyring: Keyring,
    total: int | None = None,
    progress: Progress = lambda seen: None,
    source: str = "",
    source_fingerprint: str = "",
    signed: bool = False,
    notes: Mapping[str, int] = MappingProxyType({}),
    embed: Embed | None = None,
    cards_url: str | None = None,
) -> IndexInfo:
    """Embed `cases` into a segment of their own and put a generation in place that has it beside the others.

    A case whose key the index holds already is skipped and counted, as is one of a person who was removed. New cases that come
    near to too many others go into quarantine: in the files, never found, and released by `release`. Thresholds are calibrated
    anew; the weight of the image stays. What is killed is begun anew. Arguments are those of `retrieval.building.build.build`.

    Raises:
        NothingToIndex: no case survived; the index stays as it is.
        EncoderMismatch: the index holds another encoder's vectors.
        OtherSite: the index was keyed with another secret or salt.
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema: there is no index to add to.
        IndexBusy, StorageFailed, CardsUnreachable: see `retrieval.building.build.build`.
    """
    with _next(folder, cards_url) as turn:
        manifest = turn.library.manifest
        if manifest.encoder_fingerprint != encoder.fingerprint:
            raise EncoderMismatch("the index holds another encoder's vectors: build it again with this one")
        if manifest.key_check != keyring.check:
            raise OtherSite("the index was keyed with another secret")
        turn.link_all()
        place = turn.new_segment()
        closed = Closed(turn.kept_keys(), frozenset(turn.library.gone.persons))
        taken = Intake(SegmentWriter(place), closed, progress).take(islice(cases, total), embed or in_process(encoder))
        origin = Source(source, source_fingerprint, signed, notes)
        draft = turn.draft(turn.library.gone)
        info = conclude(
            turn.here,
            replace(
                draft,
                sources=(*draft.sources, origin.entry(taken)),
                segments=(*draft.segments, settle(place, taken.rows)),
                hubs="quarantine",
            ),
        )
    return replace(info, seconds=turn.seconds, skipped_at=taken.skipped_at, changed=taken.rows)


def remove(
    folder: Path,
    *,
    reason: str,
    case_keys: Collection[str] = (),
    person_keys: Collection[str] = (),
    cards_url: str | None = None,
) -> IndexInfo:
    """Let cases never be found again, by their keys or by their persons', linked identifiers too.

    Args:
        folder: The index's folder.
        reason: A short phrase of lower-case letters, e.g. `consent withdrawn`: it is shown, so it names nobody.
        case_keys: Keys of cases; what is not in the index, or removed already, is passed over.
        person_keys: Keys of persons, whose other identifiers the cards name too: none of their cases is taken again, whether any is
            there now or not.
        cards_url: Of the database, for an index whose cards are in one.

    Returns:
        The generation in use afterwards; `changed` says how many cases were removed by this.

    Raises:
        BadCase: the reason is no short phrase.
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema, IndexBusy, StorageFailed, CardsUnreachable: see `add`.
    """
    if not _REASON.fullmatch(reason):
        raise BadCase("reason is not a short phrase of lower-case letters")
    with _next(folder, cards_url) as turn:
        gone = turn.library.gone
        removed = {case.row for case in gone.cases if not case.quarantined}
        identifiers, rows_of_persons = turn.persons(person_keys)
        rows = sorted({*turn.rows_of_cases(case_keys), *rows_of_persons} - removed)
        persons = tuple(sorted({*gone.persons, *identifiers}))
        if not rows and persons == gone.persons:
            return replace(turn.library.info, changed=0)
        turn.link_all()
        new = {row: GoneCase(row=row, key=turn.library.card(row).key, reason=reason, quarantined=False) for row in rows}
        info = conclude(turn.here, replace(turn.draft(_with(gone, new, persons)), erases=True))
    return replace(info, seconds=turn.seconds, changed=len(rows))


def release(folder: Path, case_keys: Collection[str], *, cards_url: str | None = None) -> IndexInfo:
    """Let quarantined cases be found. Keys of other cases are passed over; a removed case is not brought back.

    Returns:
        The generation in use afterwards; `changed` says how many cases were released by this.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema, IndexBusy, StorageFailed, CardsUnreachable: see `add`.
    """
    with _next(folder, cards_url) as turn:
        gone = turn.library.gone
        kept = tuple(case for case in gone.cases if not (case.quarantined and case.key in case_keys))
        released = len(gone.cases) - len(kept)
        if not released:
            return replace(turn.library.info, changed=0)
        turn.link_all()
        info = conclude(turn.here, turn.draft(gone.model_copy(update={"cases": kept})))
    return replace(info, seconds=turn.seconds, changed=released)


def compact(folder: Path, *, cards_url: str | None = None) -> IndexInfo:
    """Write all cases but the removed ones into one segment; what is quarantined stays so. A fitted weight is fitted again.

    Returns:
        The generation in use afterwards; `changed` says how many cases were written.

    Raises:
        NothingToIndex: all cases are removed.
        IndexMissing, NotAnIndex, IndexCorrupt, OtherSchema, IndexBusy, StorageFailed, CardsUnreachable: see `add`.
    """
    with _next(folder, cards_url) as turn:
        library, gone = turn.library, turn.library.gone
        removed = np.array([case.row for case in gone.cases if not case.quarantined], dtype=np.int64)
        rows = np.setdiff1d(np.arange(library.stack.cases, dtype=np.int64), removed)
        if not len(rows):
            raise NothingToIndex("all cases of the index are removed")
        place = turn.new_segment()
        _copy(library, rows, place)
        quarantine = {int(np.searchsorted(rows, case.row)): case for case in gone.cases if case.quarantined}
        moved = tuple(case.model_copy(update={"row": row}) for row, case in sorted(quarantine.items()))
        draft = turn.draft(gone.model_copy(update={"cases": moved}))
        weight = draft.weight if draft.weight and draft.weight.reason == GIVEN else None
        segments, erases = (settle(place, len(rows)),), bool(len(removed))
        info = conclude(turn.here, replace(draft, segments=segments, weight=weight, linked={}, erases=erases))
    return replace(info, seconds=turn.seconds, changed=len(rows))


@dataclass(frozen=True, slots=True)
class _Turn:
    """The generation in use, open, and the folder in which the next is made."""

    here: Path
    library: Library
    cards: CardPlace
    started: float

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.started, 2)

    def link_all(self) -> None:
        """Give the next generation the segments of the one in use."""
        for segment in self.library.manifest.segments:
            link(self.library.info.folder / segment.name, self.here / segment.name)

    def new_segment(self) -> SegmentPlace:
        return SegmentPlace(self.here / segment_name(self.here), self.library.manifest.dimensions, self.cards)

    def draft(self, gone: Gone) -> Draft:
        """The next generation as the one in use, but for what is gone."""
        manifest = self.library.manifest
        return Draft(
            identity=Identity(manifest.encoder_fingerprint, manifest.dimensions, manifest.one_space, manifest.salt, manifest.key_check),
            sources=manifest.sources,
            segments=manifest.segments,
            gone=gone,
            cards=self.cards,
            weight=Weight(manifest.image_weight, manifest.image_weight_reason),
            linked={name: entry for name, entry in manifest.files.items() if name != GONE},
        )

    def kept_keys(self) -> frozenset[int]:
        """Keys of all cases but the removed ones."""
        removed = [case.row for case in self.library.gone.cases if not case.quarantined]
        return frozenset(np.delete(self.library.stack.columns.key, removed).tolist())

    def rows_of_cases(self, keys: Collection[str]) -> list[int]:
        rows = self.library.stack.columns.by_key.rows(map(word, keys)).tolist()
        return [row for row in rows if self.library.card(row).key in keys]  # columns hold the first half of a key

    def persons(self, keys: Collection[str]) -> tuple[frozenset[str], set[int]]:
        """All keys of the persons with `keys`, as far as cards link them, and the rows of their cases.

        A number without a system leads to the cases that have it and no further: where two systems number from 1, everybody would
        be linked with everybody.
        """
        known: set[str] = set()
        rows: set[int] = set()
        new = set(keys)
        while new:
            known |= new
            meant = self._of_persons(new)
            rows |= meant.keys()
            new = {key for ids in meant.values() for key in ids if not shared(key)} - known
        numbers = {key for ids in self._of_persons(known).values() for key in ids if shared(key)}
        return frozenset(known | numbers), rows | self._of_persons(numbers).keys()

    def _of_persons(self, keys: Collection[str]) -> dict[int, set[str]]:
        """Row -> all keys of its person, of the cases that have one of `keys`."""
        rows = self.library.stack.columns.by_person.rows(map(word, keys)).tolist()
        cards = {row: self.library.card(row) for row in rows}
        theirs = {row: {card.person, *card.linked} for row, card in cards.items()}
        return {row: ids for row, ids in theirs.items() if not ids.isdisjoint(keys)}  # columns hold the first half of a key


@contextmanager
def _next(folder: Path, cards_url: str | None) -> Iterator[_Turn]:
    """The generation in use, every byte checked, and a place for the next."""
    started = time.monotonic()
    steady(folder, lambda place, sha256: None)  # no index, no folder is made
    with workplace(folder) as here:
        library = steady(folder, lambda place, sha256: open_generation(place, sha256, cards_url=cards_url))
        try:
            manifest = library.manifest
            yield _Turn(here, library, CardPlace(manifest.cards, cards_url, manifest.cards_index), started)
        finally:
            library.close()


def _with(gone: Gone, new: Mapping[int, GoneCase], persons: tuple[str, ...]) -> Gone:
    """`gone` with `new` cases, in place of their quarantine where they were in it."""
    cases = {**{case.row: case for case in gone.cases}, **new}
    return Gone(cases=tuple(case for _, case in sorted(cases.items())), persons=persons)


def _copy(library: Library, rows: NDArray[np.int64], place: SegmentPlace) -> None:
    """Write `rows` into a new segment, each card checked against its vector as it is read."""
    writer = SegmentWriter(place)
    try:
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            writer.add([library.card(int(row)) for row in some], library.stack.vectors(some))
            writer.commit(b"compact")
        writer.finish()
    finally:
        writer.abandon()

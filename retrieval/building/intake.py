"""Takes cases into a segment block by block: checks each, counts what it leaves out, and can go on where a kill stopped it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from pydantic import BaseModel, ConfigDict, Field

from retrieval.building.embedding import Embed, Embedded, batches
from retrieval.cards import Rejected, SourceCase
from retrieval.errors import BadArchive, BadCase, IndexCorrupt, NothingToIndex
from retrieval.generation.manifest import parse_json
from retrieval.generation.segments import SegmentWriter
from retrieval.keys import check_image, word
from retrieval.store import check_card

BLOCK = 256
"""Cases after which what was embedded is made durable: half a minute of an encoder on a slow machine, and no time beside a fast one."""
NAMED_SKIPS = 20
"""So many skipped cases are named by position; all are counted."""
PERSON_REMOVED = "person was removed"
_KEY = re.compile(r"[0-9a-f]{32}")


class Journal(BaseModel):
    """How far a build has come; committed with the cards of its last block."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seen: int = Field(default=0, ge=0)
    """Cases of the source, skipped ones included."""
    rows: int = Field(default=0, ge=0)
    """How many of them are in the segment."""
    chain: str = ""
    """SHA-256 over what those seen were: the archive that is read again must begin with the same."""
    skipped: dict[str, int] = {}
    """Reason -> how many were left out for it."""
    skipped_at: tuple[tuple[str, str], ...] = ()
    """(reason, position) of the first of them."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Whose cases are not taken."""

    keys: Collection[int] = frozenset()
    """Of cases the index holds already, as `retrieval.keys.word` makes them."""
    persons: frozenset[str] = frozenset()
    """Of persons who were removed."""


class Intake:
    """The cases of one source on their way into one segment. Used once, by one thread."""

    def __init__(self, writer: SegmentWriter, closed: Closed, report: Callable[[int], None]) -> None:
        """Go on behind what `writer` holds.

        Args:
            writer: Of the segment.
            closed: What is not taken.
            report: Called after every batch with the number of cases seen.

        Raises:
            IndexCorrupt: when the journal is not as this version writes it, or not of these rows.
        """
        self._resumed = _resumed(writer)
        self._seen = self._resumed.seen
        self._skipped = Counter(self._resumed.skipped)
        self._skipped_at = list(self._resumed.skipped_at)
        self._writer = writer
        self._known = set(closed.keys)
        self._persons = closed.persons
        self._report = report
        self._chain = hashlib.sha256()
        self._marks: dict[int, str] = {0: ""}

    def take(self, cases: Iterable[SourceCase | Rejected], embed: Embed) -> Journal:
        """Embed and write `cases`, and finish the segment; each block is durable before the next.

        Raises:
            BadArchive: when an interrupted build is resumed with other cases than it began with.
            NothingToIndex: when no case survived.
        """
        try:
            admitted = self._admitted(cases)
            for _ in islice(admitted, self._resumed.seen):
                pass  # so that their keys are known again
            if self._marks.get(self._resumed.seen) != self._resumed.chain:
                raise BadArchive("the archive is not the one that the interrupted build read")
            for embedded in embed(batches(admitted)):
                self._write(embedded)
            if not self._writer.rows:
                reasons = "; ".join(f"{count} x {reason}" for reason, count in self._skipped.most_common(5))
                raise NothingToIndex(f"none of {self._seen} cases could be indexed: {reasons or 'there were none'}")
            self._writer.finish()
            return self._journal()
        finally:
            self._writer.abandon()

    def _write(self, embedded: Embedded) -> None:
        before = self._seen // BLOCK
        self._writer.add(embedded.cards, embedded.vectors)
        for reason, where in embedded.skipped:
            self._skipped[reason] += 1
            if len(self._skipped_at) < NAMED_SKIPS:
                self._skipped_at.append((reason, where))
        self._seen += embedded.seen
        if self._seen // BLOCK > before:
            self._writer.commit(self._journal().model_dump_json().encode())
        self._report(self._seen)

    def _journal(self) -> Journal:
        self._marks = {seen: mark for seen, mark in self._marks.items() if seen >= self._seen}
        return Journal(
            seen=self._seen,
            rows=self._writer.rows,
            chain=self._marks[self._seen],
            skipped=dict(sorted(self._skipped.items())),
            skipped_at=tuple(self._skipped_at),
        )

    def _admitted(self, cases: Iterable[SourceCase | Rejected]) -> Iterator[SourceCase | Rejected]:
        """`cases`, those that must not be indexed replaced by why."""
        for number, case in enumerate(cases, start=1):
            what = f"{case.reason} {case.where}" if isinstance(case, Rejected) else case.card.key
            self._chain.update(what.encode("utf-8", "surrogatepass") + b"\n")
            if number >= self._resumed.seen:
                self._marks[number] = self._chain.hexdigest()
            yield case if isinstance(case, Rejected) else self._admit(case, number)

    def _admit(self, case: SourceCase, number: int) -> SourceCase | Rejected:
        try:
            self._check(case)
        except BadCase as error:
            return Rejected(error.reason, f"case {number}")
        self._known.add(word(case.card.key))
        return case

    def _check(self, case: SourceCase) -> None:
        """Refuse a case that would be wrong in the index: above all one whose key could be an identity."""
        card = case.card
        if not all(_KEY.fullmatch(key) for key in (card.key, card.person, card.study, card.report_hash, *card.linked)):
            raise BadCase("a key is no salted hash")
        if word(card.key) in self._known:
            raise BadCase("key stands twice")
        if not self._persons.isdisjoint((card.person, *card.linked)):
            raise BadCase(PERSON_REMOVED)
        if not card.report.strip():
            raise BadCase("report is empty")
        if not card.consent.strip() or not card.licence.strip():
            raise BadCase("consent or licence is not stated")
        check_card(card)
        check_image(case.image)


def _resumed(writer: SegmentWriter) -> Journal:
    """The journal of what `writer` holds; the writer is closed when they do not agree."""
    try:
        note = writer.note()
        journal = Journal() if note is None else parse_json(Journal, note, "journal")
        if journal.rows != writer.rows:
            raise IndexCorrupt("an interrupted build has another number of cards than its journal says", where="journal")
    except BaseException:
        writer.abandon()
        raise
    return journal

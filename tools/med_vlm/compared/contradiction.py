"""Where a reading and a report of the same study say opposite things. Raised, never resolved: a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fhir.codes import FINDING, Side
from policies.evidence import Polarity
from policies.grounding.prose import UNASSERTED_SECTIONS, sentences
from tools.med_vlm.reading import FindingReading, Reading
from tools.med_vlm.report.stated import Stated, overlap, parts, stated


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One finding on which they differ. Both texts are of the patient: for the chart's reader, never for a log."""

    finding: str
    """Key of `fhir.codes.FINDING`."""
    report: str
    """The report's sentence, as it stands there."""
    model: str
    """The model's sentence, or what it reads, in words."""
    report_polarity: Polarity
    model_polarity: Polarity
    """Equal where they differ in the side."""


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    finding: str
    polarity: Polarity
    side: Side | None


def contradictions(reading: Reading, report: str) -> tuple[Contradiction, ...]:
    """Every pair of opposite statements: present against absent, or present on the left against present on the right.

    The model speaks by its decided findings, and by the sentences of its narrative for findings it left uncertain; a doubt of
    either contradicts nothing. Of a finding only the first pair is given.
    """
    reported = list(_reported(report))
    found: dict[str, Contradiction] = {}
    for mine in _read(reading):
        theirs = next((one for one in reported if _opposite(mine, one, reported)), None)
        if theirs is not None:
            found.setdefault(mine.finding, _raised(mine, theirs))
    return tuple(found[key] for key in FINDING if key in found)


def _raised(mine: _Said, theirs: _Said) -> Contradiction:
    return Contradiction(mine.finding, theirs.text, mine.text, theirs.polarity, mine.polarity)


def _reported(report: str) -> Iterator[_Said]:
    for sentence in sentences(report):
        if sentence.section not in UNASSERTED_SECTIONS:
            yield from _ours(sentence.text, stated(sentence.text))


def _read(reading: Reading) -> Iterator[_Said]:
    decided = {finding.key for finding in reading.findings if finding.presence != "uncertain"}
    yield from (_Said(_in_words(one), one.key, one.presence, one.side) for one in reading.findings if one.key in decided)
    for sentence in reading.narrative:
        yield from (one for one in _ours(sentence.text, stated(sentence.text)) if one.finding not in decided)


def _ours(text: str, said: Iterable[Stated]) -> Iterator[_Said]:
    return (_Said(text, one.finding, one.polarity, one.side) for one in said if one.finding in FINDING)


def _in_words(finding: FindingReading) -> str:
    side = f"{finding.side} " if finding.side else ""
    return f"{side}{FINDING[finding.key].display}: {finding.presence}"


def _opposite(mine: _Said, theirs: _Said, reported: Iterable[_Said]) -> bool:
    """Whether `theirs` contradicts `mine`; a report that names the finding on both sides in two sentences has it on both."""
    if mine.finding != theirs.finding or "uncertain" in (mine.polarity, theirs.polarity):
        return False
    if mine.polarity != theirs.polarity:
        return overlap(mine.side, theirs.side) and not _elsewhere(mine, theirs)
    if mine.polarity == "absent" or mine.side is None or theirs.side is None:
        return False
    there = {part for one in reported if one.finding == mine.finding and one.polarity == "present" for part in parts(one.side)}
    return not parts(mine.side) <= there


def _elsewhere(mine: _Said, theirs: _Said) -> bool:
    """A denial of one side is no word on a finding whose side nobody told."""
    denied, affirmed = (mine, theirs) if mine.polarity == "absent" else (theirs, mine)
    return denied.side is not None and affirmed.side is None

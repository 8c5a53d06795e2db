"""Plain statements of who says what: the reading, the report, where they differ, and what the prior said."""

from __future__ import annotations

from collections.abc import Iterator

from agent.composers.proposals import Proposal
from agent.composers.slots import day_words, finding_words
from agent.composers.studies import Studies
from agent.review import Say, Voice
from agent.voices import voices
from fhir.codes import FINDING
from policies.evidence import Evidence
from tools.notes import is_flagged

_SERIOUS = ("tension_pneumothorax", "malpositioned_device", "pneumothorax")
"""Findings whose statement stands first: minutes or hours may matter."""


def statements(evidence: tuple[Evidence, ...], studies: Studies) -> Iterator[Proposal]:
    """What is said without any guidance: readings, report statements, their differences, changes since the prior, flagged text."""
    rows = sorted(voices(evidence, studies.focal, None), key=_gravity)
    yield from _flagged(evidence)
    for row in rows:
        yield from _differences(row, evidence)
    for row in rows:
        yield from _stated(row, evidence, studies.reports)
    yield from _changes(evidence, studies)


def _gravity(row: Voice) -> int:
    return _SERIOUS.index(row.finding) if row.finding in _SERIOUS else len(_SERIOUS)


def _flagged(evidence: tuple[Evidence, ...]) -> Iterator[Proposal]:
    marked = [item for item in evidence if is_flagged(item)]
    if marked:
        text = "A document in this chart holds text addressed to a machine; it is quoted as data and was not followed."
        yield Proposal(text, "caution", "caution", tuple(item.id for item in marked[:3]))


def _differences(row: Voice, evidence: tuple[Evidence, ...]) -> Iterator[Proposal]:
    """Report and reading against each other, each in its own words. The sentence decides for neither."""
    read = _spoken(row.reading, evidence)
    reported = _spoken(row.report, evidence)
    if not row.discordant or read is None or reported is None or (read.polarity, read.side) == (reported.polarity, reported.side):
        return
    text = f"They differ: the image model reads {_said(read)}, and the {reported.status or 'undated'} report states {_said(reported)}."
    yield Proposal(text, "caution", "caution", (read.id, reported.id))


def _spoken(say: Say, evidence: tuple[Evidence, ...]) -> Evidence | None:
    """The item that carries a voice: the first that says what the voice says, else its first."""
    items = [item for item in evidence if item.id in say.evidence]
    return next((item for item in items if item.polarity == say.polarity), items[0] if items else None)


def _said(item: Evidence) -> str:
    """`left pneumothorax`, `no pneumothorax` or `possible left pneumothorax`."""
    word = {"absent": "no ", "uncertain": "possible "}.get(item.polarity or "", "")
    return f"{word}{finding_words(item.finding or '', None if item.polarity == 'absent' else item.side)}"


def _stated(row: Voice, evidence: tuple[Evidence, ...], reports: frozenset[str]) -> Iterator[Proposal]:
    about = [item for item in evidence if item.finding == row.finding and item.polarity in {"present", "uncertain"}]
    read = next((item for item in about if item.kind == "image_finding"), None)
    reported = next((item for item in about if item.kind == "report_sentence" and item.reference in reports), None)
    if read is not None and read.polarity == "present" and read.probability is not None:
        words = finding_words(row.finding, read.side)
        text = f"The image model reads {words} (probability {read.probability:.2f})."
        yield _finding(text, row.finding, read)
    if reported is not None:
        dated = f" of {day_words(reported.when)}" if reported.when else ""
        text = f"The {reported.status or 'undated'} report{dated} states {_said(reported)}."
        yield _finding(text, row.finding, reported)


def _finding(text: str, finding: str, item: Evidence) -> Proposal:
    return Proposal(text, "finding", "finding", (item.id,), item.polarity or "present", finding, item.side)


def _changes(evidence: tuple[Evidence, ...], studies: Studies) -> Iterator[Proposal]:
    """New and resolved findings, only against a prior study whose report speaks of the finding. "Unchanged" is never said."""
    for key, finding in FINDING.items():
        about = [item for item in evidence if item.finding == key and item.polarity is not None]
        then = [
            item for item in about if item.kind == "report_sentence" and item.reference in studies.prior_reports and item.when is not None
        ]
        now = [
            item for item in about if item.kind == "image_finding" or (item.kind == "report_sentence" and item.reference in studies.reports)
        ]
        was, is_now = {item.polarity for item in then}, {item.polarity for item in now}
        if was == {"absent"} and "present" in is_now:
            first = next(item for item in now if item.polarity == "present")
            words = finding_words(key, first.side)
            text = f"{words[:1].upper()}{words[1:]} is new: the report of {_day(then[0])} states no {finding.display}."
            yield Proposal(text, "assessment", "assessment", (first.id, then[0].id), "present", key, first.side)
        if was == {"present"} and is_now == {"absent"}:
            source = "image model reads" if now[0].kind == "image_finding" else "present report states"
            text = f"The {source} no {finding.display}; the report of {_day(then[0])} states {finding_words(key, then[0].side)}."
            yield Proposal(text, "assessment", "assessment", (now[0].id, then[0].id), "absent", key)


def _day(item: Evidence) -> str:
    return day_words(item.when or "")

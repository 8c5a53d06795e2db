"""In words, what became of the image model, what changed since the image before, and how far all of it can be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.review import ReadingMode, Review
from sidenote.render.layout import finding_words, moment
from tools.med_vlm.reading import Change, FindingReading, Reading, Sentence

READING_WORDS: dict[ReadingMode, str] = {
    "read": "The image was read",
    "abstained": "The image model abstained",
    "refused": "The image was not given to the image model",
    "off": "The image model was not asked, for the reason given under “Not available”; the review rests on the record alone",
    "withheld": "A policy withholds what the image model read",
    "none": "There was no image to read",
}
CHANGE_WORDS: dict[Change, str] = {
    "new": "New",
    "larger": "Larger",
    "smaller": "Smaller",
    "unchanged": "There before and now",
    "resolved": "No longer there",
    "undecided": "There now, change not decided",
}
"""In the order a reader needs them."""
_SPAN = re.compile(r"(.+)#(\d+)-(\d+)")
"""Of `tools.med_vlm.reading.Sentence.source`."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed in one way since the image before, and the evidence of it."""

    change: Change
    words: str
    findings: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison with the image before. `since` is a heading, and `nothing` a sentence where `changed` is empty."""

    since: str
    changed: tuple[Changed, ...]
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the model's own, the findings of the image it speaks of, and whose words it took, or an empty string."""

    text: str
    evidence: tuple[str, ...]
    source: str


def reading_words(review: Review) -> str:
    """One or two sentences: what the model read, or that it did not, and why where it said so itself."""
    reading = review.reading
    if review.reading_mode == "read" and reading is not None:
        return f"{reading.model} read the image. {_standing(reading)}"
    said = READING_WORDS[review.reading_mode]
    return f"{said}: {reading.reason}." if reading and reading.reason else f"{said}."


def _standing(reading: Reading) -> str:
    if reading.calibrated:
        return "Its findings are a demonstrator's; its card says on what it was trained and how well it did."
    return "It has not been calibrated here, so nothing it says is more than uncertain."


def comparison(review: Review) -> Compared | None:
    """What is new, larger, smaller, as it was, gone or undecided since the prior image; None when no prior image was read."""
    reading, prior = review.reading, review.study.prior if review.study else None
    if reading is None or reading.compared_with is None:
        return None
    since = f"Since {moment(prior.started)}" if prior and prior.started else "Since the image before"
    seen = [f for f in reading.findings if f.presence == "present" or f.change == "resolved"]  # what was never there is no news
    told = ((change, words, [f for f in seen if f.change == change]) for change, words in CHANGE_WORDS.items())
    changed = tuple(Changed(change, words, _listed(found), _evidence(review, found)) for change, words, found in told if found)
    return Compared(since, changed, "" if changed else "No finding is present now, and none went away.")


def comparison_line(review: Review) -> str:
    """The comparison in one line, with its evidence; an empty string when no prior image was read."""
    compared = comparison(review)
    if compared is None:
        return ""
    told = (f"{one.words}: {' '.join((one.findings, *one.evidence))}." for one in compared.changed)
    return f"{compared.since}. {' '.join(told) or compared.nothing}"


def narrative(review: Review) -> tuple[Said, ...]:
    """What the model itself wrote; empty without a reading."""
    said = review.reading.narrative if review.reading else ()
    return tuple(Said(one.text, _image_evidence(review, one.findings), _source(one)) for one in said)


def _source(said: Sentence) -> str:
    if said.source is None:
        return ""
    span = _SPAN.fullmatch(said.source)
    return "In the words of report {}, characters {} to {}".format(*span.groups()) if span else f"In the words of {said.source}"


def disagreement_words(review: Review) -> tuple[str, ...]:
    """A sentence for each finding on which the image model's own words and a report differ, and the table of voices does not show it."""
    return tuple(
        f"{finding_words(one.finding).capitalize()}: the report says “{one.report}”, the image model “{one.model}”."
        for one in review.disagreements
    )


def trust_words(review: Review) -> tuple[str, ...]:
    """What was looked at, what limits it, how far the answer hung on the image, and what was left out."""
    reading = review.reading
    if reading is None:
        return ()
    return (*reading.technique, *reading.quality, *_reliance(reading.findings), *reading.notes)


def _reliance(findings: tuple[FindingReading, ...]) -> tuple[str, ...]:
    tested = [f for f in findings if f.reliance != "untested"]
    if not tested:
        return ()
    still = [f for f in tested if f.reliance == "unmoved"]
    if not still:
        return ("Shown a blank, noise and another image instead, the model answered differently on every finding.",)
    return (f"Shown a blank, noise and another image instead, the model answered the same on: {_listed(still)}.",)


def _evidence(review: Review, findings: Iterable[FindingReading]) -> tuple[str, ...]:
    return _image_evidence(review, [f.key for f in findings])


def _image_evidence(review: Review, keys: Iterable[str]) -> tuple[str, ...]:
    wanted = frozenset(keys)
    return tuple(item.id for item in review.evidence if item.kind == "image_finding" and item.finding in wanted)


def _listed(findings: Iterable[FindingReading]) -> str:
    return ", ".join(finding_words(f.key, f.side) for f in findings)

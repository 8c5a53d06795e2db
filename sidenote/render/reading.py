"""In words, what became of the image model, what changed since the image before, and how far all of it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable

from agent.review import ReadingMode, Review
from sidenote.render.layout import finding_words, moment
from tools.med_vlm.reading import Change, FindingReading, Reading

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
}
"""In the order a reader needs them. What could not be decided is not told as a change."""


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


def change_words(review: Review) -> tuple[str, ...]:
    """A sentence for each kind of change since the prior image; none when no prior image was read."""
    reading, prior = review.reading, review.study.prior if review.study else None
    if reading is None or reading.compared_with is None:
        return ()
    since = f" since {moment(prior.started)}" if prior and prior.started else " since the image before"
    seen = [f for f in reading.findings if f.presence == "present" or f.change == "resolved"]  # what was never there is no news
    told = ((words, [f for f in seen if f.change == change]) for change, words in CHANGE_WORDS.items())
    return tuple(f"{words}{since}: {_listed(findings)}." for words, findings in told if findings)


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


def _listed(findings: Iterable[FindingReading]) -> str:
    return ", ".join(finding_words(f.key, f.side) for f in findings)

"""`laterality`: the sources disagree on the side. No side is ever chosen.

    laterality: {disagrees: true}

Voices: the order's body site, the series, the DICOM tags, the report and the image model, each as the case gives it.
"Bilateral" agrees with either side. The report and the model name findings, and are compared finding by finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Literal

from fhir.codes import Side
from policies.case import ImageFinding, PolicyCase, ReadingFacts, StudyFacts
from policies.conditions.answer import Answer, answer
from policies.conditions.base import Spec, chart_none, gaps

_Voice = tuple[str, frozenset[Side]]
_VOICES = ("ServiceRequest", "ImagingStudy", "DiagnosticReport")


class Laterality(Spec):
    """At least two sources name sides that cannot both be right."""

    kind: Literal["laterality"] = "laterality"
    disagrees: Literal[True]


def evaluate(spec: Laterality, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    if case.study is not None:
        clash = next(_clashes(case.study, case.reading), None)
        if clash is not None:
            return answer(True, case.study.reference, clash)
    missing = gaps(case.chart, _VOICES)
    if missing:
        return Answer(None, missing)
    if case.study is None:
        return Answer(False, (chart_none("focal imaging study"),))
    named = [f"{name}: {_words(sides)}" for name, sides in _voices(case.study, case.reading)]
    return answer(False, case.study.reference, "; ".join(named) or "no source names a side")


def _clashes(study: StudyFacts, reading: ReadingFacts | None) -> Iterator[str]:
    for (one, ones), (other, others) in combinations(_voices(study, reading), 2):
        if {one, other} == {"report", "image model"}:
            continue  # they name findings, so they are compared finding by finding below
        if not any(_agree(a, b) for a in ones for b in others):
            yield f"{one}: {_words(ones)}; {other}: {_words(others)}"
    seen = {f.key: f.side for f in _seen(reading) if f.side is not None}
    for key in dict.fromkeys(key for key, _ in study.report_sides):
        reported = frozenset(side for k, side in study.report_sides if k == key)
        if key in seen and not any(_agree(seen[key], side) for side in reported):
            yield f"{key.replace('_', ' ')}: report {_words(reported)}, image model {seen[key]}"


def _voices(study: StudyFacts, reading: ReadingFacts | None) -> list[_Voice]:
    sides: tuple[tuple[str, tuple[Side | None, ...]], ...] = (
        ("order", (study.order_side,)),
        ("series", (study.series_side,)),
        ("image tag", (study.image_side,)),
        ("report", tuple(side for _, side in study.report_sides)),
        ("image model", tuple(f.side for f in _seen(reading))),
    )
    named = ((name, frozenset(side for side in given if side is not None)) for name, given in sides)
    return [(name, given) for name, given in named if given]


def _seen(reading: ReadingFacts | None) -> tuple[ImageFinding, ...]:
    """What the image model says is present; nothing when it did not read."""
    if reading is None or reading.mode != "read":
        return ()
    return tuple(finding for finding in reading.findings if finding.presence == "present")


def _agree(one: Side | None, other: Side | None) -> bool:
    return one == other or "bilateral" in (one, other)


def _words(sides: frozenset[Side]) -> str:
    return " and ".join(sorted(sides))

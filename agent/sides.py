"""What the order and the report say of the side. None of them is preferred: a policy compares them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir.chart import Chart
from fhir.codes import LATERALITY_SNOMED, Side
from fhir.study import Study
from fhir.views import objects
from policies.evidence import Sourced

_WORDS: tuple[tuple[Side, re.Pattern[str]], ...] = (
    ("bilateral", re.compile(r"\b(?:bilateral|both sides)\b", re.IGNORECASE)),
    ("left", re.compile(r"\bleft\b", re.IGNORECASE)),
    ("right", re.compile(r"\bright\b", re.IGNORECASE)),
)


def order_side(chart: Chart, study: Study) -> Side | None:
    """The side its orders name in `bodySite`, or in the words of `code`; None when they name none, or not the same."""
    orders = [fact.body for reference in study.orders if (fact := chart.get(reference)) is not None]
    sides = {side for body in orders for concept in _concepts(body) for side in _sides(concept)}
    return sides.pop() if len(sides) == 1 else None


def report_sides(evidence: Iterable[Sourced], study: Study) -> tuple[tuple[str, Side], ...]:
    """(finding key, side) of each finding the focal study's reports state as present with a side, each once."""
    stated = [
        (item.finding, item.side)
        for item in evidence
        if item.kind == "report_sentence" and item.reference in study.reports and item.polarity == "present" and item.finding and item.side
    ]
    return tuple(dict.fromkeys(stated))


def _concepts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    sites = body.get("bodySite", ())
    for concept in (*(sites if isinstance(sites, list) else [sites]), body.get("code")):
        if isinstance(concept, Mapping):
            yield concept


def _sides(concept: Mapping[str, Any]) -> Iterator[Side]:
    codings = objects(concept.get("coding"))
    yield from (LATERALITY_SNOMED[code] for coding in codings if (code := str(coding.get("code"))) in LATERALITY_SNOMED)
    words = " ".join(str(text) for text in (concept.get("text"), *(coding.get("display") for coding in codings)) if text)
    yield from (side for side, pattern in _WORDS if pattern.search(words))

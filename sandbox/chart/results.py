"""Laboratory results and vital signs: the newest of each kind, how it stands to its range, and how it went before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import Quantity, age_at, codings, concept_text, objects, quantity, status, when
from sandbox.chart.ranges import Range, range_of
from sandbox.chart.record import date_of, in_category, listed, text_of
from sandbox.chart.sparkline import Sparkline, sparkline
from sandbox.chart.times import ago, shown

_SETTLED = frozenset({"final", "amended", "corrected"})
_FLAGS = {"L": "low", "LL": "critically low", "H": "high", "HH": "critically high", "A": "abnormal", "AA": "critically abnormal", "N": ""}
"""Codes of http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation."""
_UNITS = {"10*3/uL": "10³/µL", "10*9/L": "10⁹/L", "mL/min/1.73 m2": "mL/min/1.73 m²", "Cel": "°C", "mm[Hg]": "mmHg"}
"""How a unit that is written in UCUM is read by people."""


@dataclass(frozen=True, slots=True)
class Result:
    """One kind of result. Everything is ready to be shown; "" for what is not on record."""

    name: str
    value: str
    unit: str
    flag: str
    """low, high, abnormal and so on in a word; "" for within the range, or where nobody can say."""
    range: str
    range_source: str
    when: str
    ago: str
    status: str
    """Only where the result is not final."""
    before: str
    """Earlier values with their dates, newest first."""
    trend: Sparkline | None


def laboratory(chart: Chart, now: datetime) -> tuple[Result, ...]:
    """The laboratory results, those outside their range first."""
    found = _results(chart, "laboratory", now)
    return tuple(sorted(found, key=lambda result: not result.flag))


def vital_signs(chart: Chart, now: datetime) -> tuple[Result, ...]:
    """The vital signs."""
    return _results(chart, "vital-signs", now)


def _results(chart: Chart, category: str, now: datetime) -> tuple[Result, ...]:
    kinds: dict[str, list[Fact]] = {}
    for fact in listed(chart, "Observation"):
        if in_category(fact, category):
            kinds.setdefault(_kind(fact), []).append(fact)
    return tuple(_result(chart, facts, now) for facts in kinds.values())


def _kind(fact: Fact) -> str:
    return next((f"{system}|{code}" for system, code in codings(fact.body.get("code"))), concept_text(fact.body.get("code")))


def _result(chart: Chart, facts: list[Fact], now: datetime) -> Result:
    """Of facts of one kind, newest first."""
    newest = facts[0]
    measured = quantity(newest)
    unit = measured.unit if measured else ""
    usual = range_of(newest, sex=text_of(chart.patient.body.get("gender")), age=age_at(chart, now), unit=unit)
    return Result(
        name=concept_text(newest.body.get("code")) or "Not named",
        value=_written(newest, measured),
        unit=_UNITS.get(unit, unit),
        flag=_flag(newest, measured, usual),
        range=usual.text if usual and measured else "",
        range_source=usual.source if usual and measured else "",
        when=shown(date_of(newest)),
        ago=ago(date_of(newest), now),
        status="" if status(newest) in _SETTLED else (status(newest) or "status unknown"),
        before=_before(facts[1:], unit),
        trend=sparkline(_course(facts, unit), usual),
    )


def _written(fact: Fact, measured: Quantity | None) -> str:
    if measured is not None:
        return f"{measured.comparator or ''}{measured.text}"
    return concept_text(fact.body.get("valueCodeableConcept")) or text_of(fact.body.get("valueString")) or "no value"


def _flag(fact: Fact, measured: Quantity | None, usual: Range | None) -> str:
    """What the laboratory says, else what the range says. A value with a comparator such as `<5` is not compared."""
    for said in _interpretations(fact.body):
        return said
    if measured is None or usual is None or measured.comparator:
        return ""
    return usual.outside(measured.value) or ""


def _interpretations(body: Mapping[str, object]) -> list[str]:
    given = objects(body.get("interpretation"))
    return [_FLAGS[code] for concept in given for _, code in codings(concept) if code in _FLAGS]


def _before(facts: list[Fact], unit: str) -> str:
    told = []
    for fact in facts[:3]:
        measured = quantity(fact)
        value = _written(fact, measured) if measured is None or measured.unit == unit else f"{_written(fact, measured)} {measured.unit}"
        told.append(f"{value} on {shown((date_of(fact) or '')[:10]) or 'an unknown day'}")
    return "; ".join(told)


def _course(facts: list[Fact], unit: str) -> list[tuple[datetime, float]]:
    """The numbers in one unit with their times, oldest first."""
    points = []
    for fact in facts:
        measured, moment = quantity(fact), when(fact)
        if measured is not None and moment is not None and measured.unit == unit:
            points.append((moment.earliest, float(measured.value)))
    return sorted(points)

"""Laboratory results and vital signs that bear on a chest study: the latest of each analyte, and how it moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from fhir.chart import Chart, Fact
from fhir.views import quantity, when
from policies.conditions.index import ChartIndex
from policies.evidence import Sourced
from tools.errors import InputRefused
from tools.selection import ordered, told


@dataclass(frozen=True, slots=True)
class Analyte:
    """One thing measured: the value set it is known by, and how far back its movement is looked at."""

    value_set: str
    trend: timedelta = timedelta(days=365)


ANALYTES: tuple[Analyte, ...] = (
    Analyte("egfr"),
    Analyte("creatinine"),
    Analyte("inr", timedelta(days=30)),
    Analyte("platelets", timedelta(days=90)),
    Analyte("hemoglobin"),
    Analyte("white_cells", timedelta(days=90)),
    Analyte("crp", timedelta(days=90)),
    Analyte("procalcitonin", timedelta(days=30)),
    Analyte("bnp"),
    Analyte("nt_probnp"),
    Analyte("troponin", timedelta(days=30)),
    Analyte("d_dimer", timedelta(days=30)),
    Analyte("lactate", timedelta(days=7)),
    Analyte("pregnancy_test", timedelta(days=30)),
    Analyte("pregnancy_status", timedelta(days=280)),
    Analyte("potassium", timedelta(days=90)),
    Analyte("oxygen_saturation", timedelta(days=7)),
    Analyte("body_temperature", timedelta(days=7)),
    Analyte("smoking_status"),
)
"""In the order a reader of a chest study asks for them."""


def look_up(chart: Chart, patient: str, as_of: datetime, analytes: tuple[Analyte, ...] = ANALYTES) -> tuple[Sourced, ...]:
    """The latest result of each analyte, then for each series its turning points (`trend`).

    `patient` is a reference, `as_of` is aware. Results from after `as_of` and those entered in error are not looked at.
    """
    return told(dict.fromkeys(chosen for part in held(ChartIndex(chart), as_of, analytes) for chosen in part), patient)


def held(index: ChartIndex, as_of: datetime, analytes: tuple[Analyte, ...] = ANALYTES) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """The facts of `look_up`: the latest of each analyte, and the turning points of each."""
    all_series = [ordered(index.matching(analyte.value_set, "Observation"), as_of) for analyte in analytes]
    latest = tuple(facts[0] for facts in all_series if facts)
    return latest, tuple(fact for analyte, facts in zip(analytes, all_series, strict=True) for fact in trend(facts, analyte.trend))


def series(chart: Chart, analyte: Analyte, as_of: datetime) -> tuple[Fact, ...]:
    """Every usable result of `analyte` up to `as_of`, newest first."""
    return ordered(ChartIndex(chart).matching(analyte.value_set, "Observation"), as_of)


def trend(newest: tuple[Fact, ...], window: timedelta) -> tuple[Fact, ...]:
    """The last, first, lowest and highest of a series within `window` before its last; empty for fewer than two.

    Raises:
        InputRefused: `window` is not positive.
    """
    if window <= timedelta(0):
        message = "a trend needs a window longer than nothing"
        raise InputRefused(message)
    last = when(newest[0]) if newest else None
    if last is None:
        return ()
    inside = [fact for fact in newest if (moment := when(fact)) is not None and moment.within(window, last.latest)]
    valued = [(value.value, fact) for fact in inside if (value := quantity(fact)) is not None]
    if len(valued) < 2:
        return ()
    turning = [valued[0][1], valued[-1][1], min(valued, key=_value)[1], max(valued, key=_value)[1]]
    return tuple(dict.fromkeys(turning))


def _value(pair: tuple[Decimal, Fact]) -> Decimal:
    return pair[0]

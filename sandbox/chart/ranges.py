"""Usual adult ranges by which the laboratory marks a result, where the result does not bring a range of its own.

Round figures of common textbooks, for a pretend hospital. Nobody is to be treated by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from fhir.chart import Fact
from fhir.codes import LOINC
from fhir.views import codings, member, objects, quantity_in

ADULT = 18
Side = Literal["low", "high"]


@dataclass(frozen=True, slots=True)
class Range:
    """What is usual, in `unit`; an end that is open is None. `source` says whose range it is."""

    low: Decimal | None
    high: Decimal | None
    unit: str
    source: Literal["of the result", "usual for adults"]

    @property
    def text(self) -> str:
        """`3.5–5.1`, `≥ 60`, `≤ 5`."""
        if self.low is not None and self.high is not None:
            return f"{self.low}–{self.high}"
        return f"≥ {self.low}" if self.low is not None else f"≤ {self.high}"

    def outside(self, value: Decimal) -> Side | None:
        """On which side a value lies outside; None when it does not."""
        if self.low is not None and value < self.low:
            return "low"
        return "high" if self.high is not None and value > self.high else None


def _usual(low: str | None, high: str | None, unit: str) -> Range:
    return Range(None if low is None else Decimal(low), None if high is None else Decimal(high), unit, "usual for adults")


_ALL = {
    "98979-8": _usual("60", None, "mL/min/1.73 m2"),
    "2823-3": _usual("3.5", "5.1", "mmol/L"),
    "777-3": _usual("150", "400", "10*3/uL"),
    "6690-2": _usual("4.0", "11.0", "10*3/uL"),
    "6301-6": _usual("0.8", "1.2", ""),
    "1988-5": _usual(None, "5", "mg/L"),
    "4548-4": _usual("4.0", "5.6", "%"),
    "33762-6": _usual(None, "125", "pg/mL"),
    "8310-5": _usual("36.1", "37.8", "Cel"),
    "8867-4": _usual("60", "100", "/min"),
    "59408-5": _usual("94", None, "%"),
    "8480-6": _usual("90", "140", "mm[Hg]"),
}
_BY_SEX = {
    ("2160-0", "female"): _usual("0.6", "1.1", "mg/dL"),
    ("2160-0", "male"): _usual("0.7", "1.3", "mg/dL"),
    ("718-7", "female"): _usual("12.0", "15.5", "g/dL"),
    ("718-7", "male"): _usual("13.5", "17.5", "g/dL"),
}


def range_of(result: Fact, *, sex: str, age: int | None, unit: str) -> Range | None:
    """The range of an Observation in `unit`: its own, else the usual one of an adult; None when neither fits."""
    own = _own(result, unit)
    if own is not None or age is None or age < ADULT:
        return own
    codes = [code for system, code in codings(result.body.get("code")) if system == LOINC]
    found = (_BY_SEX.get((code, sex), _ALL.get(code)) for code in codes)
    return next((one for one in found if one is not None and one.unit == unit), None)


def _own(result: Fact, unit: str) -> Range | None:
    for given in objects(result.body.get("referenceRange")):
        low, high = quantity_in(member(given, "low")), quantity_in(member(given, "high"))
        fits = all(one.unit == unit for one in (low, high) if one is not None)
        if fits and (low is not None or high is not None):
            return Range(low.value if low else None, high.value if high else None, unit, "of the result")
    return None

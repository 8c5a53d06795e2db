"""`latest_observation`: the newest value of a value set in a window, against bounds, in one unit.

    latest_observation: {value_set: egfr, unit: "mL/min/{1.73_m2}", within_days: 30, below: 30}

Yes or no only when every observation that could be the newest agrees. A value that cannot be read, a unit that is not in
the table, a preliminary result that disagrees with the final one, or a pull with gaps: cannot tell. No value in the
window of a complete pull: no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fhir.chart import Fact
from fhir.time import When
from policies.case import PolicyCase
from policies.conditions import units
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, gaps, in_window, time_of, unclear
from policies.outcome import Basis

_FINAL = ("final", "amended", "corrected")
_IGNORED = ("cancelled", "entered-in-error")
_INFINITY = Decimal("Infinity")


def _unit(unit: str) -> str:
    if not units.known(unit):
        raise ValueError(f"unit {unit!r} is not in the table of units")
    return unit


class LatestObservation(Spec):
    """The newest value of `value_set` within `within_days` before the as-of time satisfies every bound given."""

    kind: Literal["latest_observation"] = "latest_observation"
    value_set: ValueSetName
    unit: Annotated[str, AfterValidator(_unit)]
    within_days: int | None = Field(default=None, ge=0)
    below: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    at_least: Decimal | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> LatestObservation:
        if not self.bounds:
            raise ValueError("needs one of below, at_most, above, at_least")
        return self

    @property
    def bounds(self) -> tuple[tuple[str, Decimal], ...]:
        """The bounds given, by name."""
        listed = (("below", self.below), ("at_most", self.at_most), ("above", self.above), ("at_least", self.at_least))
        return tuple((name, bound) for name, bound in listed if bound is not None)


@dataclass(frozen=True, slots=True)
class _Value:
    """One observation of the value set: the values it can mean, in the rule's unit, or None when it cannot be read."""

    fact: Fact
    when: When | None
    span: tuple[Decimal, bool, Decimal, bool] | None
    """(low, low included, high, high included)."""
    preliminary: bool
    shown: str


def evaluate(spec: LatestObservation, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    missing = gaps(case.chart, ("Observation",)) + unclear(case, spec.value_set, ("Observation",), spec.within_days)
    values = [v for fact in case.index.matching(spec.value_set, "Observation") if (v := _read(fact, spec)) is not None]
    values = [v for v in values if v.when is None or v.when.earliest <= case.as_of]
    inside = [v for v in values if in_window(v.when, case.as_of, spec.within_days) is not False]
    if not inside:
        window = f" in {spec.within_days} days" if spec.within_days is not None else ""
        return Answer(None, missing) if missing else Answer(False, (chart_none(f"{spec.value_set}{window}"),))
    newest = _could_be_newest(inside)
    verdicts = {_verdict(v, spec, case) for v in newest}
    basis = tuple(Basis(reference=v.fact.reference, detail=v.shown) for v in newest) + missing
    agreed = verdicts.pop() if len(verdicts) == 1 else None
    return Answer(None if missing else agreed, basis)


def _could_be_newest(values: list[_Value]) -> list[_Value]:
    """The final values that no other final value surely follows, with every newer preliminary or undated one."""
    finals = [v for v in values if not v.preliminary and v.when is not None]
    newest = max((v.when.earliest for v in finals if v.when is not None), default=None)
    return [v for v in values if v.when is None or newest is None or v.when.latest >= newest]


def _verdict(value: _Value, spec: LatestObservation, case: PolicyCase) -> bool | None:
    if value.span is None or in_window(value.when, case.as_of, spec.within_days) is None:
        return None
    if value.preliminary and value.when is None:
        return None
    each = [_bounded(value.span, name, bound) for name, bound in spec.bounds]
    held = False if False in each else None if None in each else True
    # A preliminary result alone proves nothing; beside a final one of the same answer it does not disturb.
    return held if not value.preliminary or _has_final(spec, case) else None


def _has_final(spec: LatestObservation, case: PolicyCase) -> bool:
    finals = (f for f in case.index.matching(spec.value_set, "Observation") if f.body.get("status") in _FINAL)
    return any(in_window(time_of(f), case.as_of, spec.within_days) for f in finals)


def _bounded(span: tuple[Decimal, bool, Decimal, bool], name: str, bound: Decimal) -> bool | None:
    low, low_in, high, high_in = span
    if name in ("above", "at_least"):
        held = low > bound or (low == bound and (name == "at_least" or not low_in))
        failed = high < bound or (high == bound and (name == "above" or not high_in))
    else:
        held = high < bound or (high == bound and (name == "at_most" or not high_in))
        failed = low > bound or (low == bound and (name == "below" or not low_in))
    return True if held else False if failed else None


def _read(fact: Fact, spec: LatestObservation) -> _Value | None:
    """The observation as a value; None when it is no result at all (cancelled, or its data is declared absent)."""
    body = fact.body
    status = body.get("status")
    quantity = body.get("valueQuantity")
    has_value = any(key.startswith("value") for key in body)
    if status in _IGNORED or (not has_value and "dataAbsentReason" in body):
        return None
    span = _span(quantity, spec) if isinstance(quantity, Mapping) else None
    when = time_of(fact)
    shown = _shown(quantity) if isinstance(quantity, Mapping) else "a result that is not a quantity"
    notes = [shown, f"on {when.text[:10]}" if when else "without a date"]
    if span is None and isinstance(quantity, Mapping):
        notes.append("(unit not recognised)" if _number(quantity) is not None else "(no value)")
    preliminary = status not in _FINAL
    if preliminary:
        notes.append(f"({status or 'no status'})")
    return _Value(fact, when, span, preliminary, " ".join(notes))


def _span(quantity: Mapping[str, object], spec: LatestObservation) -> tuple[Decimal, bool, Decimal, bool] | None:
    number = _number(quantity)
    code, written = quantity.get("code"), quantity.get("unit")
    unit = units.unit_agreed(code if isinstance(code, str) else None, written if isinstance(written, str) else None)
    scale = units.factor(unit, spec.unit, spec.value_set) if unit is not None else None
    if number is None or scale is None:
        return None
    value = number * scale
    match quantity.get("comparator"):
        case None:
            return value, True, value, True
        case "<" | "<=" as sign:
            return -_INFINITY, False, value, sign == "<="
        case ">" | ">=" as sign:
            return value, sign == ">=", _INFINITY, False
        case _:
            return None


def _number(quantity: Mapping[str, object]) -> Decimal | None:
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, float)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _shown(quantity: Mapping[str, object]) -> str:
    parts = (quantity.get("comparator"), quantity.get("value"), quantity.get("unit") or quantity.get("code"))
    return " ".join(str(part) for part in parts if part is not None)

"""`latest_observation`: the newest value of a value set in a window, against bounds, in one unit.

    latest_observation: {value_set: egfr, unit: "mL/min/{1.73_m2}", within_days: 30, below: 30}

Yes or no only when every observation that could be the newest agrees. A value that cannot be read, or that is declared
absent beside it; a unit that is unknown or of another kind; a preliminary result that disagrees with the final one; a pull
with gaps: cannot tell. No value in the window of a complete pull: no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fhir.absence import given, result_absent
from fhir.chart import Fact
from fhir.codes import UCUM
from fhir.spans import Span, span_of
from fhir.time import When
from fhir.units import NoConversion
from fhir.views import settled
from policies.case import PolicyCase
from policies.conditions import units
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, gaps, in_window, time_of, unclear
from policies.outcome import Basis

_IGNORED = ("cancelled", "entered-in-error")


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
    span: Span | None
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
    each = [getattr(value.span, name)(bound) for name, bound in spec.bounds]
    held = False if False in each else None if None in each else True
    # A preliminary result alone proves nothing; beside a final one of the same answer it does not disturb.
    return held if not value.preliminary or _has_final(spec, case) else None


def _has_final(spec: LatestObservation, case: PolicyCase) -> bool:
    finals = (fact for fact in case.index.matching(spec.value_set, "Observation") if settled(fact))
    return any(in_window(time_of(fact), case.as_of, spec.within_days) for fact in finals)


def _read(fact: Fact, spec: LatestObservation) -> _Value | None:
    """The observation as a value; None when it is no result at all (cancelled, or its data is declared absent)."""
    body = fact.body
    status = body.get("status")
    has_value = any(key.startswith("value") for key in body)
    if status in _IGNORED or (not has_value and result_absent(body)):
        return None
    quantity = body.get("valueQuantity")
    span, why = _span(body, quantity, spec) if isinstance(quantity, Mapping) else (None, "")
    when = time_of(fact)
    shown = _shown(quantity) if isinstance(quantity, Mapping) else "a result that is not a quantity"
    preliminary = not settled(fact)
    doubts = (why, (status if isinstance(status, str) else "no status") if preliminary else "")
    notes = [shown, f"on {when.text[:10]}" if when else "without a date", *(f"({doubt})" for doubt in doubts if doubt)]
    return _Value(fact, when, span, preliminary, " ".join(notes))


def _span(body: Mapping[str, object], quantity: Mapping[str, object], spec: LatestObservation) -> tuple[Span | None, str]:
    """What the quantity can mean in the rule's unit; or None, and why."""
    if result_absent(body):
        return None, "said to be absent too"
    number = _number(quantity)
    if number is None or given(body, "valueQuantity") is None:
        return None, "no value"
    code, written = quantity.get("code"), quantity.get("unit")
    unit = units.unit_agreed(_text(code), _text(written), ucum=quantity.get("system") == UCUM)
    if unit is None:
        return None, "unit not recognised"
    found = units.conversion(unit, spec.unit, spec.value_set)
    if isinstance(found, NoConversion):
        return None, f"unit not converted: {found.reason}"
    return span_of(found.of(number), given(quantity, "comparator")), ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(quantity: Mapping[str, object]) -> Decimal | None:
    value = given(quantity, "value")
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

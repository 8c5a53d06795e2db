"""The language of conditions: the kinds as one discriminated union, and the combinators all, any and not.

A condition is a mapping with one key, the kind, e.g. `{planned: {topic: mri}}`; combinators hold conditions:

    all:
      - planned: {topic: mri}
      - not: {age: {below: 18}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from policies.case import PolicyCase
from policies.conditions import (
    absent,
    active_medication,
    allergy,
    coded_observation,
    device_or_procedure,
    fhirpath,
    laterality,
    latest_observation,
    patient,
    planned,
    problem,
    pull,
    reading,
    report_finding,
    study,
)
from policies.conditions.answer import Answer, all_of, any_of, negated
from policies.conditions.base import Spec
from policies.errors import ConditionInvalid


class All(Spec):
    """Every one of `of` holds."""

    kind: Literal["all"] = "all"
    of: tuple[Condition, ...] = Field(min_length=1)


class AnyOf(Spec):
    """At least one of `of` holds."""

    kind: Literal["any"] = "any"
    of: tuple[Condition, ...] = Field(min_length=1)


class Not(Spec):
    """`of` does not hold."""

    kind: Literal["not"] = "not"
    of: Condition


_KINDS: dict[type[Spec], Callable[[Any, PolicyCase], Answer]] = {
    absent.Absent: absent.evaluate,
    active_medication.ActiveMedication: active_medication.evaluate,
    allergy.Allergy: allergy.evaluate,
    coded_observation.CodedObservation: coded_observation.evaluate,
    device_or_procedure.DeviceOrProcedure: device_or_procedure.evaluate,
    fhirpath.FhirPath: fhirpath.evaluate,
    laterality.Laterality: laterality.evaluate,
    latest_observation.LatestObservation: latest_observation.evaluate,
    patient.Age: patient.evaluate_age,
    patient.Sex: patient.evaluate_sex,
    planned.Planned: planned.evaluate,
    problem.Problem: problem.evaluate,
    pull.ManifestSays: pull.evaluate,
    reading.ReadingSays: reading.evaluate,
    report_finding.ReportFinding: report_finding.evaluate,
    study.StudyIs: study.evaluate,
}
_NAMES: tuple[str, ...] = ("all", "any", "not", *sorted(kind.model_fields["kind"].default for kind in _KINDS))


def _flat(value: object) -> object:
    """`{age: {below: 18}}` as `{kind: age, below: 18}`; a condition already flat, or a model, passes."""
    if not isinstance(value, Mapping) or "kind" in value:
        return value
    if len(value) != 1:
        raise ValueError(f"a condition has exactly one key, the kind; got {', '.join(sorted(map(str, value))) or 'none'}")
    kind, inner = next(iter(value.items()))
    if kind not in _NAMES:
        raise ValueError(f"unknown kind of condition {kind!r}; known: {', '.join(_NAMES)}")
    if kind in ("all", "any", "not"):
        return {"kind": kind, "of": inner}
    if not isinstance(inner, Mapping) or "kind" in inner:
        raise ValueError(f"{kind!r} wants a mapping of its settings")
    return {"kind": kind, **inner}


Condition: TypeAlias = Annotated[
    Annotated[
        All
        | AnyOf
        | Not
        | absent.Absent
        | active_medication.ActiveMedication
        | allergy.Allergy
        | coded_observation.CodedObservation
        | device_or_procedure.DeviceOrProcedure
        | fhirpath.FhirPath
        | laterality.Laterality
        | latest_observation.LatestObservation
        | patient.Age
        | patient.Sex
        | planned.Planned
        | problem.Problem
        | pull.ManifestSays
        | reading.ReadingSays
        | report_finding.ReportFinding
        | study.StudyIs,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_flat),
]
"""Any condition, as a field of a pydantic model."""

for _combinator in (All, AnyOf, Not):
    _combinator.model_rebuild()
_adapter: TypeAdapter[Condition] = TypeAdapter(Condition)


def parse_condition(data: object) -> Condition:
    """Read a condition from parsed YAML or JSON.

    Raises:
        ConditionInvalid: it does not fit the language; the message names the key.
    """
    try:
        return _adapter.validate_python(data)
    except ValidationError as error:
        raise ConditionInvalid(explained(error)) from error


def explained(error: ValidationError) -> str:
    """The first fault of a validation error as `key: what is wrong`, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _NAMES or isinstance(part, int))
    what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{where or 'condition'}: {what}"


def evaluate(condition: Condition, case: PolicyCase) -> Answer:
    """Answer a condition on a case: yes, no or cannot tell, with what was read."""
    match condition:
        case All():
            return all_of(evaluate(each, case) for each in condition.of)
        case AnyOf():
            return any_of(evaluate(each, case) for each in condition.of)
        case Not():
            return negated(evaluate(condition.of, case))
        case _:
            return _KINDS[type(condition)](condition, case)


def leaves(condition: Condition) -> Iterator[Spec]:
    """Every condition inside that is no combinator, in order."""
    match condition:
        case All() | AnyOf():
            for each in condition.of:
                yield from leaves(each)
        case Not():
            yield from leaves(condition.of)
        case _:
            yield condition


def written(condition: Condition) -> dict[str, Any]:
    """The condition as a rule file writes it: one key, the kind; settings that stand at their default left out."""
    match condition:
        case All() | AnyOf():
            return {condition.kind: [written(each) for each in condition.of]}
        case Not():
            return {"not": written(condition.of)}
        case _:
            settings = condition.model_dump(by_alias=True, exclude_defaults=True, exclude={"kind"})
            return {condition.kind: {key: _plain(value) for key, value in settings.items()}}


def _plain(value: Any) -> Any:
    """A setting as YAML writes it: numbers and lists, no Decimal and no tuple."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return list(value) if isinstance(value, tuple) else value

"""`age` and `sex` of the bound patient.

    age: {below: 18}
    sex: {is: female}

Age is reckoned at the as-of time from `birthDate`, which may be given to the year: then the age is a span of years.
Sex is the sex parameter for clinical use where recorded, else birth sex, else administrative gender, and the basis says
which it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from fhir.absence import given
from fhir.views import objects
from policies.case import PolicyCase
from policies.conditions.answer import Answer, answer
from policies.conditions.base import Spec
from policies.conditions.index import code_values

_CLINICAL_USE = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
_BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_CORE_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex"
_SEX = {
    "female-typical": "female", "male-typical": "male", "F": "female", "M": "male",
    "248152002": "female", "248153007": "male", "female": "female", "male": "male",
}  # fmt: skip


class Age(Spec):
    """Age in completed years is at least `at_least` and below `below`."""

    kind: Literal["age"] = "age"
    at_least: int | None = Field(default=None, ge=0)
    below: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _has_a_bound(self) -> Age:
        if self.at_least is None and self.below is None:
            raise ValueError("needs at_least or below")
        return self


class Sex(Spec):
    """The patient's sex for clinical use."""

    kind: Literal["sex"] = "sex"
    is_: Literal["female", "male"] = Field(alias="is")


def evaluate_age(spec: Age, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`; cannot tell without a birth date, or when its precision does not tell."""
    reference = case.chart.patient.reference
    ages = age_span(given(case.chart.patient.body, "birthDate"), case.as_of.date())
    if ages is None:
        return answer(None, reference, "no birth date that can be read")
    youngest, oldest = ages
    low, high = spec.at_least or 0, spec.below if spec.below is not None else 1000
    shown = f"age {youngest}" if youngest == oldest else f"age {youngest} to {oldest}"
    if low <= youngest and oldest < high:
        return answer(True, reference, shown)
    return answer(None if low <= oldest and youngest < high else False, reference, shown)


def age_span(birth_date: object, today: date) -> tuple[int, int] | None:
    """The youngest and oldest age in completed years a birth date (year, month or day) can mean; None if unreadable.

    >>> age_span("2008", date(2026, 6, 1))
    (17, 18)
    """
    if not isinstance(birth_date, str):
        return None
    try:
        first, last = _birth_span([int(part) for part in birth_date.split("-")])
    except ValueError:
        return None
    if first > today:
        return None
    return _years(min(last, today), today), _years(first, today)


def _birth_span(parts: list[int]) -> tuple[date, date]:
    match parts:
        case [year]:
            return date(year, 1, 1), date(year, 12, 31)
        case [year, month]:
            following = date(year + month // 12, month % 12 + 1, 1)
            return date(year, month, 1), date.fromordinal(following.toordinal() - 1)
        case [year, month, day]:
            return date(year, month, day), date(year, month, day)
    raise ValueError("not a FHIR date")


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def evaluate_sex(spec: Sex, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`; cannot tell when no source states female or male."""
    patient = case.chart.patient
    for source, code in _stated(patient.body):
        sex = _SEX.get(code)
        if sex is not None:
            return answer(sex == spec.is_, patient.reference, f"{sex} ({source})")
        if source == "sex parameter for clinical use":
            break
    return answer(None, patient.reference, "sex for clinical use is not stated")


def _stated(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    extensions = objects(body.get("extension"))
    for extension in extensions:
        if extension.get("url") == _CLINICAL_USE:
            for part in objects(extension.get("extension")):
                for code in sorted(code_values(part.get("valueCodeableConcept"))):
                    yield "sex parameter for clinical use", code
    for url, source in ((_BIRTH_SEX, "birth sex"), (_CORE_SEX, "recorded sex")):
        for extension in extensions:
            if extension.get("url") == url and isinstance(extension.get("valueCode"), str):
                yield source, extension["valueCode"]
    if isinstance(body.get("gender"), str):
        yield "administrative gender", body["gender"]

"""Who a chart is about, as the header says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.chart import Chart, Fact
from fhir.views import age_at, codings, objects
from sandbox.chart.record import text_of
from sandbox.chart.times import shown

_NO_NAME = "Name not on record"
_CODED_NUMBER = "MR"
"""Of http://terminology.hl7.org/CodeSystem/v2-0203: a medical record number."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The patient's identity in words; "" for what the record does not say."""

    id: str
    name: str
    birth_date: str
    age: str
    sex: str
    mrn: str
    deceased: bool


def identity_of(chart: Chart, now: datetime) -> Identity:
    """The identity of a chart's patient; the age at `now`."""
    body = chart.patient.body
    return Identity(
        chart.patient.id,
        name_of(body),
        shown(text_of(body.get("birthDate"))),
        _age(chart, now),
        text_of(body.get("gender")),
        _number(body),
        bool(body.get("deceasedBoolean") or body.get("deceasedDateTime")),
    )


def name_of(body: Mapping[str, Any]) -> str:
    """The name of a Patient or Practitioner as `Family, Given`: the official one, else the usual one, else the first."""
    ranks = {"official": 0, "usual": 1}
    names = sorted(objects(body.get("name")), key=lambda name: ranks.get(text_of(name.get("use")), 2))
    found = (_written(name) for name in names)
    return next((text for text in found if text), _NO_NAME)


def _written(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    first = " ".join(text_of(one) for one in given if text_of(one)) if isinstance(given, list) else ""
    whole = ", ".join(part for part in (text_of(name.get("family")), first) if part)
    return whole or text_of(name.get("text"))


def clinician_name(body: Mapping[str, Any]) -> str:
    """The name of a Practitioner as people say it: `Dr Ada Ames`."""
    for name in objects(body.get("name")):
        parts = [*_texts(name.get("prefix")), *_texts(name.get("given")), text_of(name.get("family"))]
        if any(parts):
            return " ".join(part for part in parts if part)
    return _NO_NAME


def _texts(value: Any) -> list[str]:
    return [text_of(one) for one in value] if isinstance(value, list) else []


def _age(chart: Chart, now: datetime) -> str:
    years = age_at(chart, now)
    return "" if years is None else f"{years} y"


def _number(body: Mapping[str, Any]) -> str:
    """The medical record number: what is coded as one, else the usual identifier, else the first."""
    found = [one for one in objects(body.get("identifier")) if text_of(one.get("value"))]

    def rank(one: Mapping[str, Any]) -> int:
        coded = any(code == _CODED_NUMBER for _, code in codings(one.get("type")))
        return 0 if coded else 1 if one.get("use") == "usual" else 2

    return text_of(min(found, key=rank)["value"]) if found else ""


@dataclass(frozen=True, slots=True)
class Badge:
    """The allergies as the header shows them."""

    text: str
    severe: bool
    known: bool
    """Whether anything is on record; nothing on record is not the same as no allergy."""


def allergy_badge(allergies: tuple[Fact, ...], names: tuple[str, ...]) -> Badge:
    """The badge for the active allergies, whose names stand in the same order."""
    if not allergies:
        return Badge("None on record", severe=False, known=False)
    severe = any(_severe(fact) for fact in allergies)
    return Badge(", ".join(names), severe=severe, known=True)


def _severe(fact: Fact) -> bool:
    reactions = objects(fact.body.get("reaction"))
    return fact.body.get("criticality") == "high" or any(one.get("severity") == "severe" for one in reactions)

"""Problems, medications, allergies, orders, visits and procedures as lines of the chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.references import followed
from fhir.views import clinical_status, concept_text, member, objects, status
from sandbox.chart.record import date_of, first_text, listed, text_of
from sandbox.chart.times import ago, shown

_ENCOUNTERS = {"AMB": "Outpatient", "EMER": "Emergency", "IMP": "Inpatient", "ACUTE": "Inpatient", "HH": "Home", "VR": "Virtual"}
"""Codes of http://terminology.hl7.org/CodeSystem/v3-ActCode."""
_UNNAMED = "Not named"
_OVER = frozenset({"resolved", "inactive", "remission", "stopped", "completed", "cancelled", "revoked", "ended", "finished"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: what it is, more about it, since or at when, and its status; "" for what is not on record."""

    title: str
    detail: str
    when: str
    ago: str
    status: str
    over: bool
    """Whether it belongs to the past."""


Detail = Callable[[Fact], str]


def _line(fact: Fact, title: str, detail: str, state: str | None, now: datetime) -> Line:
    date = date_of(fact)
    return Line(title or _UNNAMED, detail, shown(date), ago(date, now), (state or "").replace("-", " "), (state or "") in _OVER)


def _standing_first(lines: list[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.over))


def problems(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """The problem list, what is active first."""
    return _standing_first(
        [_line(fact, concept_text(fact.body.get("code")), "", clinical_status(fact), now) for fact in listed(chart, "Condition")]
    )


def medications(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """What is prescribed or taken, what is active first; the dose as it is written."""
    facts = listed(chart, "MedicationRequest", "MedicationStatement")
    return _standing_first([_line(fact, medication_name(chart, fact), _dose(fact), status(fact), now) for fact in facts])


def medication_name(chart: Chart, fact: Fact) -> str:
    """What a prescription is of, through its reference where it has one."""
    named = concept_text(fact.body.get("medicationCodeableConcept"))
    reference = fact.body.get("medicationReference")
    found = followed(reference, chart, fact.body.get("contained"))
    return named or (concept_text(found.body.get("code")) if found else "") or text_of(member(reference, "display"))


def _dose(fact: Fact) -> str:
    doses = objects(fact.body.get("dosageInstruction")) or objects(fact.body.get("dosage"))
    return "; ".join(text for dose in doses if (text := text_of(dose.get("text"))))


def active_allergies(chart: Chart) -> tuple[Fact, ...]:
    """The allergies that are not said to be over."""
    return tuple(fact for fact in listed(chart, "AllergyIntolerance") if clinical_status(fact) not in _OVER)


def allergy_name(fact: Fact) -> str:
    """What somebody is allergic to."""
    return concept_text(fact.body.get("code")) or _UNNAMED


def allergies(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """Allergies and intolerances with their reactions."""
    facts = listed(chart, "AllergyIntolerance")
    return _standing_first([_line(fact, allergy_name(fact), _reactions(fact), clinical_status(fact), now) for fact in facts])


def _reactions(fact: Fact) -> str:
    told = []
    for reaction in objects(fact.body.get("reaction")):
        what, severity = first_text(reaction.get("manifestation")), text_of(reaction.get("severity"))
        told.append(f"{what} ({severity})" if what and severity else what or severity)
    criticality = text_of(fact.body.get("criticality"))
    return "; ".join([*told, *([f"criticality {criticality}"] if criticality else [])])


def orders(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """Orders, what stands first, with their reasons."""
    facts = listed(chart, "ServiceRequest")
    lines = [_line(fact, concept_text(fact.body.get("code")), first_text(fact.body.get("reasonCode")), status(fact), now) for fact in facts]
    return _standing_first(lines)


def encounters(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """Visits, newest first."""
    return tuple(_line(fact, reason(fact), ward(fact), status(fact), now) for fact in listed(chart, "Encounter"))


def reason(encounter: Fact) -> str:
    """Why somebody came."""
    return first_text(encounter.body.get("reasonCode"))


def ward(encounter: Fact) -> str:
    """Where somebody is seen: the class of the visit in a word."""
    code = text_of(member(encounter.body.get("class"), "code"))
    return _ENCOUNTERS.get(code, text_of(member(encounter.body.get("class"), "display")) or code)


def procedures(chart: Chart, now: datetime) -> tuple[Line, ...]:
    """What was done, and what was implanted."""
    done = [_line(fact, concept_text(fact.body.get("code")), "Procedure", status(fact), now) for fact in listed(chart, "Procedure")]
    devices = [_device(fact) for fact in listed(chart, "Device") if isinstance(fact.body.get("patient"), dict)]
    return (*done, *devices)


def _device(fact: Fact) -> Line:
    since = text_of(fact.body.get("manufactureDate"))
    return Line(concept_text(fact.body.get("type")) or _UNNAMED, "Device", shown(since), "", status(fact) or "", over=False)

"""What a person may pick in a standalone launch: a patient of the store, and a visit of that patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Context
from sandbox.ehr.references import values
from sandbox.ehr.store import Store, Version


@dataclass(frozen=True, slots=True)
class Choice:
    """A patient to be picked: the name, and what tells two of one name apart."""

    id: str
    name: str
    about: str


def patients_for(store: Store, user: User) -> tuple[Choice, ...]:
    """The patients that somebody may pick, by name: a patient only the own record."""
    own = user.fhir_user.removeprefix("Patient/") if user.fhir_user.startswith("Patient/") else None
    choices = (Choice(each.id, name_of(each.body), _about(each.body)) for each in store.of_type("Patient") if own in (None, each.id))
    return tuple(sorted(choices, key=lambda each: (each.name.casefold(), each.id)))


def visits_of(store: Store, patients: tuple[Choice, ...]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Of each patient who has any, the visits as (id, date and kind), newest first."""
    found = ((one.name, tuple(_visit(each) for each in _newest_first(store, one.id))) for one in patients)
    return tuple((name, visits) for name, visits in found if visits)


def picked(store: Store, patients: tuple[Choice, ...], form: Mapping[str, str]) -> Context | str:
    """The context that a form picks; a sentence to the person when it picks none that there is."""
    patient, encounter = form.get("patient"), form.get("encounter")
    if patients and patient not in {each.id for each in patients}:
        return "Pick whose record it is."
    if encounter and encounter not in {each.id for each in store.of_patient(patient or "", "Encounter")}:
        return "That visit is another patient's: pick one of the same patient, or none."
    return Context(patient=patient, encounter=encounter, need_patient_banner=True)


def name_of(body: Mapping[str, Any]) -> str:
    """`Family, Given` of the first name; the id where there is none."""
    name: Mapping[str, Any] = next(values(body, "name"), {})
    parts = [str(name.get("family", "")), " ".join(map(str, name.get("given", ())))]
    return ", ".join(part for part in parts if part) or str(body.get("id"))


def _about(body: Mapping[str, Any]) -> str:
    number = next(values(body, "identifier.value"), None)
    told = (body.get("birthDate"), body.get("gender"), number)
    return " · ".join(str(each) for each in told if each)


def _newest_first(store: Store, patient: str) -> list[Version]:
    return sorted(store.of_patient(patient, "Encounter"), key=_begun, reverse=True)


def _begun(encounter: Version) -> str:
    return str(next(values(encounter.body, "period.start"), ""))


def _visit(encounter: Version) -> tuple[str, str]:
    kind = next(values(encounter.body, "reasonCode.text"), None) or next(values(encounter.body, "class.code"), "visit")
    return encounter.id, " · ".join(part for part in (_begun(encounter)[:10], str(kind)) if part)

"""The search parameters the server knows, by type: what the CapabilityStatement lists and the search evaluates.

Names and expressions: FHIR R4 searchparameter-registry.html, as far as plain element paths express them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["token", "reference", "date", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter: what it compares (`kind`) at which element paths; a reference may be bound to one `target` type."""

    name: str
    kind: Kind
    paths: tuple[str, ...]
    target: str | None = None


def _token(name: str, *paths: str) -> Parameter:
    return Parameter(name, "token", paths or (name,))


def _date(name: str, *paths: str) -> Parameter:
    return Parameter(name, "date", paths or (name,))


def _string(name: str, *paths: str) -> Parameter:
    return Parameter(name, "string", paths or (name,))


def _reference(name: str, path: str = "", target: str | None = None) -> Parameter:
    return Parameter(name, "reference", (path or name,), target)


def _patient(path: str = "subject") -> Parameter:
    return _reference("patient", path, "Patient")


ID = _token("_id", "id")
LAST_UPDATED = _date("_lastUpdated", "meta.lastUpdated")
_IDENTIFIER = _token("identifier")
_WITHOUT_IDENTIFIER = ("AuditEvent", "Binary", "Provenance")
_SUBJECT = (_patient(), _reference("subject"))
_OWN = (_patient("patient"),)
_STATUS = _token("status")
_CODE = _token("code")
_CATEGORY = _token("category")
_ENCOUNTER = _reference("encounter")
_MEDICINE = (_token("code", "medicationCodeableConcept"), _reference("medication", "medicationReference"), _STATUS)
_OF: dict[str, tuple[Parameter, ...]] = {
    "AllergyIntolerance": (
        *_OWN,
        _CODE,
        _token("clinical-status", "clinicalStatus"),
        _token("verification-status", "verificationStatus"),
        _CATEGORY,
        _date("date", "recordedDate"),
        _token("criticality"),
    ),
    "AuditEvent": (_date("date", "recorded"), _token("type"), _token("action")),
    "Binary": (),
    "CarePlan": (*_SUBJECT, _CATEGORY, _STATUS, _date("date", "period"), _ENCOUNTER),
    "CareTeam": (*_SUBJECT, _STATUS, _CATEGORY, _date("date", "period")),
    "Claim": (*_OWN, _STATUS, _date("created")),
    "Communication": (*_SUBJECT, _STATUS, _CATEGORY, _date("sent")),
    "Composition": (*_SUBJECT, _STATUS, _CATEGORY, _token("type"), _date("date"), _ENCOUNTER),
    "Condition": (
        *_SUBJECT,
        _CODE,
        _CATEGORY,
        _token("clinical-status", "clinicalStatus"),
        _token("verification-status", "verificationStatus"),
        _date("onset-date", "onsetDateTime", "onsetPeriod"),
        _date("recorded-date", "recordedDate"),
        _ENCOUNTER,
    ),
    "Consent": (*_OWN, _STATUS, _CATEGORY, _date("date", "dateTime")),
    "Coverage": (_patient("beneficiary"), _reference("beneficiary"), _STATUS),
    "DetectedIssue": (_patient("patient"), _CODE, _date("identified", "identifiedDateTime", "identifiedPeriod")),
    "Device": (*_OWN, _token("type"), _STATUS),
    "DiagnosticReport": (
        *_SUBJECT,
        _CODE,
        _CATEGORY,
        _STATUS,
        _date("date", "effectiveDateTime", "effectivePeriod"),
        _date("issued"),
        _ENCOUNTER,
        _reference("based-on", "basedOn"),
        _reference("result", "result", "Observation"),
        _reference("media", "media.link", "Media"),
    ),
    "DocumentReference": (
        *_SUBJECT,
        _token("type"),
        _CATEGORY,
        _STATUS,
        _date("date"),
        _date("period", "context.period"),
        _reference("encounter", "context.encounter"),
    ),
    "Encounter": (*_SUBJECT, _STATUS, _token("class"), _token("type"), _date("date", "period")),
    "Endpoint": (_STATUS, _token("connection-type", "connectionType"), _string("name")),
    "ExplanationOfBenefit": (*_OWN, _STATUS, _date("created")),
    "FamilyMemberHistory": (*_OWN, _STATUS, _token("code", "condition.code"), _date("date")),
    "Flag": (*_SUBJECT, _CODE, _STATUS, _date("date", "period")),
    "Goal": (*_SUBJECT, _CATEGORY, _token("lifecycle-status", "lifecycleStatus"), _date("start-date", "startDate")),
    "Group": (_token("type"), _CODE, _reference("member", "member.entity")),
    "GuidanceResponse": (*_SUBJECT, _token("request", "requestIdentifier"), _STATUS),
    "HealthcareService": (_string("name"), _token("active")),
    "ImagingStudy": (
        *_SUBJECT,
        _STATUS,
        _token("modality", "modality", "series.modality"),
        _token("bodysite", "series.bodySite"),
        _date("started"),
        _ENCOUNTER,
        _reference("basedon", "basedOn"),
        _reference("endpoint", "endpoint", "Endpoint"),
    ),
    "Immunization": (*_OWN, _STATUS, _token("vaccine-code", "vaccineCode"), _date("date", "occurrenceDateTime")),
    "List": (*_SUBJECT, _STATUS, _CODE, _date("date")),
    "Location": (_string("name"), _STATUS),
    "Media": (
        *_SUBJECT,
        _STATUS,
        _token("type"),
        _token("modality"),
        _date("created", "createdDateTime", "createdPeriod"),
        _reference("based-on", "basedOn"),
    ),
    "Medication": (_CODE, _STATUS),
    "MedicationAdministration": (*_SUBJECT, *_MEDICINE, _date("effective-time", "effectiveDateTime", "effectivePeriod")),
    "MedicationDispense": (*_SUBJECT, *_MEDICINE, _date("whenhandedover", "whenHandedOver")),
    "MedicationRequest": (*_SUBJECT, *_MEDICINE, _token("intent"), _CATEGORY, _date("authoredon", "authoredOn"), _ENCOUNTER),
    "MedicationStatement": (*_SUBJECT, *_MEDICINE, _CATEGORY, _date("effective", "effectiveDateTime", "effectivePeriod")),
    "Observation": (
        *_SUBJECT,
        _CODE,
        _CATEGORY,
        _STATUS,
        _date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant"),
        _token("value-concept", "valueCodeableConcept"),
        _ENCOUNTER,
        _reference("based-on", "basedOn"),
        _reference("has-member", "hasMember"),
        _reference("derived-from", "derivedFrom"),
    ),
    "Organization": (_string("name"), _token("active"), _token("type")),
    "Patient": (
        _string("name", "name.family", "name.given", "name.text"),
        _string("family", "name.family"),
        _string("given", "name.given"),
        _date("birthdate", "birthDate"),
        _token("gender"),
        _token("active"),
        _reference("general-practitioner", "generalPractitioner"),
    ),
    "Practitioner": (_string("name", "name.family", "name.given", "name.text"), _token("active")),
    "PractitionerRole": (_reference("practitioner"), _reference("organization"), _token("specialty")),
    "Procedure": (*_SUBJECT, _CODE, _CATEGORY, _STATUS, _date("date", "performedDateTime", "performedPeriod"), _ENCOUNTER),
    "Provenance": (_reference("target"), _reference("patient", "target", "Patient"), _date("recorded")),
    "Questionnaire": (_STATUS, _token("url")),
    "QuestionnaireResponse": (*_SUBJECT, _STATUS, _date("authored")),
    "RelatedPerson": (*_OWN, _string("name", "name.family", "name.given", "name.text")),
    "RiskAssessment": (*_SUBJECT, _date("date", "occurrenceDateTime", "occurrencePeriod"), _ENCOUNTER),
    "ServiceRequest": (*_SUBJECT, _CODE, _CATEGORY, _STATUS, _token("intent"), _date("authored", "authoredOn"), _ENCOUNTER),
    "Specimen": (*_SUBJECT, _token("type"), _STATUS),
    "Task": (_patient("for"), _reference("subject", "for"), _reference("focus"), _STATUS, _CODE, _date("authored-on", "authoredOn")),
}


def _known(type_: str) -> dict[str, Parameter]:
    identifier = () if type_ in _WITHOUT_IDENTIFIER else (_IDENTIFIER,)
    return {each.name: each for each in (ID, LAST_UPDATED, *identifier, *_OF[type_])}


PARAMETERS: dict[str, dict[str, Parameter]] = {type_: _known(type_) for type_ in sorted(_OF)}
"""Type -> its parameters by name; the keys are the types the server knows."""

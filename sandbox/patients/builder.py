"""Small makers of R4 resources. Each returns plain JSON-able data; `Chart` hands out ids and fills in the subject."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from fhir.codes import DCM, LOINC, RXNORM, SNOMED, UCUM
from sandbox.patients.story import ACCESSION_SYSTEM, CLOCK, ISSUER, MRN_SYSTEM, Expected, Person, Resource, Story, StoryImage
from sandbox.phantoms.reports import write
from sandbox.phantoms.spec import PhantomSpec

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_ALLERGY_VERIFIED = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"


class Code(NamedTuple):
    """A code as a chart writes it: `display` is the code system's name, `text` what people at the hospital call it."""

    system: str
    code: str
    display: str
    text: str


def loinc(code: str, display: str, text: str = "") -> Code:
    """A LOINC code."""
    return Code(LOINC, code, display, text or display)


def snomed(code: str, display: str, text: str = "") -> Code:
    """A SNOMED CT code."""
    return Code(SNOMED, code, display, text or display)


def rxnorm(code: str, display: str, text: str = "") -> Code:
    """An RxNorm code."""
    return Code(RXNORM, code, display, text or display)


def concept(code: Code | str) -> dict[str, Any]:
    """A CodeableConcept from a code, or from text alone where no code is certain."""
    if isinstance(code, str):
        return {"text": code}
    return {"coding": [{"system": code.system, "code": code.code, "display": code.display}], "text": code.text}


def days_ago(days: float) -> str:
    """An instant so many days before the hospital's present."""
    return (CLOCK - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(*parts: str) -> str:
    """A DICOM UID under 2.25 (PS3.5 B.2) that is the same for the same parts."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


@dataclass
class Chart:
    """A chart in the making. Only makers of stories use it; what they hand on is frozen."""

    person: Person
    resources: list[Resource] = field(default_factory=list)
    images: list[StoryImage] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with the Patient."""
        person = self.person
        self.resources.append(
            {
                "resourceType": "Patient",
                "id": person.id,
                "meta": {"versionId": "1", "tag": [{"system": "urn:sidenote:pretend-hospital", "code": "synthetic"}]},
                "identifier": [{"use": "usual", "system": MRN_SYSTEM, "value": person.mrn, "assigner": {"display": ISSUER}}],
                "active": True,
                "name": [{"use": "official", "family": person.family, "given": [person.given]}],
                "gender": person.sex,
                "birthDate": person.birth_date,
            }
        )

    def story(self, title: str, expected: Expected) -> Story:
        """The finished story, frozen."""
        return Story(self.person, title, tuple(self.resources), expected, tuple(self.images))

    def add(self, resource_type: str, subject: str = "subject", /, **elements: Any) -> str:
        """Add a resource about the person; return its reference."""
        number = 1 + sum(resource["resourceType"] == resource_type for resource in self.resources)
        identity = f"{self.person.id}-{resource_type.lower()}-{number}"
        self.resources.append(
            {
                "resourceType": resource_type,
                "id": identity,
                "meta": {"versionId": "1"},
                subject: {"reference": f"Patient/{self.person.id}"},
                **elements,
            }
        )
        return f"{resource_type}/{identity}"

    def encounter(self, reason: str, *, days: float, kind: Literal["AMB", "EMER", "IMP"] = "AMB", finished: bool = True) -> str:
        """A visit that began so many days ago."""
        return self.add(
            "Encounter",
            status="finished" if finished else "in-progress",
            **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": kind}},
            period={"start": days_ago(days)},
            reasonCode=[{"text": reason}],
        )

    def problem(self, code: Code | str, *, since: str, status: Literal["active", "resolved", "inactive"] = "active") -> str:
        """A problem on the list."""
        return self.add(
            "Condition",
            clinicalStatus={"coding": [{"system": _CLINICAL, "code": status}]},
            verificationStatus={"coding": [{"system": _VERIFIED, "code": "confirmed"}]},
            category=[{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
            code=concept(code),
            onsetDateTime=since,
        )

    def lab(self, code: Code, value: float | str, unit: str, *, days: float, ucum: str | None = None, status: str = "final") -> str:
        """A laboratory result. `value` as text is a qualitative result; an empty `unit` is a ratio without one."""
        result = {"valueCodeableConcept": {"text": value}} if isinstance(value, str) else _quantity(value, unit, ucum)
        return self._observation("laboratory", code, days, status, result)

    def vital(self, code: Code, value: float, unit: str, *, days: float, ucum: str | None = None) -> str:
        """A vital sign."""
        return self._observation("vital-signs", code, days, "final", _quantity(value, unit, ucum))

    def _observation(self, category: str, code: Code, days: float, status: str, result: dict[str, Any]) -> str:
        return self.add(
            "Observation",
            status=status,
            category=[{"coding": [{"system": _CATEGORY, "code": category}]}],
            code=concept(code),
            effectiveDateTime=days_ago(days),
            issued=days_ago(max(days - 0.05, days / 2)),  # an hour later, and never in the hospital's future
            **result,
        )

    def medication(self, code: Code | str, dose: str, *, since: str, status: Literal["active", "stopped", "completed"] = "active") -> str:
        """A prescription."""
        return self.add(
            "MedicationRequest",
            status=status,
            intent="order",
            medicationCodeableConcept=concept(code),
            authoredOn=since,
            dosageInstruction=[{"text": dose}],
        )

    def allergy(
        self, code: Code | str, *, reaction: str, severity: Literal["mild", "moderate", "severe"], criticality: str, since: str
    ) -> str:
        """An allergy with one reaction."""
        return self.add(
            "AllergyIntolerance",
            "patient",
            clinicalStatus={"coding": [{"system": _ALLERGY_CLINICAL, "code": "active"}]},
            verificationStatus={"coding": [{"system": _ALLERGY_VERIFIED, "code": "confirmed"}]},
            criticality=criticality,
            code=concept(code),
            recordedDate=since,
            reaction=[{"manifestation": [{"text": reaction}], "severity": severity}],
        )

    def procedure(self, code: Code | str, *, on: str) -> str:
        """A procedure that was done."""
        return self.add("Procedure", status="completed", code=concept(code), performedDateTime=on)

    def device(self, code: Code, *, since: str) -> str:
        """An implanted device."""
        return self.add("Device", "patient", status="active", type=concept(code), manufactureDate=since)

    def order(self, code: Code | str, *, days: float, reason: str, body_site: Code | None = None, status: str = "active") -> str:
        """An imaging or procedure order."""
        site = {"bodySite": [concept(body_site)]} if body_site else {}
        return self.add(
            "ServiceRequest",
            status=status,
            intent="order",
            code=concept(code),
            authoredOn=days_ago(days),
            reasonCode=[{"text": reason}],
            **site,
        )

    def note(self, title: str, text: str, *, days: float) -> str:
        """A clinical note with its text attached."""
        data = text.encode()
        attachment = {
            "contentType": "text/plain; charset=utf-8",
            "data": base64.b64encode(data).decode(),
            "size": len(data),
            "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode(),  # FHIR R4 Attachment.hash is SHA-1
            "title": title,
        }
        return self.add(
            "DocumentReference",
            status="current",
            type=concept(loinc("34109-9", "Note")),
            date=days_ago(days),
            content=[{"attachment": attachment}],
        )

    def radiograph(
        self,
        spec: PhantomSpec | None,
        *,
        days: float,
        reported_as: PhantomSpec | None = None,
        report_status: Literal["final", "preliminary"] = "final",
        prior: PhantomSpec | None = None,
        order: str | None = None,
        tagged_for: Person | None = None,
        monochrome1: bool = False,
    ) -> str:
        """A chest radiograph: ImagingStudy, its file, and its report (written from `reported_as` or from what is drawn)."""
        number = str(len(self.images) + 1)
        study_uid, accession = uid(self.person.id, "study", number), f"A{self.person.mrn[-4:]}{number}"
        taken = CLOCK - timedelta(days=days)
        study = self._imaging_study(study_uid, accession, spec.view if spec else "PA", taken, order)
        path = f"images/{self.person.id}-{number}.dcm"
        self.images.append(StoryImage(study.split("/")[1], path, spec, tagged_for or self.person, study_uid, accession, taken, monochrome1))
        self._attach_image(study, path, taken)
        if reported := reported_as or spec:
            self._report(study, reported, prior, report_status, taken)
        return study

    def _imaging_study(self, study_uid: str, accession: str, view: str, taken: datetime, order: str | None) -> str:
        modality = {"system": DCM, "code": "DX", "display": "Digital Radiography"}
        series = {
            "uid": f"{study_uid}.1",
            "number": 1,
            "modality": modality,
            "bodySite": {"system": SNOMED, "code": "51185008", "display": "Thoracic structure"},
            "numberOfInstances": 1,
            "instance": [
                {
                    "uid": f"{study_uid}.1.1",
                    "sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"},
                    "number": 1,
                }
            ],
        }
        accession_type = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}
        return self.add(
            "ImagingStudy",
            identifier=[
                {"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"},
                {"type": accession_type, "system": ACCESSION_SYSTEM, "value": accession},
            ],
            status="available",
            modality=[modality],
            started=taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
            numberOfSeries=1,
            numberOfInstances=1,
            description=f"Chest radiograph {view}",
            series=[series],
            **({"basedOn": [{"reference": order}]} if order else {}),
        )

    def _attach_image(self, study: str, path: str, taken: datetime) -> None:
        self.add(
            "DocumentReference",
            status="current",
            type=concept(loinc("18748-4", "Diagnostic imaging study")),
            date=taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
            content=[{"attachment": {"contentType": "application/dicom", "url": path, "title": "Chest radiograph"}}],
            context={"related": [{"reference": study}]},
        )

    def _report(self, study: str, spec: PhantomSpec, prior: PhantomSpec | None, status: str, taken: datetime) -> None:
        text = write(spec, seed=spec.seed, prior=prior)
        later = taken + timedelta(minutes=35)
        self.add(
            "DiagnosticReport",
            status=status,
            category=[{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}],
            code=concept(loinc("36643-5", "XR Chest 2 Views") if spec.view == "LATERAL" else loinc("36554-4", "XR Chest Single view")),
            effectiveDateTime=taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
            issued=later.strftime("%Y-%m-%dT%H:%M:%SZ"),
            imagingStudy=[{"reference": study}],
            conclusion=" ".join(text.impression),
            presentedForm=[_text_attachment(text.text)],
        )


def _quantity(value: float, unit: str, ucum: str | None) -> dict[str, Any]:
    named = {"unit": unit} if unit else {}
    return {"valueQuantity": {"value": value, **named, "system": UCUM, "code": ucum or unit}}


def _text_attachment(text: str) -> dict[str, Any]:
    data = text.encode()
    return {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(data).decode(), "title": "Report"}


def bundle(resources: Sequence[Resource]) -> dict[str, Any]:
    """A collection Bundle of a story's chart."""
    entries = [{"fullUrl": f"https://hospital.example/fhir/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}

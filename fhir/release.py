"""FHIR R4 and no other release: what an R4 reader would misread is refused before it is read.

An R5 MedicationRequest parses as JSON and shows no medication; "no medication" would be wrong. Every row names an element
that R4 does not have, or has in another shape, for a resource type (HL7 FHIR, "Differences" page of each resource).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fhir.errors import WrongRelease
from fhir.jsontext import loads

Test = Callable[[Any], bool]


class Telltale(NamedTuple):
    """An element and the shape of it that only another release has."""

    element: str
    release: str
    wrong: Test = lambda value: True


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _has(key: str) -> Test:
    return lambda value: isinstance(value, dict) and key in value


def _any_has(key: str) -> Test:
    return lambda value: isinstance(value, list) and any(isinstance(one, dict) and key in one for one in value)


_MEDICATION = (Telltale("medication", "R5", _is_object),)
TELLTALES: Mapping[str, tuple[Telltale, ...]] = {
    "MedicationRequest": _MEDICATION,
    "MedicationStatement": (*_MEDICATION, Telltale("taken", "STU3")),
    "MedicationAdministration": (*_MEDICATION, Telltale("notGiven", "STU3")),
    "MedicationDispense": _MEDICATION,
    "Encounter": (Telltale("actualPeriod", "R5"), Telltale("class", "R5", _is_list), Telltale("admission", "R5")),
    "Condition": (Telltale("clinicalStatus", "STU3", _is_text), Telltale("verificationStatus", "STU3", _is_text)),
    "AllergyIntolerance": (Telltale("clinicalStatus", "STU3", _is_text), Telltale("type", "R5", _is_object)),
    "Observation": (Telltale("related", "STU3"), Telltale("context", "STU3"), Telltale("triggeredBy", "R5")),
    "Procedure": (
        Telltale("occurrenceDateTime", "R5"),
        Telltale("occurrencePeriod", "R5"),
        Telltale("notDone", "STU3"),
        Telltale("context", "STU3"),
    ),
    "DiagnosticReport": (Telltale("study", "R5"), Telltale("image", "STU3"), Telltale("context", "STU3")),
    "DocumentReference": (Telltale("context", "R5", _is_list), Telltale("indexed", "STU3"), Telltale("created", "STU3")),
    "ImagingStudy": (Telltale("modality", "R5", _any_has("coding")), Telltale("uid", "STU3"), Telltale("accession", "STU3")),
    "ServiceRequest": (Telltale("code", "R5", _has("concept")),),
    "Immunization": (Telltale("administeredProduct", "R5"), Telltale("notGiven", "STU3")),
    "CapabilityStatement": (Telltale("fhirVersion", "another release", lambda value: not str(value).startswith("4.0")),),
}


def _searcher(telltales: tuple[Telltale, ...]) -> re.Pattern[bytes]:
    names = "|".join(telltale.element for telltale in telltales)
    return re.compile(rf'"(?:{names})"\s*:'.encode())


_MENTIONED = {name: _searcher(telltales) for name, telltales in TELLTALES.items()}
_CHEAPER = {
    "Encounter": re.compile(rb'"(?:actualPeriod|admission)"\s*:|"class"\s*:\s*\['),
    "Condition": re.compile(rb'"(?:clinicalStatus|verificationStatus)"\s*:\s*"'),
    "AllergyIntolerance": re.compile(rb'"clinicalStatus"\s*:\s*"|"type"\s*:\s*\{'),
    "DocumentReference": re.compile(rb'"context"\s*:\s*\[|"(?:indexed|created)"\s*:'),
    "ImagingStudy": re.compile(rb'"(?:uid|accession)"\s*:\s*"urn|"modality"\s*:\s*\[\s*\{\s*"(?:coding|text)"'),
    "ServiceRequest": re.compile(rb'"concept"\s*:'),
}
"""For elements that R4 has too, in another shape: a closer look that spares parsing every resource."""


def telltale_of(resource_type: str, raw: bytes) -> Telltale | None:
    """The first element of a resource that only another release than R4 has, or None."""
    search = _CHEAPER.get(resource_type) or _MENTIONED.get(resource_type)
    if search is None or search.search(raw) is None:
        return None
    body = loads(raw)
    return next((mark for mark in TELLTALES[resource_type] if mark.element in body and mark.wrong(body[mark.element])), None)


def refuse_other_release(resources: Iterable[tuple[str, bytes]]) -> None:
    """Refuse a document when any resource (type, text) in it is not R4.

    Raises:
        WrongRelease: with the element that told.
    """
    for resource_type, raw in resources:
        mark = telltale_of(resource_type, raw)
        if mark is not None:
            raise WrongRelease(f"not FHIR R4: {resource_type}.{mark.element} as in {mark.release}")


def refuse_version(version: str | None) -> None:
    """Refuse a `fhirVersion` (CapabilityStatement or media type parameter) other than 4.0 (R4).

    Raises:
        WrongRelease: it is given and is not 4.0 or 4.0.x.
    """
    if version is not None and not re.fullmatch(r"4\.0(\.\d+)?", version):
        raise WrongRelease("the server speaks another FHIR release than R4 (4.0)")

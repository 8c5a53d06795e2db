"""Patient/[id]/$everything: the whole record of one patient, in pages (FHIR R4 patient-operation-everything.html)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.access import READ, Access
from sandbox.ehr.compartment import NOT_OF_A_PATIENT
from sandbox.ehr.dates import Span, element_span, span
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.operation import operation_input
from sandbox.ehr.outcome import Refusal, fhir_response
from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.query import Query
from sandbox.ehr.references import local, references, values
from sandbox.ehr.searching import preference
from sandbox.ehr.searchset import Page, Result
from sandbox.ehr.store import Store, Version

_KNOWN = ("_since", "_type", "_count", "start", "end")


async def everything(hospital: Hospital, request: Request, access: Access) -> Response:
    """The patient, the patient's compartment, and what it refers to outside of it, as far as the token reaches."""
    if not hospital.config.everything:
        raise Refusal(404, "this server does not offer $everything")
    patient = hospital.store.read("Patient", request.path_params["id"])
    if patient is None or patient.deleted:
        raise Refusal(404 if patient is None else 410, "no such patient")
    access.require_sight(READ, patient)
    asked = await operation_input(request)
    since, types, care = _instant(asked, "_since"), _types(asked), (_instant(asked, "start"), _instant(asked, "end"))
    offered = (each for each in _record(hospital.store, patient, hospital.base) if each.type not in hospital.config.without)
    chosen = [each for each in offered if _wanted(each, since, types) and _in_care(each, *care) and access.sees(READ, each)]
    return fhir_response(hospital.searchsets.write(Page(_result(hospital, request, asked, chosen, access), 0), access))


def _record(store: Store, patient: Version, base: str) -> Iterator[Version]:
    """The patient first, then the compartment, then each resource it refers to that is of no patient."""
    inside = sorted(store.of_patient(patient.id), key=lambda each: each.type != "Patient")
    yield from inside
    named = dict.fromkeys(local(reference, base) for each in inside for reference in references(each.body))
    for name in named:
        found = store.current(name) if name is not None else None
        if found is not None and found.type in NOT_OF_A_PATIENT and not found.patients:
            yield found


def _instant(asked: list[tuple[str, str]], name: str) -> Span | None:
    texts = [value for each, value in asked if each == name]
    found = span(texts[-1]) if texts else None
    if texts and found is None:
        raise Refusal(400, f"{name} must be a date or an instant")
    return found


def _types(asked: list[tuple[str, str]]) -> frozenset[str] | None:
    named = frozenset(part for name, value in asked if name == "_type" for part in value.split(","))
    if not named <= PARAMETERS.keys():
        raise Refusal(400, "_type names a type that the server does not know")
    return named or None


def _wanted(version: Version, since: Span | None, types: frozenset[str] | None) -> bool:
    return (since is None or version.updated >= since.start) and (types is None or version.type in types)


def _in_care(version: Version, start: Span | None, end: Span | None) -> bool:
    """Whether the care it tells of lies between two dates; what tells of no date does."""
    dates = [each for each in PARAMETERS[version.type].values() if each.kind == "date" and each.name != "_lastUpdated"]
    found = (element_span(value) for each in dates for path in each.paths for value in values(version.body, path))
    told = next((each for each in found if each is not None), None)
    if told is None or version.type == "Patient":
        return True
    return (start is None or told.end > start.start) and (end is None or told.start < end.end)


def _result(hospital: Hospital, request: Request, asked: list[tuple[str, str]], chosen: list[Version], access: Access) -> Result:
    known = [(name, value) for name, value in asked if name in _KNOWN]
    query = Query("Patient", accepted=known, ignored=[name for name, _ in asked if name not in (*_KNOWN, "_format")])
    if query.ignored and preference(request, "handling") == "strict":
        raise Refusal(400, "unknown parameters")
    counts = [value for name, value in known if name == "_count"]
    if counts and not (counts[-1].isascii() and counts[-1].isdigit() and int(counts[-1]) > 0):
        raise Refusal(400, "_count must be a whole number above 0")
    size = min(int(counts[-1]), hospital.config.most_per_page) if counts else hospital.config.page_size
    url = f"{hospital.base}/Patient/{request.path_params['id']}/$everything" + (f"?{urlencode(known)}" if known else "")
    return Result(query, tuple(chosen), hospital.base, url, size, access)

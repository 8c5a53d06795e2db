"""The search interaction over HTTP: GET, POST _search, and the pages that follow (FHIR R4 search.html, http.html#search)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.access import INSUFFICIENT, SEARCH, Access
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.negotiation import read_form
from sandbox.ehr.outcome import Refusal, fhir_response
from sandbox.ehr.query import Pairs, Query, named_patients, parse_query
from sandbox.ehr.search import find
from sandbox.ehr.searchset import Page, Result


def preference(request: Request, name: str) -> str | None:
    """The value of a preference in the Prefer header (RFC 7240), `""` for one without a value."""
    for part in ",".join(request.headers.getlist("prefer")).replace(";", ",").split(","):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


async def search(hospital: Hospital, request: Request, access: Access) -> Response:
    """Search by GET."""
    return _search(hospital, request, access, request.query_params.multi_items())


async def search_by_post(hospital: Hospital, request: Request, access: Access) -> Response:
    """Search by POST _search: the same, with the parameters in the body, where no log sees them."""
    pairs = await read_form(request)
    return _search(hospital, request, access, [*request.query_params.multi_items(), *pairs])


async def page(hospital: Hospital, request: Request, access: Access) -> Response:
    """A further page, named by a next link."""
    return fhir_response(hospital.searchsets.turn(request.path_params["token"], access))


def _search(hospital: Hospital, request: Request, access: Access, pairs: Pairs) -> Response:
    strict = preference(request, "handling") == "strict"
    return fhir_response(searchset(hospital, access, hospital.known_type(request), pairs, strict=strict))


def searchset(hospital: Hospital, access: Access, type_: str, pairs: Pairs, *, strict: bool = False) -> bytes:
    """The first page of what a search finds.

    Raises:
        Refusal: 400, 403.
    """
    access.require(SEARCH, type_)
    _require_own_patient(access, type_, pairs)
    query = parse_query(type_, pairs, strict=strict, base=hospital.base, form=hospital.config.patient_form)
    return hospital.searchsets.write(Page(_result(hospital, query, access), 0), access)


def _require_own_patient(access: Access, type_: str, pairs: Pairs) -> None:
    bound = access.bound_to(SEARCH, type_)
    if bound is not None and not named_patients(pairs, type_) <= {bound}:
        raise Refusal(403, "the token is bound to another patient", INSUFFICIENT)


def _result(hospital: Hospital, query: Query, access: Access) -> Result:
    size = hospital.config.page_size if query.count is None else min(query.count, hospital.config.most_per_page)
    query.summary_count = query.summary_count or query.count == 0
    url = f"{hospital.base}/{query.type}" + (f"?{query.text}" if query.accepted else "")
    matches = tuple(find(hospital.store, query, access))
    return Result(query, matches, hospital.base, url, 0 if query.summary_count else size, access)

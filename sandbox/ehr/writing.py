"""Writing: create, update, delete, with versions and conditions (FHIR R4 http.html#create, #update, #delete, #ccreate, #concurrency)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from fhir.errors import DraftInvalid
from fhir.models import require_valid
from sandbox.ehr.access import CREATE, DELETE, READ, SEARCH, UPDATE, Access
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.negotiation import read_resource
from sandbox.ehr.outcome import Refusal, fhir_response, operation_outcome
from sandbox.ehr.query import parse_query
from sandbox.ehr.reading import version_headers
from sandbox.ehr.search import find
from sandbox.ehr.searching import preference
from sandbox.ehr.store import ID, Version


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: 200 or 201, and the version that stands now."""

    status: int
    version: Version


async def create(hospital: Hospital, request: Request, access: Access) -> Response:
    """POST [type]: 201 with Location; with If-None-Exist 200 for the one that exists, 412 for several."""
    type_ = hospital.known_type(request)
    body = await read_resource(request)
    done = write_new(hospital, access, type_, body, condition=request.headers.get("if-none-exist"))
    return _answer(hospital, request, done)


async def update(hospital: Hospital, request: Request, access: Access) -> Response:
    """PUT [type]/[id]: 200, 201 when it was not there; 412 when If-Match names another version."""
    type_, id_ = hospital.known_type(request), request.path_params["id"]
    body = await read_resource(request)
    return _answer(hospital, request, write_over(hospital, access, type_, id_, body, if_match=request.headers.get("if-match")))


async def update_where(hospital: Hospital, request: Request, access: Access) -> Response:
    """PUT [type]?criteria: over the one resource they find; 201 when they find none, 412 when they find several (#cond-update)."""
    type_ = hospital.known_type(request)
    body = await read_resource(request)
    if_match = request.headers.get("if-match")
    return _answer(hospital, request, write_where(hospital, access, type_, body, request.url.query, if_match=if_match))


async def delete(hospital: Hospital, request: Request, access: Access) -> Response:
    """DELETE [type]/[id]: 204, and 204 again when it is already gone."""
    remove(hospital, access, hospital.known_type(request), request.path_params["id"], request.headers.get("if-match"))
    return Response(status_code=204)


def write_new(hospital: Hospital, access: Access, type_: str, body: Mapping[str, Any], *, condition: str | None, id_: str = "") -> Written:
    """Create a resource under an id of the server's choice, unless `condition` (a search) finds one.

    Raises:
        Refusal: 400, 403, 412, 422.
    """
    access.require(CREATE, type_)
    _require_sound(hospital, body, type_)
    if condition is not None:
        found = existing(hospital, access, type_, condition)
        if found is not None:
            access.require_sight(READ, found)
            return Written(200, found)
    draft = hospital.store.draft(type_, id_ or str(uuid.uuid4()), body)
    access.require_sight(CREATE, draft)
    return Written(201, hospital.store.append(draft))


def existing(hospital: Hospital, access: Access, type_: str, condition: str) -> Version | None:
    """The one resource a condition finds; None when it finds none.

    Raises:
        Refusal: 400 for a condition without criteria or with unknown ones; 412 when it finds several.
    """
    access.require(SEARCH, type_)
    query = parse_query(type_, parse_qsl(condition.removeprefix("?")), strict=True, base=hospital.base)
    if not query.criteria:
        raise Refusal(400, "the condition has no search criteria")
    found = find(hospital.store, query, access)
    if len(found) > 1:
        raise Refusal(412, "the condition finds more than one resource")
    return found[0] if found else None


def write_over(hospital: Hospital, access: Access, type_: str, id_: str, body: Mapping[str, Any], *, if_match: str | None) -> Written:
    """Write the next version of a resource, or the first one under the client's id.

    Raises:
        Refusal: 400, 403, 412, 422.
    """
    access.require(UPDATE, type_)
    _require_sound(hospital, body, type_)
    if body.get("id") != id_ or not ID.fullmatch(id_):
        raise Refusal(400, "the resource's id must be the id of the URL")
    before = hospital.store.read(type_, id_)
    _require_version(before, if_match, demanded=hospital.config.requires_if_match)
    if before is not None and not before.deleted:
        access.require_sight(UPDATE, before)
    draft = hospital.store.draft(type_, id_, body)
    access.require_sight(UPDATE, draft)
    return Written(201 if before is None or before.deleted else 200, hospital.store.append(draft))


def write_where(
    hospital: Hospital, access: Access, type_: str, body: Mapping[str, Any], condition: str, *, if_match: str | None
) -> Written:
    """Write over the one resource that a condition finds; a new one, under the body's id if it has one, when it finds none.

    Raises:
        Refusal: 400, when the body has another id than what was found; 403, 412, 422.
    """
    found = existing(hospital, access, type_, condition)
    id_ = str(body.get("id") or (found.id if found else uuid.uuid4()))
    if found is not None and id_ != found.id:
        raise Refusal(400, "the resource's id is not that of what the criteria find")
    return write_over(hospital, access, type_, id_, {**body, "id": id_}, if_match=if_match)


def remove(hospital: Hospital, access: Access, type_: str, id_: str, if_match: str | None) -> None:
    """Delete a resource.

    Raises:
        Refusal: 403, 404, 412.
    """
    access.require(DELETE, type_)
    before = hospital.store.read(type_, id_)
    if before is None:
        raise Refusal(404, "no such resource")
    if before.deleted:
        return
    _require_version(before, if_match, demanded=False)
    access.require_sight(DELETE, before)
    hospital.store.delete(type_, id_)


def _require_sound(hospital: Hospital, body: Mapping[str, Any], type_: str) -> None:
    if body.get("resourceType") != type_:
        raise Refusal(400, "the resource is of another type than the URL")
    if not isinstance(body.get("meta", {}), dict):
        raise Refusal(400, "meta must be an object")
    if hospital.config.validates:
        try:
            require_valid(body)
        except DraftInvalid as error:
            raise Refusal(422, str(error)) from error


def _require_version(before: Version | None, if_match: str | None, *, demanded: bool) -> None:
    if if_match is None:
        if demanded and before is not None:
            raise Refusal(412, "an update needs If-Match")
    elif before is None or before.deleted or if_match != before.etag:
        raise Refusal(412, "If-Match names another version than the current one")


def _answer(hospital: Hospital, request: Request, done: Written) -> Response:
    """What Prefer: return asks for: the resource, an OperationOutcome, or nothing."""
    version = done.version
    headers = {**version_headers(version), "Location": f"{hospital.base}/{version.local}/_history/{version.number}"}
    wanted = preference(request, "return")
    if wanted == "minimal":
        return Response(status_code=done.status, headers=headers)
    if wanted == "OperationOutcome":
        return fhir_response(operation_outcome(0, "written", "information"), done.status, headers)
    return fhir_response(version.raw, done.status, headers)

"""Reading: a resource, one of its versions, its history (FHIR R4 http.html#read, #vread, #history)."""

from __future__ import annotations

import base64
from email.utils import format_datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fhir.jsontext import dumps
from sandbox.ehr.access import READ, Access
from sandbox.ehr.capability import capability_statement
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.negotiation import media_type, require_acceptable
from sandbox.ehr.outcome import FHIR_JSON, Refusal, fhir_response
from sandbox.ehr.store import Version


async def metadata(hospital: Hospital, request: Request) -> Response:
    """The CapabilityStatement; nobody needs a token for it."""
    require_acceptable(request)
    return fhir_response(capability_statement(hospital.config, hospital.base, f"{hospital.origin}/auth"))


async def read(hospital: Hospital, request: Request, access: Access) -> Response:
    """The newest version; 304 when the client already has it, 410 when it was deleted, a Binary in its own media type if so asked."""
    type_ = hospital.known_type(request)
    access.require(READ, type_)
    version = hospital.store.read(type_, request.path_params["id"])
    native = type_ == "Binary" and _wants_native(request)
    if not native:
        require_acceptable(request)
    version = _visible(version, access)
    if request.headers.get("if-none-match") == version.etag:
        return Response(status_code=304, headers=version_headers(version))
    if native:
        return Response(base64.b64decode(version.body.get("data", "")), headers=version_headers(version), media_type=_content_type(version))
    return fhir_response(version.raw, headers=version_headers(version))


async def vread(hospital: Hospital, request: Request, access: Access) -> Response:
    """One version."""
    type_ = hospital.known_type(request)
    access.require(READ, type_)
    versions = hospital.store.history(type_, request.path_params["id"])
    found = next((each for each in versions if str(each.number) == request.path_params["version"]), None)
    version = _visible(found, access)
    return fhir_response(version.raw, headers=version_headers(version))


async def history(hospital: Hospital, request: Request, access: Access) -> Response:
    """All versions of a resource, newest first, as a history Bundle."""
    type_ = hospital.known_type(request)
    access.require(READ, type_)
    versions = hospital.store.history(type_, request.path_params["id"])
    if not versions:
        raise Refusal(404, "no such resource")
    for version in versions:
        if not version.deleted:
            access.require_sight(READ, version)
    entries = [_history_entry(version, hospital.base) for version in reversed(versions)]
    return fhir_response(dumps({"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries}))


def _history_entry(version: Version, base: str) -> dict[str, Any]:
    method = "DELETE" if version.deleted else "PUT" if version.number > 1 else "POST"
    entry = {
        "fullUrl": f"{base}/{version.local}",
        "request": {"method": method, "url": version.type if method == "POST" else version.local},
        "response": {"status": "204" if version.deleted else "201" if method == "POST" else "200", "etag": version.etag},
    }
    return entry if version.deleted else {**entry, "resource": msgspec.Raw(version.raw)}


def _visible(version: Version | None, access: Access) -> Version:
    if version is None:
        raise Refusal(404, "no such resource or version")
    if version.deleted:
        raise Refusal(410, "the resource was deleted")
    access.require_sight(READ, version)
    return version


def version_headers(version: Version) -> dict[str, str]:
    """ETag and Last-Modified of a version."""
    return {"ETag": version.etag, "Last-Modified": format_datetime(version.updated.replace(microsecond=0), usegmt=True)}


def _wants_native(request: Request) -> bool:
    """Whether no FHIR media type is asked for (FHIR R4 binary.html#rest)."""
    asked = request.query_params.get("_format") or request.headers.get("accept", "*/*")
    return not any(media_type(each) in (FHIR_JSON, "application/json", "json") for each in asked.split(","))


def _content_type(version: Version) -> str:
    return str(version.body.get("contentType", "application/octet-stream"))

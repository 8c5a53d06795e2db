"""POST [base]: a batch, each entry for itself, or a transaction, all or nothing (FHIR R4 http.html#transaction)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fhir.jsontext import dumps
from sandbox.ehr.access import READ, Access
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.negotiation import read_resource
from sandbox.ehr.outcome import Refusal, fhir_response, operation_outcome
from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.references import rewritten
from sandbox.ehr.searching import searchset
from sandbox.ehr.writing import Written, existing, remove, write_new, write_over, write_where

Entry = Mapping[str, Any]
_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "GET": 3}
_URL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)(/(?P<id>[A-Za-z0-9\-.]{1,64}))?(\?(?P<query>.*))?")


async def bundle(hospital: Hospital, request: Request, access: Access) -> Response:
    """Carry out a transaction or batch, and answer entry for entry in the order given."""
    body = await read_resource(request)
    kind, entries = body.get("type"), body.get("entry", [])
    if body["resourceType"] != "Bundle" or kind not in ("transaction", "batch"):
        raise Refusal(400, "the body must be a Bundle of type transaction or batch")
    if not isinstance(entries, list) or not all(_well_formed(entry) for entry in entries):
        raise Refusal(400, "an entry without request.method or request.url")
    answers = _transaction(hospital, access, entries) if kind == "transaction" else _batch(hospital, access, entries)
    answer = {"resourceType": "Bundle", "type": f"{kind}-response"}
    return fhir_response(dumps(answer | ({"entry": answers} if answers else {})))


def _well_formed(entry: Any) -> bool:
    asked = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(asked, dict) or not all(isinstance(each, str) for each in asked.values()):
        return False
    return asked.get("method") in _ORDER and _URL.fullmatch(asked.get("url", "")) is not None


def _transaction(hospital: Hospital, access: Access, entries: list[Entry]) -> list[dict[str, Any]]:
    """In the order of the standard: DELETE, POST, PUT, GET; a refusal undoes everything before it."""
    restore = hospital.store.snapshot()
    try:
        places = _places(hospital, access, entries)
        resolved = [rewritten(entry, places.get) for entry in entries]
        answers: dict[int, dict[str, Any]] = {}
        for index in sorted(range(len(entries)), key=lambda each: _ORDER[entries[each]["request"]["method"]]):
            answers[index] = _carry_out(hospital, access, resolved[index], places.get(str(entries[index].get("fullUrl")), ""))
    except Exception:
        restore()
        raise
    return [answers[index] for index in range(len(entries))]


def _places(hospital: Hospital, access: Access, entries: list[Entry]) -> dict[str, str]:
    """`urn:uuid:` name -> `Type/id`, so that entries may refer to each other before any is written."""
    places: dict[str, str] = {}
    for entry in entries:
        name = str(entry.get("fullUrl", ""))
        if not name.startswith("urn:uuid:"):
            continue
        if name in places:
            raise Refusal(400, "two entries with one fullUrl")
        places[name] = _place(hospital, access, entry)
    return places


def _place(hospital: Hospital, access: Access, entry: Entry) -> str:
    """Where an entry's resource will be: at its URL, where its condition finds one, or under a new id."""
    asked = entry["request"]
    type_, id_, query = _parts(hospital, asked["url"])
    if id_ is not None:
        return str(asked["url"])
    condition = asked.get("ifNoneExist") if asked["method"] == "POST" else query if asked["method"] == "PUT" else None
    found = existing(hospital, access, type_, condition) if condition is not None else None
    own = (entry.get("resource") or {}).get("id") if asked["method"] == "PUT" else None
    return found.local if found else f"{type_}/{own or uuid.uuid4()}"


def _batch(hospital: Hospital, access: Access, entries: list[Entry]) -> list[dict[str, Any]]:
    answers = []
    for entry in entries:
        try:
            answers.append(_carry_out(hospital, access, entry, ""))
        except Refusal as refusal:
            outcome = operation_outcome(refusal.status, refusal.reason)
            answers.append({"response": {"status": str(refusal.status), "outcome": outcome}})
    return answers


def _parts(hospital: Hospital, url: str) -> tuple[str, str | None, str | None]:
    shape = _URL.fullmatch(url)
    if shape is None or shape["type"] not in PARAMETERS or shape["type"] in hospital.config.without:
        raise Refusal(404, "this server does not know the resource type")
    return shape["type"], shape["id"], shape["query"]


def _carry_out(hospital: Hospital, access: Access, entry: Entry, place: str) -> dict[str, Any]:
    asked = entry["request"]
    type_, id_, query = _parts(hospital, asked["url"])
    method = asked["method"]
    if method == "GET":
        return _get(hospital, access, type_, id_, query)
    conditional = method == "PUT" and id_ is None and query is not None
    if not conditional and (query is not None or (id_ is None) != (method == "POST")):
        raise Refusal(400, "POST goes to a type, DELETE to a resource, PUT to a resource or to criteria")
    if method == "DELETE":
        remove(hospital, access, type_, str(id_), asked.get("ifMatch"))
        return {"response": {"status": "204"}}
    body = entry.get("resource")
    if not isinstance(body, dict):
        raise Refusal(400, "an entry without its resource")
    if method == "POST":
        return _written(write_new(hospital, access, type_, body, condition=asked.get("ifNoneExist"), id_=place.partition("/")[2]))
    if conditional:
        return _written(write_where(hospital, access, type_, {**body, **_named(place)}, query or "", if_match=asked.get("ifMatch")))
    return _written(write_over(hospital, access, type_, str(id_), body, if_match=asked.get("ifMatch")))


def _named(place: str) -> dict[str, str]:
    """The id that other entries were told."""
    return {"id": place.partition("/")[2]} if place else {}


def _written(done: Written) -> dict[str, Any]:
    version = done.version
    location = f"{version.local}/_history/{version.number}"
    return {"resource": msgspec.Raw(version.raw), "response": {"status": str(done.status), "location": location, "etag": version.etag}}


def _get(hospital: Hospital, access: Access, type_: str, id_: str | None, query: str | None) -> dict[str, Any]:
    if id_ is None:
        return {"resource": msgspec.Raw(searchset(hospital, access, type_, parse_qsl(query or ""))), "response": {"status": "200"}}
    access.require(READ, type_)
    version = hospital.store.read(type_, id_)
    if version is None or version.deleted:
        raise Refusal(404 if version is None else 410, "no such resource")
    access.require_sight(READ, version)
    return {"resource": msgspec.Raw(version.raw), "response": {"status": "200", "etag": version.etag}}

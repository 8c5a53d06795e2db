"""The routes of FHIR R4 REST under the base (http.html)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.ehr.everything import everything
from sandbox.ehr.hospital import Handler, Hospital, guarded
from sandbox.ehr.outcome import Refusal, refused
from sandbox.ehr.reading import history, metadata, read, vread
from sandbox.ehr.searching import page, search, search_by_post
from sandbox.ehr.transaction import bundle
from sandbox.ehr.writing import create, delete, update, update_where


def rest_routes(hospital: Hospital) -> list[BaseRoute]:
    """All interactions; a more particular path stands before a more general one."""

    async def capability(request: Request) -> Response:
        try:
            return await metadata(hospital, request)
        except Refusal as refusal:
            return refused(refusal)

    def route(path: str, method: str, handler: Handler, *, negotiates: bool = True) -> Route:
        return Route(f"/fhir{path}", guarded(hospital, handler, negotiates=negotiates), methods=[method])

    return [
        Route("/fhir/metadata", capability, methods=["GET"]),
        route("", "POST", bundle),
        route("/", "POST", bundle),
        route("/_page/{token}", "GET", page),
        route("/Patient/{id}/$everything", "GET", everything),
        route("/Patient/{id}/$everything", "POST", everything),
        route("/{type}/_search", "POST", search_by_post),
        route("/{type}", "GET", search),
        route("/{type}", "POST", create),
        route("/{type}", "PUT", update_where),
        route("/{type}/{id}", "GET", read, negotiates=False),
        route("/{type}/{id}", "PUT", update),
        route("/{type}/{id}", "DELETE", delete),
        route("/{type}/{id}/_history", "GET", history),
        route("/{type}/{id}/_history/{version}", "GET", vread),
    ]

"""The application as a whole."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from sandbox.ehr.app import hospital_routes
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store


def test_a_failure_of_the_server_itself_is_an_outcome_too() -> None:
    store = Store()
    store.put("Binary", "b1", {"resourceType": "Binary", "data": "é"})
    with running(store) as ehr:
        answer = httpx.get(f"{ehr.base}/Binary/b1", headers={"Accept": "text/plain"}, timeout=60)
    assert answer.status_code == 500
    assert answer.json()["issue"][0]["code"] == "exception"


def test_as_routes_it_stands_beside_others_whatever_the_order_and_takes_only_what_is_its_own() -> None:
    async def other(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"other {request.url.path}")

    def compose(hospital: Hospital) -> Starlette:
        return Starlette(routes=[*hospital_routes(hospital), Mount("/sidenote", routes=[Route("/x", other)]), Route("/{rest:path}", other)])

    with running(Store([{"resourceType": "Patient", "id": "p1"}]), compose=compose) as ehr:
        answers = {
            path: httpx.get(f"{ehr.origin}{path}", timeout=60).text
            for path in ("/", "/sidenote/x", "/fhirish", "/fhir-other/x", "/authors", "//fhir/x")
        }
        assert answers == {path: f"other {path}" for path in answers}
        assert httpx.get(f"{ehr.base}/Patient/p1", timeout=60).json()["id"] == "p1"
        assert httpx.get(f"{ehr.origin}/auth/jwks", timeout=60).json()["keys"]
        assert httpx.get(f"{ehr.origin}/dicomweb/studies", timeout=60).status_code == 204
        assert httpx.get(f"{ehr.base}/Nothing", timeout=60).json()["resourceType"] == "OperationOutcome"
        assert ehr.faults.count("/sidenote") == 0

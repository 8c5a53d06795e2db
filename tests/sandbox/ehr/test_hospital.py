"""One hospital: where it stands, and who may come in."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.access import Access
from sandbox.ehr.config import Config
from sandbox.ehr.hospital import Hospital, guarded
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.store import Store


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw})


def test_a_hospital_that_moves_takes_everything_along() -> None:
    hospital = Hospital(Store())
    hospital.move_to("http://127.0.0.1:7")
    assert hospital.base == hospital.auth.base == hospital.store.base == "http://127.0.0.1:7/fhir"
    reference = {"reference": "http://127.0.0.1:7/fhir/Patient/p1"}
    hospital.store.put("Observation", "o1", {"resourceType": "Observation", "subject": reference})
    assert [each.id for each in hospital.store.of_patient("p1")] == ["o1"]


def test_a_guarded_endpoint_asks_for_a_token_first_then_for_the_media_type() -> None:
    async def handler(hospital: Hospital, request: Request, access: Access) -> Response:
        raise Refusal(409, "from inside")

    def status(need: bool, *, negotiates: bool = True, **headers: str) -> int:
        endpoint = guarded(Hospital(Store(), Config(requires_token=need)), handler, negotiates=negotiates)
        return asyncio.run(endpoint(request(**headers))).status_code  # type: ignore[arg-type]

    assert status(True, accept="text/html") == 401
    assert status(False, accept="text/html") == 406
    assert status(False, accept="text/html", negotiates=False) == 409
    assert status(False) == 409

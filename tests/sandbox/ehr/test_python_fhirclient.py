"""The pretend hospital as the PyPI package fhirclient meets it: a confidential client that launches, reads and refreshes.

Two of its ways are not SMART's: it takes the endpoints from the CapabilityStatement, and sends `client_id` beside its Basic proof
(STANDARDS A8: left out). The second is what `Config(tolerates_client_id=True)` is for; without it the client is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from requests import HTTPError

from sandbox.ehr.auth.clients import Client, User
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

CALLBACK = "http://127.0.0.1:9/callback"
SCOPES = "openid fhirUser online_access patient/Patient.rs patient/Observation.rs"
ADA = User("ada", "Practitioner/ada", "Dr. Ada Sand")
Serve = Callable[..., Running]


@pytest.fixture
def serve(ward: list[dict[str, Any]]) -> Iterator[Serve]:
    held: list[Any] = []

    def begin(**options: Any) -> Running:
        client = Client("py", "confidential-symmetric", f"launch launch/patient {SCOPES}", (CALLBACK,), secret="not-a-secret")
        config = Config(page_size=2, requires_token=True, clients=(client,), users=(ADA,), asks=True, **options)
        manager = running(Store(ward), config)
        held.append(manager)
        return manager.__enter__()

    yield begin
    for manager in held:
        manager.__exit__(None, None, None)


def smart(ehr: Running, launch: str | None = None) -> FHIRClient:
    settings = {"app_id": "py", "app_secret": "not-a-secret", "api_base": ehr.base, "redirect_uri": CALLBACK, "scope": SCOPES}
    return FHIRClient(settings=settings | ({"launch_token": launch} if launch else {}))


def visit(url: str, connections: httpx.Client, **picked: str) -> str:
    """What a person's browser does: sign in if asked, allow everything, and come back to the app; the URL it comes back to."""
    page = connections.get(url)
    if "Who are you today?" in page.text:
        page = connections.post(str(page.url.join("/auth/sign-in")), data={"token": token(page), "user": "ada"})
    scopes = re.findall(r'name="scope" value="([^"]+)"', page.text)
    form = {"token": token(page), "scope": scopes, "decision": "allow", **picked}
    answer = connections.post(str(page.url.join("/auth/consent")), data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def token(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def all_observations(client: FHIRClient) -> set[str]:
    found = Observation.where({"patient": client.patient_id}).perform_resources_iter(client.server)
    return {each.id for each in found}


@pytest.mark.std("A10")
def test_an_ehr_launch_reads_the_chart_page_by_page_and_again_after_a_refresh(serve: Serve, connections: httpx.Client) -> None:
    ehr = serve(tolerates_client_id=True)
    client = smart(ehr, ehr.auth.mint_launch(patient="p1", user=ADA))
    client.handle_callback(visit(client.authorize_url, connections))
    assert (client.patient_id, client.patient.name[0].family) == ("p1", "Ames")
    assert all_observations(client) == {"o1", "o2", "o3", "o4", "o5"}
    ehr.auth.tokens.expire_access_tokens()
    assert client.reauthorize()
    assert all_observations(client) == {"o1", "o2", "o3", "o4", "o5"}


@pytest.mark.std("A10")
def test_a_standalone_launch_reads_the_patient_who_was_picked(serve: Serve, connections: httpx.Client) -> None:
    client = smart(serve(tolerates_client_id=True))
    client.handle_callback(visit(client.authorize_url, connections, patient="p2"))
    assert client.patient.name[0].family == "Birch"
    assert all_observations(client) == {"o6"}


@pytest.mark.std("A8")
def test_a_strict_server_refuses_its_client_id_beside_its_secret(serve: Serve, connections: httpx.Client) -> None:
    ehr = serve()
    client = smart(ehr, ehr.auth.mint_launch(patient="p1", user=ADA))
    came = visit(client.authorize_url, connections)
    with pytest.raises(HTTPError) as refused:
        client.handle_callback(came)
    assert refused.value.response.json()["error"] == "invalid_request"

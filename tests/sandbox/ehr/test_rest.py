"""The routes: what the server does not do is refused in FHIR's words, and others' clients find their way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

NAMES = (
    "subject",
    "code",
    "coding",
    "system",
    "identifier",
    "category",
    "effectiveDateTime",
    "effectivePeriod",
    "reference",
    "meta",
    "entry",
    "request",
    "method",
    "url",
    "status",
)
RESULT = ("_count", "_sort", "_include", "_revinclude", "_summary", "_total", "colour")
VALUES = st.sampled_from(["p1", "Patient/p1", "ge2024", "a|b", "|", ",", "\\", "-date", "1", "Provenance:target", "count", "true"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "Patient/p1", "GET"),
        ("POST", "Patient/p1", "GET"),
        ("DELETE", "Patient", "GET"),
        ("DELETE", "metadata", "GET"),
        ("GET", "", "POST"),
        ("PUT", "Patient/p1/$everything", "GET"),
        ("DELETE", "Patient/p1/_history/1", "GET"),
    ],
)
def test_an_interaction_that_is_not_offered_is_405(http: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == 405
    assert allowed in answer.headers["allow"]
    assert answer.json()["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize("path", ["Patient/p1/x/y", "../elsewhere", "../auth/none"])
def test_a_path_that_leads_nowhere_is_404(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["Patient/p1", "urn:uuid:1", "final", ""]) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
QUERY = st.lists(
    st.tuples(st.sampled_from([*PARAMETERS["Observation"], *RESULT, "code:missing", "subject:Patient"]), TEXT | VALUES), max_size=4
)


@pytest.fixture(scope="module")
def rough() -> Iterator[httpx.Client]:
    """A hospital of its own, whose record may be spoilt."""
    with (
        running(Store([{"resourceType": "Patient", "id": "p1"}])) as ehr,
        httpx.Client(timeout=60, verify=False, base_url=f"{ehr.base}/") as client,
    ):
        yield client


@settings(max_examples=60)
@given(method=st.sampled_from(["POST", "PUT"]), body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), query=QUERY)
def test_no_body_and_no_query_makes_the_server_fail(
    rough: httpx.Client, method: str, body: dict[str, Any], query: list[tuple[str, str]]
) -> None:
    """What is written is not validated here, so that searches meet elements of any shape."""
    path = "Observation" if method == "POST" else "Observation/o9"
    for sent, where in (
        ({"resourceType": "Observation", "id": "o9", **body}, path),
        ({"resourceType": "Bundle", "type": "batch", **body}, ""),
    ):
        done = rough.request(method if where else "POST", where, json=sent, headers={"Content-Type": "application/fhir+json"})
        assert done.status_code < 500
    assert rough.get("Observation", params=query).status_code in (200, 400)
    assert rough.get("Patient/p1/$everything", params=query).status_code in (200, 400)


def test_a_client_written_by_others_reads_and_searches(ehr: Running) -> None:
    """PyPI fhirclient 4.4, which checks what it reads against R4 models of its own."""
    client = FHIRClient(settings={"app_id": "app", "api_base": ehr.base})
    client.prepare()
    patient = Patient.read("p1", client.server)
    assert (patient.id, patient.name[0].family) == ("p1", "Ames")
    search = Observation.where(struct={"patient": "p1", "_sort": "_id"})
    assert [each.id for each in search.perform_resources_iter(client.server)] == ["o1", "o2", "o3", "o4", "o5"], "through all pages"

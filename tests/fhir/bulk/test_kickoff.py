"""The question that begins an export, and what may be made of its answer."""

from __future__ import annotations

import pytest

from fhir.bulk.kickoff import kick_off, status_url
from fhir.bulk.request import ExportRequest
from fhir.errors import AccessRefused, ElsewhereRefused, ExportFailed, NotFhir, NotThere, RecordError, RequestRefused
from fhir.wire.exchange import Answer
from fhir.wire.origins import origins

BASE = "https://ehr.example/fhir"


@pytest.mark.std("C1")
def test_a_kick_off_asks_for_an_asynchronous_answer_and_is_never_repeated_by_itself() -> None:
    by_get, by_post = kick_off(BASE + "/", ExportRequest("system")), kick_off(BASE, ExportRequest("system"), "POST")
    assert (by_get.method, by_get.url, by_get.body) == ("GET", f"{BASE}/$export?_outputFormat=application%2Ffhir%2Bndjson", None)
    assert (by_post.method, by_post.url) == ("POST", f"{BASE}/$export")
    for ask in (by_get, by_post):
        assert (ask.headers["Prefer"], ask.headers["Accept"], ask.may_repeat) == ("respond-async", "application/fhir+json", False)


def test_single_patients_go_by_post_alone_since_a_query_is_logged() -> None:
    assert kick_off(BASE, ExportRequest("patients", patients=("p1",))).method == "POST"


@pytest.mark.std("C1")
@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://ehr.example/jobs/1", "https://ehr.example/jobs/1"),
        ("/jobs/1?a=b", "https://ehr.example/jobs/1?a=b"),
        ("https://jobs.example/1", "https://jobs.example/1"),
    ],
)
def test_the_content_location_is_where_to_ask(location: str, url: str) -> None:
    allowed = origins(BASE, plain=("https://jobs.example",))
    assert status_url(Answer(202, {"content-location": location}, b"", f"{BASE}/$export"), allowed) == url


@pytest.mark.std("C1")
@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (202, {}, ExportFailed),
        (202, {"content-location": "  "}, ExportFailed),
        (200, {"content-location": "/jobs/1"}, ExportFailed),
        (302, {"location": "/jobs/1"}, NotFhir),
        (401, {}, AccessRefused),
        (404, {}, NotThere),
        (400, {}, RequestRefused),
        (202, {"content-location": "https://ehr.example.evil/jobs/1"}, ElsewhereRefused),
        (202, {"content-location": "https://ehr.example@evil/jobs/1"}, ElsewhereRefused),
        (202, {"content-location": "file:///etc/passwd"}, ElsewhereRefused),
    ],
)
def test_any_other_answer_begins_no_export(status: int, headers: dict[str, str], error: type[RecordError]) -> None:
    with pytest.raises(error):
        status_url(Answer(status, headers, b"", f"{BASE}/$export"), origins(BASE))

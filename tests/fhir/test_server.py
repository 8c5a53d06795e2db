"""A server as a source, against a real HTTP server on loopback whose answers are scripted."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fhir.access import Access
from fhir.chart import Chart
from fhir.errors import (
    AccessRefused,
    AnotherPatient,
    BadJson,
    FileRejected,
    NotFhir,
    RecordError,
    UnknownPatient,
    Unreachable,
    WrongPatientImage,
    WrongRelease,
)
from fhir.server import ServerSource
from fhir.study import ImageSource
from fhir.wire.authorization import Bearer
from fhir.wire.patience import Limits

Body = dict[str, Any]
Answer = tuple[int, str, bytes]
FHIR = "application/fhir+json"


class Scripted:
    """Answers by path; `{path: (status, media type, body)}` overrides what a sound server would say."""

    def __init__(self, resources: list[Body]) -> None:
        self.resources = resources
        self.answers: dict[str, Answer] = {"/fhir/metadata": self.json({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})}
        self.asked: list[tuple[str, str | None]] = []
        self.wants_long_form = False
        self.page_size = 100
        self.base = ""

    @staticmethod
    def json(body: Body, status: int = 200) -> Answer:
        return status, FHIR, json.dumps(body).encode()

    def answer(self, target: str) -> Answer:
        path, _, query = target.partition("?")
        if target in self.answers or path in self.answers:
            return self.answers.get(target) or self.answers[path]
        parts = path.removeprefix("/fhir/").split("/")
        if len(parts) == 2:
            found = [one for one in self.resources if [one["resourceType"], one["id"]] == parts]
            return self.json(found[0]) if found else self.json({"resourceType": "OperationOutcome", "issue": []}, 404)
        return self.search(parts[0], dict(one.split("=") for one in query.split("&")), path)

    def search(self, resource_type: str, query: dict[str, str], path: str) -> Answer:
        wanted = query.get("patient")
        asked = wanted and (wanted if self.wants_long_form else f"Patient/{wanted}")
        found = [one for one in self.resources if one["resourceType"] == resource_type]
        found = [one for one in found if not asked or one.get("subject", one.get("patient", {})).get("reference") == asked]
        start = int(query.get("page", 0)) * self.page_size
        bundle: Body = {"resourceType": "Bundle", "type": "searchset"}
        bundle["entry"] = [
            {"fullUrl": f"{self.base}/{one['resourceType']}/{one['id']}", "resource": one} for one in found[start : start + self.page_size]
        ]
        if len(found) > start + self.page_size:
            query["page"] = str(int(query.get("page", 0)) + 1)
            bundle["link"] = [{"relation": "next", "url": f"{self.base}/{resource_type}?" + "&".join(f"{k}={v}" for k, v in query.items())}]
        return self.json(bundle)


@pytest.fixture
def server(patient: Body, observation: Callable[..., Body]) -> Iterator[Scripted]:
    script = Scripted([patient, *(observation(f"o{n}") for n in range(5)), {**patient, "id": "p2"}])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append((self.path, self.headers.get("Authorization")))
            status, kind, body = script.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    httpd = Server(("127.0.0.1", 0), Handler)
    script.base = f"http://127.0.0.1:{httpd.server_port}/fhir"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    httpd.shutdown()
    thread.join()
    httpd.server_close()


FAST = Limits(wait=0.01, attempts=2, connect=60, silence=60, deadline=120)


def _chart(server: Scripted, patient: str = "p1", **options: Any) -> Chart:
    async def run() -> Chart:
        source = ServerSource(server.base, Access(limits=FAST, **options))
        try:
            return await source.chart(patient)
        finally:
            await source.aclose()

    return asyncio.run(run())


@pytest.mark.std("E1")
def test_pulls_a_chart_page_by_page(server: Scripted) -> None:
    server.page_size = 2
    chart = _chart(server, "Patient/p1")
    assert {fact.id for fact in chart.facts} == {f"o{n}" for n in range(5)}
    assert chart.manifest.source == "server"
    assert chart.manifest.incomplete == ()
    assert chart.manifest.state("Claim") == "not asked"


@pytest.mark.std("E2")
def test_asks_again_with_the_long_form_where_a_server_wants_it(server: Scripted) -> None:
    server.wants_long_form = True
    assert len(_chart(server).facts) == 5


def test_lists_patients(server: Scripted) -> None:
    async def run() -> tuple[str, ...]:
        source = ServerSource(server.base)
        try:
            return await source.patients()
        finally:
            await source.aclose()

    assert asyncio.run(run()) == ("p1", "p2")


REFUSED: list[tuple[str, Answer, type[RecordError]]] = [
    ("/fhir/metadata", Scripted.json({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}), WrongRelease),
    ("/fhir/metadata", Scripted.json({"resourceType": "CapabilityStatement", "fhirVersion": "4.3.0"}), WrongRelease),
    ("/fhir/metadata", (200, FHIR + "; fhirVersion=5.0", b"{}"), WrongRelease),
    ("/fhir/metadata", (200, "text/html", b"<html>login</html>"), NotFhir),
    ("/fhir/metadata", (200, FHIR, b"<html>login</html>"), NotFhir),
    ("/fhir/metadata", Scripted.json({"resourceType": "Patient", "id": "p1"}), NotFhir),
    ("/fhir/metadata", (302, FHIR, b"https://elsewhere.example/"), NotFhir),
    ("/fhir/metadata", (404, FHIR, b"{}"), NotFhir),
    ("/fhir/metadata", (503, FHIR, b""), Unreachable),
    ("/fhir/Patient/p1", (401, FHIR, b""), AccessRefused),
    ("/fhir/Patient/p1", (404, FHIR, b""), UnknownPatient),
    ("/fhir/Observation", (200, FHIR, b'{"resourceType":"Bundle","entry":['), BadJson),
    ("/fhir/Condition", (200, FHIR, b'{"resourceType":"Bundle","entry":[],"entry":[]}'), BadJson),
]


@pytest.mark.fault(17)
@pytest.mark.fault(18)
@pytest.mark.parametrize(("path", "answer", "error"), REFUSED)
def test_refuses_what_is_no_fhir_r4_answer(server: Scripted, path: str, answer: Answer, error: type[RecordError]) -> None:
    server.answers[path] = answer
    with pytest.raises(error):
        _chart(server)


@pytest.mark.fault(7)
@pytest.mark.parametrize(("status", "state"), [(403, "refused"), (401, "refused"), (404, "failed"), (500, "failed")])
def test_a_type_that_did_not_come_is_marked_and_the_others_come(server: Scripted, status: int, state: str) -> None:
    server.answers["/fhir/MedicationRequest"] = (status, FHIR, b"{}")
    chart = _chart(server)
    assert chart.manifest.state("MedicationRequest") == state
    assert chart.manifest.incomplete == ("MedicationRequest",)
    assert len(chart.facts) == 5


@pytest.mark.fault(12)
def test_another_patients_resource_in_an_answer_aborts(server: Scripted, observation: Callable[..., Body]) -> None:
    stranger = observation("o9", "Patient/p2")
    server.answers["/fhir/Observation"] = Scripted.json({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": stranger}]})
    with pytest.raises(AnotherPatient):
        _chart(server)


@pytest.mark.fault(8)
def test_paging_that_loops_or_never_ends_is_truncated(server: Scripted) -> None:
    loop = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "next", "url": f"{server.base}/Condition?patient=p1&_count=200"}],
    }
    server.answers["/fhir/Condition"] = Scripted.json(loop)
    server.page_size = 1
    chart = _chart(server, max_pages=3)
    assert chart.manifest.state("Condition") == "truncated"
    assert chart.manifest.state("Observation") == "truncated"
    assert len(chart.facts) == 3


@pytest.mark.fault(9)
def test_a_next_link_to_another_origin_is_not_followed_and_gets_no_token(server: Scripted, observation: Callable[..., Body]) -> None:
    for other in (
        server.base.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1.evil.example/fhir",
        server.base.replace("http://", "http://u@"),
    ):
        page = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": observation("o1")}],
            "link": [{"relation": "next", "url": f"{other}/Observation?page=evil"}],
        }
        server.answers["/fhir/Observation"] = Scripted.json(page)
        chart = _chart(server, authorization=Bearer("canary"))
        assert chart.manifest.state("Observation") == "truncated"
    assert not [path for path, _ in server.asked if "evil" in path]


@pytest.mark.fault(1)
def test_a_server_that_is_not_there_is_unreachable_and_may_be_tried_again() -> None:
    source = ServerSource("http://127.0.0.1:9/fhir", Access(limits=FAST))

    async def run() -> None:
        try:
            await source.chart("p1")
        finally:
            await source.aclose()

    with pytest.raises(Unreachable) as caught:
        asyncio.run(run())
    assert caught.value.retryable


def test_an_id_that_is_no_fhir_id_is_never_put_into_a_url(server: Scripted) -> None:
    for odd in ("../metadata", "p1?x=1", "p1/../p2", ""):
        with pytest.raises(UnknownPatient):
            _chart(server, odd)
    assert server.asked == []


@pytest.mark.std("E6")
def test_fetches_attachments_from_its_own_origin_only(server: Scripted) -> None:
    server.answers["/fhir/Binary/raw"] = (200, "image/png", b"raw bytes")
    server.answers["/fhir/Binary/json"] = Scripted.json(
        {"resourceType": "Binary", "id": "json", "data": base64.b64encode(b"from json").decode()}
    )

    async def run(url: str) -> bytes:
        source = ServerSource(server.base)
        try:
            return await source.fetch(ImageSource("Media/m", "image/png", url), 100)
        finally:
            await source.aclose()

    assert asyncio.run(run("Binary/raw")) == b"raw bytes"
    assert asyncio.run(run(f"{server.base}/Binary/json")) == b"from json"
    for url in ("https://elsewhere.example/a.png", "//elsewhere.example/a.png", "file:///etc/hostname", "Binary/none"):
        with pytest.raises(FileRejected):
            asyncio.run(run(url))


OUTCOME: Body = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
NEXT_OF_NOTHING: Body = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "http://[bad"}]}


@pytest.mark.fault(7)
@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Scripted.json(OUTCOME), "failed"),
        (Scripted.json(OUTCOME, 202), "failed"),
        ((204, FHIR, b""), "failed"),
        (Scripted.json(NEXT_OF_NOTHING), "truncated"),
    ],
    ids=["an outcome", "accepted for later", "no content", "a next link that is no URL"],
)
def test_a_success_that_says_nothing_is_never_none(server: Scripted, answer: Answer, state: str) -> None:
    server.answers["/fhir/MedicationRequest"] = answer
    chart = _chart(server)
    assert chart.manifest.incomplete == ("MedicationRequest",)
    assert chart.manifest.state("MedicationRequest") == state


def test_a_single_resource_in_place_of_a_search_is_refused(server: Scripted, observation: Callable[..., Body]) -> None:
    server.answers["/fhir/Observation"] = Scripted.json(observation("o1"))
    with pytest.raises(NotFhir):
        _chart(server)


@pytest.mark.parametrize("url", ["http://[bad", "//[bad"])
def test_an_attachment_whose_url_is_none_is_rejected(server: Scripted, url: str) -> None:
    with pytest.raises(FileRejected):
        _fetched(server, ImageSource("Media/m", "image/png", url))
    assert server.asked == []


@pytest.mark.fault(12)
def test_a_binary_of_somebody_else_or_with_a_key_twice_is_no_image(server: Scripted) -> None:
    binary: Body = {"resourceType": "Binary", "id": "b1", "data": "YWJj", "securityContext": {"reference": "Patient/p2"}}
    image = ImageSource("Media/m", "image/png", "Binary/b1", patient="Patient/p1")
    server.answers["/fhir/Binary/b1"] = Scripted.json(binary)
    with pytest.raises(WrongPatientImage):
        _fetched(server, image)
    server.answers["/fhir/Binary/b1"] = (200, FHIR, b'{"resourceType":"Binary","id":"b1","data":"YWJj","data":"YWJk"}')
    with pytest.raises(BadJson):
        _fetched(server, image)


def _fetched(server: Scripted, image: ImageSource) -> bytes:
    async def run() -> bytes:
        source = ServerSource(server.base, Access(limits=FAST))
        try:
            return await source.fetch(image)
        finally:
            await source.aclose()

    return asyncio.run(run())

"""Drafts in the EHR: once however often it is tried, preliminary, and believed only after they were read again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from agent.review import Review, ReviewClaim
from fhir.drafts import AI_LABEL
from fhir.errors import AccessRefused, DeadlinePassed, DraftInvalid, RecordError, RequestRefused, Unreachable, VersionConflict
from fhir.models import validate
from fhir.rest.client import FhirClient
from fhir.smart.scopes import granted as scopes_of
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sidenote.decisions import write_back
from sidenote.decisions.decision import Decision, Draft
from sidenote.decisions.drafting import draft_of
from sidenote.decisions.errors import WriteUnproven
from sidenote.decisions.write_back import WRITTEN_TYPES, granted, needed_scopes, write

T = TypeVar("T")
Make = Callable[[str], Draft]
PATIENT = "ckd4-contrast"


@pytest.fixture
def server() -> Iterator[Running]:
    """An EHR that validates what it is given."""
    with running(Store([{"resourceType": "Patient", "id": PATIENT}]), Config(validates=True)) as found:
        yield found


@pytest.fixture(scope="module")
def drafted(review: Review, claim: Callable[[str], ReviewClaim], decide: Callable[..., Decision]) -> Make:
    """The draft of an approved claim of the review."""
    return lambda id_: draft_of(review, claim(id_), decide(claim=id_, text=claim(id_).text))


def using(base: str, work: Callable[[FhirClient], Awaitable[T]], **limits: Any) -> T:
    async def run() -> T:
        wire = Wire(origins(base), limits=Limits(**{"wait": 0.01, "longest_wait": 0.02, "attempts": 2, **limits}))
        try:
            return await work(FhirClient(wire, base))
        finally:
            await wire.aclose()

    return asyncio.run(run())


def of(server: Running, *types: str) -> list[Any]:
    return [one.body for type_ in types or WRITTEN_TYPES for one in server.store.of_type(type_)]


def offers(server: Running, **changes: Any) -> None:
    """Change what the server says of every type."""

    def edit(body: dict[str, Any]) -> None:
        for one in body["rest"][0]["resource"]:
            one.update(changes)

    server.faults.edit_json("/metadata", edit)


@pytest.mark.std("E7")
@pytest.mark.std("E8")
@pytest.mark.std("F2")
@pytest.mark.parametrize(("id_", "type_"), [("C1", "DetectedIssue"), ("C2", "Composition"), ("C9", "RiskAssessment")])
def test_a_draft_is_in_the_ehr_with_the_provenance_of_its_version(server: Running, drafted: Make, id_: str, type_: str) -> None:
    written = using(server.base, lambda client: write(client, drafted(id_)))
    resource, provenance = of(server)[:2] if type_ != "RiskAssessment" else of(server, "RiskAssessment", "Provenance")
    assert written == (f"{type_}/{resource['id']}", f"Provenance/{provenance['id']}")
    assert (resource["status"], resource["meta"]["security"]) == ("preliminary", [AI_LABEL])
    assert provenance["target"] == [{"reference": f"{type_}/{resource['id']}/_history/1"}]
    assert [validate(one["resourceType"], one) for one in of(server)] == [(), ()]


@pytest.mark.std("E4")
@pytest.mark.parametrize("conditional", [True, False], ids=["conditional create", "a server without it"])
def test_however_often_it_is_tried_it_is_there_once(server: Running, drafted: Make, conditional: bool) -> None:
    offers(server, conditionalCreate=conditional)
    written = {using(server.base, lambda client: write(client, drafted("C1"))) for _ in range(3)}
    assert len(written) == 1
    assert len(of(server)) == 2
    conditions = server.faults.count("DetectedIssue", "POST")
    assert conditions == (3 if conditional else 1)


@pytest.mark.std("E4")
@pytest.mark.parametrize("conditional", [True, False], ids=["conditional create", "a server without it"])
@pytest.mark.parametrize("lost", ["DetectedIssue", "Provenance"])
def test_an_answer_that_is_lost_after_the_write_leaves_nothing_twice(
    server: Running, drafted: Make, fault_proxy: Any, faults: Any, lost: str, conditional: bool
) -> None:
    offers(server, conditionalCreate=conditional)
    proxy = fault_proxy(faults.relayed("127.0.0.1", urlsplit(server.base).port))
    proxy.plan = lambda asked: faults.Plan(stop_at=0) if (asked.method, asked.target) == ("POST", f"/fhir/{lost}") else faults.Plan()
    with pytest.raises(Unreachable) as gone:
        using(f"{proxy.base}/fhir", lambda client: write(client, drafted("C1")))
    assert gone.value.retryable
    assert len(of(server, lost)) == 1, "it was written, and nobody was told"
    proxy.plan = faults.Plan()
    using(f"{proxy.base}/fhir", lambda client: write(client, drafted("C1")))
    assert [len(of(server, name)) for name in ("DetectedIssue", "Provenance")] == [1, 1]


def test_twenty_at_once_write_it_once(server: Running, drafted: Make) -> None:
    async def all_at_once(client: FhirClient) -> list[tuple[str, ...]]:
        return await asyncio.gather(*(write(client, drafted("C1")) for _ in range(20)))

    assert len(set(using(server.base, all_at_once))) == 1
    assert len(of(server)) == 2


@pytest.mark.std("E4")
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (409, VersionConflict),
        (412, VersionConflict),
        (422, RequestRefused),
        (400, RequestRefused),
        (403, AccessRefused),
        (503, Unreachable),
    ],
)
@pytest.mark.parametrize("type_", ["DetectedIssue", "Provenance"])
def test_what_the_ehr_says_against_it_is_told_by_its_kind(
    server: Running, drafted: Make, type_: str, status: int, error: type[RecordError]
) -> None:
    server.faults.answer(status, times=None, path=f"/fhir/{type_}/")
    with pytest.raises(error) as refused:
        using(server.base, lambda client: write(client, drafted("C1")))
    assert refused.value.retryable is (status == 503)
    server.faults.clear()
    using(server.base, lambda client: write(client, drafted("C1")))
    assert len(of(server)) == 2


def test_a_slow_ehr_is_given_up_in_time(server: Running, drafted: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_back, "SECONDS", 0.1)
    server.faults.latency = 0.2
    with pytest.raises(DeadlinePassed):
        using(server.base, lambda client: write(client, drafted("C1")))


def test_a_type_that_the_ehr_does_not_create_is_not_sent(server: Running, drafted: Make) -> None:
    offers(server, interaction=[{"code": "read"}, {"code": "search-type"}])
    with pytest.raises(RequestRefused):
        using(server.base, lambda client: write(client, drafted("C1")))
    assert server.faults.count("DetectedIssue") == 0


@pytest.mark.parametrize("broken", ["resource", "provenance"])
def test_nothing_is_sent_when_one_of_the_two_is_not_valid(server: Running, drafted: Make, broken: str) -> None:
    sound = drafted("C1")
    texts = {"resource": sound.resource, "provenance": sound.provenance}
    texts[broken] = json.dumps({**json.loads(texts[broken]), "invented": 1})
    with pytest.raises(DraftInvalid):
        using(server.base, lambda client: write(client, Draft(sound.patient, **texts)))
    assert server.faults.log == []


def _another_patient(body: Any) -> None:
    if body["resourceType"] == "DetectedIssue":
        body["patient"] = {"reference": "Patient/other"}


def _final(body: Any) -> None:
    if body["resourceType"] == "DetectedIssue":
        body["status"] = "final"


def _unlabelled(body: Any) -> None:
    body["meta"].pop("security", None)


def _another_identifier(body: Any) -> None:
    body["identifier"] = [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0"}]


def _another_target(body: Any) -> None:
    if body["resourceType"] == "Provenance":
        body["target"] = [{"reference": "DetectedIssue/other"}]


@pytest.mark.parametrize("edit", [_another_patient, _final, _unlabelled, _another_identifier, _another_target])
def test_what_comes_back_as_something_else_is_not_believed(server: Running, drafted: Make, edit: Callable[[Any], None]) -> None:
    for type_ in ("DetectedIssue", "Provenance"):
        server.faults.edit_json(f"/fhir/{type_}/", edit)
    with pytest.raises(WriteUnproven):
        using(server.base, lambda client: write(client, drafted("C1")))


def test_a_label_that_the_ehr_drops_is_not_overlooked_the_second_time(server: Running, drafted: Make) -> None:
    server.faults.edit_json("/fhir/DetectedIssue/", _unlabelled)
    for _ in range(2):
        with pytest.raises(WriteUnproven):
            using(server.base, lambda client: write(client, drafted("C1")))


def test_a_search_that_gives_more_than_was_asked_for_is_not_taken_for_ours(server: Running, drafted: Make) -> None:
    """Such as by a server that ignores a parameter it does not know."""
    offers(server, conditionalCreate=False)
    server.faults.add_to_bundles({"resourceType": "DetectedIssue", "id": "x", "status": "final", "patient": {"reference": "Patient/other"}})
    written = using(server.base, lambda client: write(client, drafted("C1")))
    assert written[0] != "DetectedIssue/x"


def test_what_somebody_has_worked_on_since_is_left_as_it_is(server: Running, drafted: Make) -> None:
    reference, _ = using(server.base, lambda client: write(client, drafted("C1")))
    (issue,) = of(server, "DetectedIssue")
    server.store.put("DetectedIssue", issue["id"], {**issue, "status": "final"})
    assert using(server.base, lambda client: write(client, drafted("C1")))[0] == reference
    assert [one["status"] for one in of(server, "DetectedIssue")] == ["final"]


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("text", "enough"),
    [
        (needed_scopes(), True),
        ("patient/*.cruds", True),
        ("user/*.cruds", True),
        ("patient/*.rs", False),
        (needed_scopes().replace("user/Provenance.crs", "user/Provenance.rs"), False),
        (needed_scopes().replace("user/Provenance.crs", "user/Provenance.cr"), False),
        (needed_scopes().replace("patient/Composition.crs", "patient/Composition.crs?status=preliminary"), False),
        ("", False),
    ],
)
def test_drafts_are_written_where_all_that_it_takes_is_granted(text: str, enough: bool) -> None:
    assert granted(scopes_of(text)) is enough


def test_the_scopes_that_a_site_adds_are_of_the_grammar_and_no_more_than_is_written() -> None:
    scopes = scopes_of(needed_scopes())
    assert (scopes.others, {one.type for one in scopes.clinical}) == (frozenset(), set(WRITTEN_TYPES))
    assert {one.actions for one in scopes.clinical} == {"crs"}

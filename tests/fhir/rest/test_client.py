"""The client against the pretend hospital's server: what it reads, searches and writes, and what it refuses to believe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from fhir.bundles import Document
from fhir.errors import (
    AccessRefused,
    Deleted,
    ElsewhereRefused,
    NotFhir,
    NotThere,
    PagingEndless,
    RequestRefused,
    VersionConflict,
)
from fhir.rest.client import FhirClient
from fhir.rest.query import Query
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

Body = dict[str, Any]
T = TypeVar("T")
FAST = Limits(wait=0.01, attempts=2)


def observation(name: str, patient: str = "p1") -> Body:
    code = {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, "subject": {"reference": f"Patient/{patient}"}}


@pytest.fixture
def server() -> Iterator[Running]:
    people: list[Body] = [{"resourceType": "Patient", "id": name} for name in ("p1", "p2")]
    with running(Store([*people, *(observation(f"o{n}") for n in range(7)), observation("x1", "p2")]), Config(page_size=3)) as found:
        yield found


def using(server: Running, work: Callable[[FhirClient], Awaitable[T]], **options: Any) -> T:
    async def run() -> T:
        wire = Wire(origins(server.base), limits=FAST)
        try:
            return await work(FhirClient(wire, server.base, **options))
        finally:
            await wire.aclose()

    return asyncio.run(run())


async def pages(client: FhirClient, query: Query, *, private: bool = True) -> list[Document]:
    return [page async for page in client.search(query, private=private)]


OF_P1 = Query("Observation", (("patient", "p1"), ("_count", "3")))


def test_reads_a_resource_by_its_reference(server: Running) -> None:
    assert [item.local for item in using(server, lambda client: client.read("Observation/o1")).items] == ["Observation/o1"]


@pytest.mark.parametrize(
    "reference", ["Observation/none", "Observation/../o1", "Observation", "o1", "Observation/o1?x=1", "Observation/o1/x"]
)
def test_what_is_not_there_or_no_reference_is_not_there(server: Running, reference: str) -> None:
    with pytest.raises(NotThere):
        using(server, lambda client: client.read(reference))


@pytest.mark.std("E4")
def test_what_was_deleted_is_told_from_what_never_was(server: Running) -> None:
    server.store.delete("Observation", "o1")
    with pytest.raises(Deleted):
        using(server, lambda client: client.read("Observation/o1"))


@pytest.mark.std("E1")
def test_pages_are_followed_by_next_until_the_last(server: Running) -> None:
    found = using(server, lambda client: pages(client, OF_P1))
    assert [len(page.items) for page in found] == [3, 3, 1]
    assert {item.local for page in found for item in page.items} == {f"Observation/o{n}" for n in range(7)}


@pytest.mark.std("E2")
def test_a_search_that_names_a_person_travels_in_a_body_and_another_in_the_url(server: Running) -> None:
    using(server, lambda client: pages(client, OF_P1))
    search = next(one for one in server.faults.log if "Observation" in one.path)
    assert (search.method, search.query) == ("POST", "")
    using(server, lambda client: pages(client, Query("Patient"), private=False))
    assert server.faults.log[-1].method == "GET"


@pytest.mark.std("E2")
def test_a_server_without_post_search_is_asked_by_get_for_logical_ids_and_never_for_identifiers(server: Running) -> None:
    server.faults.answer(405, times=None, path="_search")
    assert sum(len(page.items) for page in using(server, lambda client: pages(client, OF_P1))) == 7
    with pytest.raises(RequestRefused):
        using(server, lambda client: pages(client, Query("Patient", (("identifier", "urn:mrn|CANARY"),))))
    assert not [one for one in server.faults.log if "CANARY" in one.query]


def test_the_quirk_of_a_server_without_post_search_spares_the_try(server: Running) -> None:
    using(server, lambda client: pages(client, OF_P1), quirks=frozenset({"get-search-only"}))
    assert server.faults.count("_search") == 0


def test_a_server_that_refuses_the_order_is_asked_without_it(server: Running) -> None:
    server.faults.answer(400, times=1, path="Observation/_search")
    found = using(server, lambda client: pages(client, OF_P1.plus(("_sort", "-date"))))
    assert sum(len(page.items) for page in found) == 7


@pytest.mark.std("E2")
def test_a_parameter_that_the_server_does_not_know_is_refused_and_not_ignored(server: Running) -> None:
    with pytest.raises(RequestRefused):
        using(server, lambda client: pages(client, Query("Observation", (("patient", "p1"), ("no-such-parameter", "x"))), private=False))


def test_a_search_that_is_refused_with_nothing_to_give_up_is_refused(server: Running) -> None:
    server.faults.answer(400, times=None, path="Observation")
    with pytest.raises(RequestRefused):
        using(server, lambda client: pages(client, OF_P1))


@pytest.mark.fault(8)
@pytest.mark.std("E1")
def test_pages_that_lead_back_to_themselves_end(server: Running) -> None:
    server.faults.next_link("loop")
    with pytest.raises(PagingEndless):
        using(server, lambda client: pages(client, OF_P1))


@pytest.mark.fault(8)
def test_more_pages_than_allowed_end(server: Running) -> None:
    with pytest.raises(PagingEndless):
        using(server, lambda client: pages(client, OF_P1), max_pages=2)


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    "url", ["http://localhost:1/fhir/x", "https://127.0.0.1/fhir", "http://127.0.0.1.evil.example/", "//evil.example/x", "file:///etc/x"]
)
def test_a_next_link_to_another_host_is_not_asked(server: Running, url: str) -> None:
    server.faults.next_link(url)
    with pytest.raises(ElsewhereRefused):
        using(server, lambda client: pages(client, OF_P1))
    assert len(server.faults.log) == 1


@pytest.mark.fault(17)
def test_a_login_page_is_no_answer(server: Running) -> None:
    server.faults.login_page(path="Observation")
    with pytest.raises(NotFhir):
        using(server, lambda client: pages(client, OF_P1))


@pytest.mark.fault(10)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Running, status: int) -> None:
    server.faults.answer(status, times=None, path="Patient/p1")
    with pytest.raises(NotFhir):
        using(server, lambda client: client.read("Patient/p1"))


def test_a_refusal_of_access_is_told(server: Running) -> None:
    server.faults.forbid("Observation")
    with pytest.raises(AccessRefused):
        using(server, lambda client: pages(client, OF_P1))


def test_everything_of_a_patient_comes_page_by_page(server: Running) -> None:
    async def work(client: FhirClient) -> list[Document]:
        return [page async for page in client.everything("p1", (("_count", "3"),))]

    found = using(server, work)
    assert len(found) > 1
    assert {item.local for page in found for item in page.items} == {"Patient/p1", *(f"Observation/o{n}" for n in range(7))}


@pytest.mark.std("E4")
def test_a_create_that_may_find_its_like_makes_it_once(server: Running) -> None:
    draft = {**observation(""), "identifier": [{"system": "urn:sidenote:case", "value": "case-1"}]}
    draft.pop("id")
    condition = (("identifier", "urn:sidenote:case|case-1"),)

    async def twice(client: FhirClient) -> list[tuple[str, bool]]:
        made = [await client.create(json.dumps(draft).encode(), if_none_exist=condition) for _ in range(2)]
        return [(one.reference, one.created) for one in made]

    (first, created), (second, again) = using(server, twice)
    assert first == second
    assert (created, again) == (True, False)


@pytest.mark.std("E4")
def test_a_create_is_repeated_after_a_fault_only_when_it_cannot_make_two(server: Running) -> None:
    draft = json.dumps({key: value for key, value in observation("").items() if key != "id"}).encode()
    server.faults.answer(503, times=1, path="/fhir/Observation")
    with pytest.raises(Exception, match="busy"):
        using(server, lambda client: client.create(draft))
    server.faults.answer(503, times=1, path="/fhir/Observation", retry_after="0")
    assert using(server, lambda client: client.create(draft, if_none_exist=(("identifier", "urn:x|1"),))).created


@pytest.mark.std("E4")
def test_an_update_holds_only_for_the_version_that_was_read(server: Running) -> None:
    changed = json.dumps({**observation("o1"), "status": "amended"}).encode()
    written = using(server, lambda client: client.update(changed, version="1"))
    assert (written.reference, written.version, written.created) == ("Observation/o1", "2", False)
    before = server.faults.count(method="PUT")
    with pytest.raises(VersionConflict):
        using(server, lambda client: client.update(changed, version="1"))
    assert server.faults.count(method="PUT") == before + 1


def test_a_resource_without_id_is_not_updated(server: Running) -> None:
    with pytest.raises(RequestRefused):
        using(server, lambda client: client.update(b'{"resourceType":"Observation"}', version="1"))
    assert server.faults.log == []


def test_the_capability_statement_is_asked_for_once(server: Running) -> None:
    async def work(client: FhirClient) -> None:
        await asyncio.gather(*(client.capability() for _ in range(5)))

    using(server, work)
    assert server.faults.count("metadata") == 1


def test_a_base_without_capability_statement_is_no_fhir(server: Running) -> None:
    server.faults.answer(404, times=None, path="metadata")
    with pytest.raises(NotFhir):
        using(server, lambda client: client.capability())

"""A walk keeps what came and says how it ended, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fhir.bundles import Document, read_document
from fhir.errors import (
    AccessRefused,
    BreakerOpen,
    DeadlinePassed,
    ElsewhereRefused,
    NotFhir,
    NotThere,
    Overloaded,
    PagingEndless,
    RecordError,
    RequestRefused,
    Unreachable,
)
from fhir.rest.query import Query
from fhir.rest.walk import CUT_OFF, Walk

QUERY = Query("Observation", (("patient", "p1"), ("_sort", "-date"), ("_count", "2")))


def page(*names: str, total: int | None = None, more: bool = False, self_url: str | None = None, kind: str = "Observation") -> Document:
    entry = [{"resource": {"resourceType": kind, "id": name}} for name in names]
    links = [{"relation": "next", "url": "http://127.0.0.1/next"}] if more else []
    links += [{"relation": "self", "url": self_url}] if self_url else []
    body: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "entry": entry, "link": links}
    return read_document(json.dumps(body | ({} if total is None else {"total": total})).encode())


async def giving(steps: Sequence[Document | Exception]) -> AsyncGenerator[Document]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        yield step


def walked(*steps: Document | Exception, query: Query = QUERY, most: int = 100, since: str | None = None) -> Walk:
    walk = Walk("Observation", since)
    asyncio.run(walk.take(query, giving(steps), most))
    return walk


def test_all_pages_are_complete() -> None:
    asked = walked(page("a", "b", more=True), page("c")).asked()
    assert (asked.state, asked.got, asked.pages, asked.reason) == ("complete", 3, 2, None)


ENDS: list[tuple[RecordError, str, str]] = [
    (AccessRefused("x"), "refused", "refused"),
    (NotThere("x"), "failed", "truncated"),
    (RequestRefused("x"), "failed", "truncated"),
    (PagingEndless("x"), "failed", "truncated"),
    (ElsewhereRefused("x"), "failed", "truncated"),
    (Unreachable("x"), "failed", "truncated"),
    (DeadlinePassed("x"), "failed", "truncated"),
    (BreakerOpen("x"), "failed", "truncated"),
    (Overloaded("x"), "failed", "truncated"),
]


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("error", "at_once", "later"), ENDS, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else ""
)
def test_a_fault_before_the_first_page_and_after_it_end_differently_and_keep_what_came(
    error: RecordError, at_once: str, later: str
) -> None:
    assert walked(error).asked().state == at_once
    asked = walked(page("a", "b", more=True), error).asked()
    assert (asked.state, asked.got) == (later, 2)
    assert asked.reason


def test_an_answer_that_cannot_be_believed_ends_the_pull() -> None:
    with pytest.raises(NotFhir):
        walked(page("a", more=True), NotFhir("x"))


def test_a_walk_that_was_cut_off_by_the_deadline_keeps_its_pages() -> None:
    walk = Walk("Observation")

    async def cut() -> None:
        async def slow() -> AsyncGenerator[Document]:
            yield page("a", more=True)
            await asyncio.sleep(60)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await walk.take(QUERY, slow(), 100)

    asyncio.run(cut())
    assert (walk.asked().state, walk.asked().got) == ("truncated", 1)
    assert Walk("Observation").asked().state == "failed"


SELF = "http://127.0.0.1/fhir/Observation?patient=p1&_count=2"


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("query", "self_url", "word"),
    [(QUERY, None, "newest"), (QUERY, SELF + "&_sort=-date", "newest"), (QUERY, SELF, "first"), (QUERY.without("_sort"), None, "first")],
    ids=["sorted", "sorted and told so", "order ignored in silence", "not sorted"],
)
def test_a_cut_says_whether_the_newest_were_kept(query: Query, self_url: str | None, word: str) -> None:
    asked = walked(page("a", "b", more=True, self_url=self_url), page("c"), query=query, most=2).asked()
    assert (asked.state, asked.got, asked.reason) == ("truncated", 2, f"the {word} 2 were taken")


@pytest.mark.std("E1")
@pytest.mark.parametrize(
    ("found", "state"),
    [
        (page("a", "b", total=5), "truncated"),
        (page("a", "b", total=2), "complete"),
        (page("a", "b"), "truncated"),
        (page("a"), "complete"),
        (page(), "complete"),
    ],
    ids=["the server counts more", "as many as counted", "a full page without a link", "a page that is not full", "nothing"],
)
def test_a_server_without_next_links_is_not_taken_for_one_that_gave_all(found: Document, state: str) -> None:
    assert walked(found).asked().state == state


def test_entries_of_other_types_are_left_out_and_counted() -> None:
    walk = walked(page("a", kind="Condition"))
    assert (walk.got, walk.strangers, walk.asked().state) == (0, 1, "truncated")
    assert [item for one in walk.pages for item in one.items] == []


@pytest.mark.std("E1")
@pytest.mark.parametrize(
    ("kind", "mode", "kept"),
    [("Endpoint", "include", 1), ("Endpoint", "match", 0), ("Condition", "include", 0), ("Observation", "outcome", 0)],
)
def test_what_comes_along_must_be_marked_so_and_be_nobodys(kind: str, mode: str, kept: int) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": kind, "id": "x"}, "search": {"mode": mode}}],
    }
    walk = walked(read_document(json.dumps(body).encode()))
    assert sum(len(one.items) for one in walk.pages) == kept


def test_a_window_is_never_complete() -> None:
    asked = walked(page("a"), since="2020-01-01").asked()
    assert (asked.state, asked.since, asked.reason) == ("truncated", "2020-01-01", "asked from 2020-01-01 on")


def test_what_stands_on_two_pages_came_once() -> None:
    assert walked(page("a", "b", total=3, more=True), page("b", total=3)).asked().state == "truncated"
    assert walked(page("a", "b", total=3, more=True), page("b", "c", total=3)).asked().state == "complete"


@pytest.mark.std("E1")
def test_what_is_included_does_not_make_up_for_a_match_that_is_missing() -> None:
    entry = [
        {"resource": {"resourceType": "Observation", "id": name}, "search": {"mode": mode}}
        for name, mode in (("a", "match"), ("b", "include"))
    ]
    body = {"resourceType": "Bundle", "type": "searchset", "total": 2, "entry": entry}
    asked = walked(read_document(json.dumps(body).encode())).asked()
    assert (asked.state, asked.reason) == ("truncated", "the server counts 2 and gave 1")


@pytest.mark.fault(11)
def test_a_page_that_is_short_by_its_own_account_is_never_complete() -> None:
    short = replace(page("a"), short="the server gave parts of resources")
    assert walked(short).asked().reason == "the server gave parts of resources"
    assert walked(replace(short, items=())).asked().state == "truncated"


def test_the_first_of_several_searches_does_not_speak_for_one_that_was_cut_off() -> None:
    async def second() -> AsyncGenerator[Document]:
        raise asyncio.CancelledError
        yield page("never")

    async def go() -> Walk:
        walk = Walk("Observation")
        await walk.take(QUERY, giving([page("a")]), 100)
        with pytest.raises(asyncio.CancelledError):
            await walk.take(QUERY, second(), 100)
        return walk

    asked = asyncio.run(go()).asked()
    assert (asked.state, asked.got, asked.reason) == ("truncated", 1, CUT_OFF)


def test_a_walk_stops_at_so_many_bytes() -> None:
    walk = Walk("Observation")
    asyncio.run(walk.take(QUERY, giving([page("a", more=True), page("b")]), 100, 10))
    assert (walk.asked().state, walk.got) == ("truncated", 1)

"""A search as a request: what names a person travels in the body, and a refused search gives up what it can do without."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.rest.query import Query, ignored

BASE = "http://127.0.0.1/fhir"
SEARCH = Query("Observation", (("patient", "p1"), ("_sort", "-date"), ("_count", "50"), ("code", "http://loinc.org|2160-0")))
TEXTS = st.text(min_size=1, max_size=20)
PARAMETERS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5).map(tuple)


@pytest.mark.std("E2")
@given(PARAMETERS)
def test_parameters_travel_whole_by_get_and_by_post(parameters: tuple[tuple[str, str], ...]) -> None:
    query = Query("Observation", parameters)
    assert parse_qsl(urlsplit(query.by_get(BASE).url).query, keep_blank_values=True) == list(parameters)
    assert parse_qsl((query.by_post(BASE).body or b"").decode(), keep_blank_values=True) == list(parameters)


@pytest.mark.std("E2")
def test_a_post_has_nothing_of_the_search_in_its_url_or_its_repr() -> None:
    ask = Query("Patient", (("identifier", "urn:mrn|CANARY-1"),)).by_post(BASE)
    assert ask.url == f"{BASE}/Patient/_search"
    assert ask.may_repeat
    assert "CANARY" not in repr(ask)


def test_a_search_without_parameters_has_a_plain_url() -> None:
    assert Query("Patient").by_get(BASE).url == f"{BASE}/Patient"


def test_a_refused_search_gives_up_order_then_page_size_and_never_its_patient() -> None:
    given_up = []
    query: Query | None = SEARCH
    while query is not None and (query := query.simpler) is not None:
        given_up.append([name for name, _ in query.parameters])
    assert given_up == [["patient", "_count", "code"], ["patient", "code"]]


@pytest.mark.std("E2")
@pytest.mark.parametrize(
    ("self_url", "expected"),
    [
        (f"{BASE}/Observation?patient=p1&_sort=-date&_count=50&code=x", ()),
        (f"{BASE}/Observation?patient=p1&_count=50&code=x", ("_sort",)),
        (f"{BASE}/Observation?patient:Patient=p1&code=x", ("_sort", "_count")),
        (f"{BASE}/Observation?token=opaque", ()),
        (f"{BASE}/Observation", ()),
        (None, ()),
    ],
    ids=["all told", "order left out", "with a modifier", "opaque", "bare", "none given"],
)
def test_parameters_that_the_self_link_leaves_out_were_ignored(self_url: str | None, expected: tuple[str, ...]) -> None:
    assert ignored(SEARCH, self_url) == expected


@pytest.mark.fault(8)
def test_nothing_is_told_from_a_self_link_that_is_no_url() -> None:
    assert ignored(Query("Observation", (("patient", "p1"),)), "http://[") == ()

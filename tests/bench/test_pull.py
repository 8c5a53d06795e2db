"""The server that the pull is measured against is a FHIR server, slow as it says, and everyone gets all of it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import pull
from bench.fhirserver import HELD, LATENCY, PAGE, PATIENT, running
from fhir.models import validate_text


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running() as url:
        yield url


def got(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        return json.load(answer)


def test_every_answer_takes_its_time_and_a_page_holds_no_more_than_a_hundred(base: str) -> None:
    began = time.perf_counter()
    page = got(f"{base}/Observation?patient={PATIENT}&_count=500")
    assert time.perf_counter() - began >= LATENCY
    assert (len(page["entry"]), page["total"]) == (PAGE, HELD["Observation"])
    assert got(f"{base}/Observation/_search", b"patient=p1&_count=500") == page
    assert [link["relation"] for link in page["link"]] == ["next"]
    assert got(page["link"][0]["url"])["entry"][0]["resource"]["id"] == "observation-100"
    assert got(f"{base}/Flag?patient={PATIENT}")["entry"] == []


@pytest.mark.parametrize("resource_type", HELD)
def test_what_it_holds_is_valid(base: str, resource_type: str) -> None:
    resource = got(f"{base}/{resource_type}?patient={PATIENT}")["entry"][0]["resource"]
    assert validate_text(resource_type, resource["id"], json.dumps(resource).encode()) == ()


@pytest.mark.parametrize(
    "pulled",
    [pull._sidenote, pull._httpx, pull._fhirclient, lambda base: asyncio.run(pull._fhirpy(base, at_once=True))],
    ids=["sidenote", "httpx", "fhirclient", "fhirpy"],
)
def test_everyone_pulls_all_of_it(base: str, pulled: Callable[[str], int]) -> None:
    assert pulled(base) == sum(HELD.values()) == 2000

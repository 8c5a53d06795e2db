"""Starting and stopping, several at once, whatever happens inside the block."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.ehr.app import hospital_app
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store


def test_a_server_starts_and_stops_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with running(Store()) as ehr:
        assert httpx.get(f"{ehr.base}/metadata", timeout=60).status_code == 200
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{ehr.base}/metadata", timeout=60)


def test_several_servers_run_side_by_side_each_with_its_own_record() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(running(Store([{"resourceType": "Patient", "id": f"p{number}"}]))) for number in range(3)]
        assert len({each.origin for each in servers}) == 3
        for number, each in enumerate(servers):
            body = httpx.get(f"{each.base}/Patient", timeout=60).json()
            assert [entry["fullUrl"] for entry in body["entry"]] == [f"{each.base}/Patient/p{number}"]
            assert (each.store, each.auth, each.faults) == (each.hospital.store, each.hospital.auth, each.hospital.faults)


def test_a_server_stops_while_an_answer_is_held_back() -> None:
    with running(Store()) as ehr:
        ehr.faults.latency = 600
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{ehr.base}/metadata", timeout=httpx.Timeout(60, read=0.1))
        begun = time.perf_counter()
    assert time.perf_counter() - begun < 60, "the answer was held back for ten minutes"


def test_a_server_stops_when_the_block_fails() -> None:
    with pytest.raises(KeyError), running(Store()) as ehr:
        raise KeyError
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{ehr.base}/metadata", timeout=60)


def test_a_composition_is_made_once_the_origin_is_known() -> None:
    seen: list[str] = []

    def compose(hospital: Hospital) -> Starlette:
        seen.append(hospital.origin)
        return hospital_app(hospital)

    with running(Store(), compose=compose) as ehr:
        assert httpx.get(f"{ehr.base}/metadata", timeout=60).status_code == 200
    assert seen == [ehr.origin]

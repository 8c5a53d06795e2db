"""The application as a whole."""

from __future__ import annotations

import httpx

from sandbox.ehr.serve import running
from sandbox.ehr.store import Store


def test_a_failure_of_the_server_itself_is_an_outcome_too() -> None:
    store = Store()
    store.put("Binary", "b1", {"resourceType": "Binary", "data": "é"})
    with running(store) as ehr:
        answer = httpx.get(f"{ehr.base}/Binary/b1", headers={"Accept": "text/plain"})
    assert answer.status_code == 500
    assert answer.json()["issue"][0]["code"] == "exception"

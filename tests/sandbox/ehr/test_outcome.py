"""OperationOutcome."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from sandbox.ehr.outcome import ISSUES, Refusal, operation_outcome, refused


@pytest.mark.parametrize("status", [*ISSUES, 418])
def test_every_refusal_is_a_valid_outcome_with_its_status_and_headers(status: int) -> None:
    answer = refused(Refusal(status, "why", {"Retry-After": "1"}))
    body = json.loads(bytes(answer.body))
    OperationOutcome.model_validate(body)
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert body["issue"][0]["code"] == ISSUES.get(status, "processing")


def test_an_outcome_can_be_a_warning() -> None:
    assert operation_outcome(400, "ignored", "warning")["issue"][0]["severity"] == "warning"

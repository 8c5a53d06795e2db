"""Requests drawn from the OpenAPI document, well-formed and not: each is answered as the document says, and none meets a defect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from sandbox.patients.story import CLOCK

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")  # schemathesis does
EXAMPLES = 10
"""Of each operation and each of the two ways to draw: what the document allows, and what it does not."""
NOT_DRAWN = {
    "GET /api/reviews/{review_id}/events": "a stream that stays open; tests/sidenote/web/test_streaming.py",
    "DELETE /api/session": "would end the session that the rest is drawn with",
}


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), now=lambda: CLOCK) as opened:
        yield opened


def operations(door: Any) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{door.url}/api/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_no_request_drawn_from_the_document_meets_a_defect(door: Any, mode: GenerationMode) -> None:
    opened = door.session(patient="metformin-egfr35")
    drawn = []
    for operation in operations(door):
        if operation.label in NOT_DRAWN or (mode is GenerationMode.NEGATIVE and not takes_anything(operation)):
            continue
        drawn.append(operation.label)
        hold = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))(
            given(case=operation.as_strategy(generation_mode=mode))(held(opened))
        )
        hold()
    assert len(drawn) >= (len(operations(door)) - len(NOT_DRAWN) if mode is GenerationMode.POSITIVE else 8)


def takes_anything(operation: Any) -> bool:
    """Whether there is anything in a request that could be wrong."""
    return bool(len(operation.body)) or any(True for _ in operation.iter_parameters())


def held(opened: dict[str, Any]) -> Callable[[Any], None]:
    """Send a drawn request with the handle; where it names a review, it names the one that is there."""

    def hold(case: Any) -> None:
        if "review_id" in (case.path_parameters or {}) and case.method != "DELETE":
            case.path_parameters["review_id"] = opened["review_id"]
        case.call_and_validate(headers={"Authorization": f"Bearer {opened['handle']}"}, checks=CHECKS, timeout=60)

    return hold

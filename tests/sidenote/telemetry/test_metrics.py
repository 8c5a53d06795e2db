"""Counts whose labels come from closed sets alone, whatever is counted (fault 110)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import Unreachable
from sidenote.audit.events import Entity, Name, Row, Who, decided, denied, exchanged, launched, shown, wrote
from sidenote.telemetry.codes import known_codes
from sidenote.telemetry.metrics import ACCESSES, ACTIONS, METHODS, OTHER, REVIEWS, STATUSES, STEPS, WRITES, Metrics, one_of

WHO = Who("pretend", "Practitioner/CANARY", "CANARY", "s-1")
ROUTES = frozenset({"/health", "/api/reviews/{review_id}"})
ALLOWED: dict[str, Collection[str]] = {
    "route": ROUTES | {OTHER},
    "method": METHODS | {OTHER},
    "status": STATUSES | REVIEWS | {OTHER},
    "code": known_codes() | {OTHER},
    "step": STEPS | {OTHER},
    "action": ACTIONS | {OTHER},
    "access": ACCESSES,
    "event": {*get_args(Name), OTHER},
    "outcome": WRITES | {"success", "refused", "broken", OTHER},
}
"""Label -> what may stand there."""


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample that is not 0, by its name and labels."""
    found = re.findall(r"^(sidenote_\w+(?:\{[^}]*\})?) (\S+)$", metrics.text().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found if float(value) and "_created" not in name and "_bucket" not in name}


def foreign(metrics: Metrics) -> list[tuple[str, str]]:
    """Labels with values that are on no list."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return [(name, value) for one in samples for name, value in one.labels.items() if name != "le" and value not in ALLOWED[name]]


def counted(text: str, status: int = 200) -> Metrics:
    """Everything counted that can be, with a text wherever there is one."""
    metrics = Metrics()
    metrics.serves(ROUTES)
    metrics.answered(text, text, status, 0.1)
    metrics.reviewed(text)
    metrics.stepped(text, 1.0)
    for row in (
        launched(replace(WHO, emergency=True)),
        decided(WHO, text, text, text),
        wrote(WHO, (text,), text),
        denied(WHO, text, text),
        shown(WHO, text, text),
    ):
        metrics.heard(row)
    metrics.heard(Row(text, text, text, text, WHO))  # type: ignore[arg-type]
    metrics.heard(exchanged(WHO, "E", text, status, (Entity("query", text),)))
    return metrics


@pytest.mark.fault(110)
@given(st.text(), st.integers())
def test_whatever_is_counted_every_label_is_on_its_list(text: str, status: int) -> None:
    assert foreign(counted(text, status)) == []


@pytest.mark.fault(110)
@pytest.mark.parametrize("text", ["CANARY", "/api/reviews/CANARY", "heart-failure", "Practitioner/CANARY"])
def test_nothing_of_a_patient_stands_in_the_text(text: str) -> None:
    found = counted(text).text().decode()
    assert "CANARY" not in found
    assert text not in found


def test_what_is_on_a_list_is_counted_as_itself() -> None:
    metrics = Metrics()
    metrics.serves(ROUTES)
    metrics.watches(lambda: 3)
    metrics.answered("/health", "GET", 200, 0.002)
    metrics.answered("/api/reviews/123", "BREW", 200, 0.002)
    metrics.stepped("chart", 0.5)
    metrics.reviewed("presented")
    for row in (decided(WHO, "r1", "C1", "approve"), wrote(WHO, (), "written"), wrote(WHO, (), "fhir_unreachable")):
        metrics.heard(row)
    assert values(metrics) == {
        'sidenote_requests_total{method="GET",route="/health",status="200"}': 1,
        'sidenote_requests_total{method="other",route="other",status="200"}': 1,
        'sidenote_request_seconds_count{route="/health"}': 1,
        'sidenote_request_seconds_sum{route="/health"}': 0.002,
        'sidenote_request_seconds_count{route="other"}': 1,
        'sidenote_request_seconds_sum{route="other"}': 0.002,
        'sidenote_step_seconds_count{step="chart"}': 1,
        'sidenote_step_seconds_sum{step="chart"}': 0.5,
        'sidenote_reviews_total{status="presented"}': 1,
        'sidenote_decisions_total{action="approve"}': 1,
        'sidenote_audit_rows_total{event="decided",outcome="success"}': 1,
        'sidenote_audit_rows_total{event="wrote",outcome="success"}': 1,
        'sidenote_audit_rows_total{event="wrote",outcome="broken"}': 1,
        'sidenote_writes_total{outcome="written"}': 1,
        'sidenote_writes_total{outcome="failed"}': 1,
        "sidenote_sessions_open": 3,
    }


@pytest.mark.fault(109)
def test_emergencies_are_counted_apart_from_usual_sessions() -> None:
    metrics = Metrics()
    for row in (launched(WHO), launched(replace(WHO, emergency=True)), launched(WHO), shown(replace(WHO, emergency=True), "r1", "")):
        metrics.heard(row)
    found = {name: value for name, value in values(metrics).items() if "launches" in name}
    assert found == {'sidenote_launches_total{access="usual"}': 2, 'sidenote_launches_total{access="emergency"}': 1}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unreachable("CANARY"), "failed", "fhir_unreachable"),
        (ValueError("CANARY"), "failed", "internal_error"),
        (asyncio.CancelledError(), "cancelled", None),
    ],
)
def test_a_review_that_does_not_end_is_counted_by_why(error: BaseException, status: str, code: str | None) -> None:
    metrics = Metrics()

    def review() -> None:
        with metrics.running():
            assert values(metrics) == {"sidenote_reviews_running": 1}
            raise error

    with pytest.raises(type(error)):
        review()
    failures = {} if code is None else {f'sidenote_review_failures_total{{code="{code}"}}': 1.0}
    assert values(metrics) == {f'sidenote_reviews_total{{status="{status}"}}': 1, **failures}


def test_two_processes_or_tests_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.reviewed("presented")
    assert values(other) == {}


@pytest.mark.parametrize(("value", "told"), [("a", "a"), ("b", OTHER), ("", OTHER)])
def test_one_of(value: str, told: Any) -> None:
    assert one_of(value, {"a"}) == told

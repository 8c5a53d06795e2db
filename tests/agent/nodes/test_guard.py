"""guard: the strictest wins, what is blocked is taken away, and in doubt a person looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.nodes import guard as node
from agent.nodes.guard import Guarded, guard
from agent.nodes.study import Facts
from fhir.chart import chart_of
from policies.case import PolicyCase, ReadingFacts
from policies.claim import Claim
from policies.outcome import PolicyOutcome

CHART = chart_of({"resourceType": "Patient", "id": "p"})
C1, C2 = (Claim(id=f"C{n}", text="t", kind="finding", evidence=("E1",)) for n in (1, 2))


def outcome(**more: Any) -> PolicyOutcome:
    return PolicyOutcome(**{"id": "X01", "version": "1.0.0", "title": "t", "outcome": "fired", "action": "block", "message": "m", **more})


def guarded(monkeypatch: pytest.MonkeyPatch, *said: PolicyOutcome, claims: tuple[Claim, ...] = (C1, C2), **more: Any) -> Guarded:
    monkeypatch.setattr(node, "decide", lambda case, rules: said)
    case = PolicyCase(CHART, datetime(2026, 1, 1, tzinfo=UTC), reading=more.pop("reading", None))
    return guard(case, claims, (), more.pop("facts", Facts(None)), **more)


@pytest.mark.parametrize("fired", ["fired", "cannot_tell"])
def test_a_block_of_the_review_withholds_every_claim(monkeypatch: pytest.MonkeyPatch, fired: str) -> None:
    done = guarded(monkeypatch, outcome(outcome=fired))
    assert (done.status, done.shown, done.taken) == ("withheld", (), (("C1", "X01"), ("C2", "X01")))


def test_a_narrower_block_takes_the_claims_it_names_and_leaves_the_rest_to_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    done = guarded(monkeypatch, outcome(scope="image", claims=("C2",), rest="review"))
    assert (done.status, done.shown, done.taken) == ("needs_review", ("C1",), (("C2", "X01"),))


def test_a_redaction_takes_the_claims_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded(monkeypatch, outcome(action="redact", scope="claims", claims=("C1",))).shown == ("C2",)


def test_a_warning_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done = guarded(monkeypatch, outcome(action="warn", claims=("C1",)))
    assert (done.status, done.shown) == ("presented", ("C1", "C2"))


def test_a_policy_that_is_clear_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded(monkeypatch, outcome(outcome="clear", claims=("C1",), scope="claims")).status == "presented"


@pytest.mark.parametrize(
    ("claims", "reading", "dropped", "status"),
    [
        ((), None, 0, "abstained"),
        ((), ReadingFacts("abstained"), 0, "abstained"),
        ((), ReadingFacts("read"), 0, "presented"),
        ((), ReadingFacts("read"), 2, "abstained"),
        ((C1,), None, 2, "presented"),
    ],
    ids=["nothing looked at", "the model abstained", "read and nothing to say", "all claims fell", "one claim is left"],
)
def test_a_review_with_nothing_to_show_abstains_unless_an_image_was_read(
    monkeypatch: pytest.MonkeyPatch, claims: tuple[Claim, ...], reading: ReadingFacts | None, dropped: int, status: str
) -> None:
    assert guarded(monkeypatch, claims=claims, reading=reading, dropped=dropped).status == status


def test_a_review_with_an_image_left_out_is_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded(monkeypatch, facts=Facts(None, refused=("file_rejected",))).status == "needs_review"

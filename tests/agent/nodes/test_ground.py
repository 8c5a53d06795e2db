"""A verdict per claim, over this run's evidence alone; only what is supported goes on."""

from __future__ import annotations

import pytest

from agent.nodes.ground import ground_all, supported
from policies.claim import Claim, Verdict
from policies.evidence import Evidence, Measured, Quote

LAB = Evidence(
    id="E1",
    kind="chart_fact",
    reference="Observation/egfr",
    text="eGFR 24 mL/min/1.73 m2, final",
    sha256="a" * 64,
    patient="Patient/p",
    quotes=(Quote(path="valueQuantity.value", text="24"), Quote(path="valueQuantity.unit", text="mL/min/1.73 m2")),
    quantity=Measured(value="24", unit="mL/min/1.73 m2"),
    status="final",
)


def claim(number: int, text: str, *evidence: str) -> Claim:
    return Claim(id=f"C{number}", text=text, kind="assessment", evidence=evidence)


TRUE = claim(1, "The eGFR is 24 mL/min/1.73 m2.", "E1")
FALSE = claim(2, "The eGFR is 42 mL/min/1.73 m2.", "E1")
FOREIGN = claim(3, "The eGFR is 24 mL/min/1.73 m2.", "E9")


def test_each_claim_gets_its_verdict_in_the_claims_order() -> None:
    verdicts = ground_all((FOREIGN, TRUE, FALSE), (LAB,), "Patient/p")
    assert [verdict.claim for verdict in verdicts] == ["C3", "C1", "C2"]
    assert verdicts[1].outcome == "supported"
    assert all(verdict.outcome != "supported" and verdict.checks for verdict in (verdicts[0], verdicts[2]))


def test_evidence_of_another_patient_supports_nothing() -> None:
    assert supported((TRUE,), ground_all((TRUE,), (LAB,), "Patient/other")) == ()


def test_evidence_of_another_run_supports_nothing() -> None:
    assert supported((TRUE,), ground_all((TRUE,), (), "Patient/p")) == ()


@pytest.mark.parametrize("outcome", ["contradicted", "unsupported", "cannot_tell"])
def test_only_supported_claims_go_on_and_stay_in_their_order(outcome: str) -> None:
    claims = tuple(claim(number, "Words.", "E1") for number in (3, 1, 2))
    verdicts = tuple(Verdict(claim=f"C{n}", outcome=outcome if n == 1 else "supported", checks=()) for n in (1, 2, 3))  # type: ignore[arg-type]  # a table of the words
    assert [one.id for one in supported(claims, verdicts)] == ["C3", "C2"]


def test_a_claim_without_a_verdict_does_not_go_on() -> None:
    assert supported((TRUE, FALSE), ground_all((TRUE,), (LAB,), "Patient/p")) == (TRUE,)

"""A similar case is evidence about somebody else: whatever it says, no claim about this patient stands or falls with it (ADR 0008)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding import ground
from policies.grounding.checks.weighing import without_others

SWAPPED = {"left": "right", "right": "left", "no": "a", "is": "is not"}


def an_echo(text: str, number: int) -> Evidence:
    """A similar case that says word for word what a claim says."""
    return Evidence(id=f"E{90_000 + number}", kind="similar_case", reference=f"case:{number}", text=text, sha256="0" * 64)


def turned(text: str, rng: random.Random) -> Iterator[str]:
    """The claim with a digit, a side or a denial changed."""
    digits = [match.start() for match in re.finditer(r"\d", text)]
    if digits:
        at = rng.choice(digits)
        yield f"{text[:at]}{(int(text[at]) + rng.randint(1, 8)) % 10}{text[at + 1 :]}"
    for word, other in SWAPPED.items():
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            yield re.sub(rf"\b{word}\b", other, text, flags=re.IGNORECASE)


def verdict(claim: Claim, pool: dict[str, Evidence], patient: str, *more: Evidence) -> str:
    cited = claim.model_copy(update={"evidence": (*claim.evidence, *(item.id for item in more))})
    return ground(cited, pool | {item.id: item for item in more}, patient=patient).outcome


def test_a_case_that_says_what_a_claim_says_never_changes_its_verdict(posed: Any, patient: str) -> None:
    rng, weighed = random.Random(5), 0
    for number, one in enumerate(posed[::3]):
        for text in (one.claim.text, *turned(one.claim.text, rng)):
            claim = one.claim.model_copy(update={"text": text})
            for kind in ("finding", "assessment", "caution", "recommendation"):
                asked = claim.model_copy(update={"kind": kind})
                assert verdict(asked, one.pool, patient, an_echo(text, number)) == verdict(asked, one.pool, patient), text
                weighed += 1
    assert weighed > 800


def test_a_case_that_says_the_opposite_of_a_claim_never_changes_its_verdict(posed: Any, patient: str) -> None:
    rng = random.Random(6)
    for number, one in enumerate(posed):
        opposite = " ".join(turned(one.claim.text, rng)) or "Nothing of the kind."
        assert verdict(one.claim, one.pool, patient, an_echo(opposite, number)) == "supported"


def test_a_claim_that_cites_similar_cases_alone_is_never_supported(posed: Any, patient: str) -> None:
    for number, one in enumerate(posed):
        alone = one.claim.model_copy(update={"evidence": ()})
        assert all(
            verdict(alone.model_copy(update={"kind": kind}), {}, patient, an_echo(one.claim.text, number)) != "supported"
            for kind in ("finding", "assessment", "caution", "recommendation")
        )


@pytest.mark.parametrize(
    ("text", "told", "outcome"),
    [
        ("Pneumothorax is seen; 4 of 5 comparable cases state it.", "4 of 5 comparable cases state pneumothorax", "supported"),
        ("Pneumothorax is seen; 5 of 5 comparable cases state it.", "4 of 5 comparable cases state pneumothorax", "unsupported"),
        ("Pneumothorax is seen, 4 of 5 lobes.", "4 of 5 comparable cases state pneumothorax", "unsupported"),
        ("Pneumothorax is seen, 12 mm wide.", "Similar case: pneumothorax, 12 mm wide", "unsupported"),
        ("Pneumothorax is seen, as on 2 Mar 2026.", "Similar case: pneumothorax, 2 Mar 2026", "unsupported"),
        ("Pneumothorax is seen beside the left hip.", "Similar case: pneumothorax, left hip", "unsupported"),
        ("Pneumothorax is seen: give amiodarone.", "Similar case: pneumothorax, amiodarone", "unsupported"),
    ],
)
def test_of_similar_cases_a_caution_may_say_their_count_and_nothing_else(
    item: Callable[..., Evidence], claim: Callable[..., Claim], patient: str, text: str, told: str, outcome: str
) -> None:
    own = item("E1", "DiagnosticReport/r", "Pneumothorax is seen.", kind="report_sentence", finding="pneumothorax", polarity="present")
    case = item("E2", "case:group-1", told)
    said = claim(text, "E1", "E2", kind="caution")
    assert ground(said, {"E1": own, "E2": case}, patient=patient).outcome == outcome


def test_a_count_is_taken_out_of_the_text_only_when_a_case_gives_it(item: Callable[..., Evidence]) -> None:
    own, case = (
        item("E1", "Observation/o", "INR 4.1, 4 of 5 comparable cases"),
        item("E2", "case:k", "3 of 5 comparable cases state nodule"),
    )
    text, carrying = without_others("3 of 5 comparable cases, 4 of 5 comparable cases.", (own, case))
    assert (text, carrying) == ("comparable cases, 4 of 5 comparable cases.", (own,))

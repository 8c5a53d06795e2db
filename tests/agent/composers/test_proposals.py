"""A proposal becomes a claim by getting its number; its weight decides a place and is no part of what is said."""

from __future__ import annotations

from dataclasses import fields

import pytest
from pydantic import ValidationError

from agent.composers.proposals import Proposal
from policies.claim import Claim

WHOLE = Proposal(
    "Left pneumothorax.",
    "finding",
    "critical",
    ("E2", "E1"),
    polarity="uncertain",
    finding="pneumothorax",
    side="left",
    topic="mri",
    guidance="tension_pneumothorax",
)


def test_a_claim_says_all_that_its_proposal_says() -> None:
    made = WHOLE.claim(7).model_dump()
    kept = {field.name for field in fields(Proposal)} - {"weight"}
    assert made.pop("id") == "C7"
    assert made == {name: getattr(WHOLE, name) for name in kept}


def test_every_part_of_a_claim_comes_from_its_proposal_or_is_its_number() -> None:
    assert set(Claim.model_fields) == {field.name for field in fields(Proposal)} - {"weight"} | {"id"}


@pytest.mark.parametrize("number", [0, -1])
def test_a_claim_is_numbered_from_one(number: int) -> None:
    with pytest.raises(ValidationError):
        WHOLE.claim(number)


def test_a_bare_proposal_asserts_presence_and_names_no_finding() -> None:
    made = Proposal("eGFR is 24.", "assessment", "assessment", ("E1",)).claim(1)
    assert (made.polarity, made.finding, made.side, made.topic, made.guidance) == ("present", None, None, None, None)

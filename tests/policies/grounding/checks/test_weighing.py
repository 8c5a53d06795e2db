"""How outcomes rank and are worded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.claim import Check, VerdictOutcome
from policies.evidence import EvidenceKind
from policies.grounding.checks.weighing import PATIENT_KINDS, about_patient, answer, worst

RANKED: tuple[VerdictOutcome, ...] = ("contradicted", "unsupported", "cannot_tell", "supported")


@pytest.mark.parametrize("order", list(permutations(RANKED)))
def test_the_worst_is_found_in_any_order(order: tuple[VerdictOutcome, ...]) -> None:
    assert [worst(order[: n + 1]) for n in range(4)] == [min(order[: n + 1], key=RANKED.index) for n in range(4)]


@given(st.lists(st.sampled_from(RANKED), max_size=6), st.sampled_from(RANKED))
def test_one_more_outcome_never_makes_it_better(outcomes: list[VerdictOutcome], more: VerdictOutcome) -> None:
    assert RANKED.index(worst([*outcomes, more])) <= RANKED.index(worst(outcomes))
    assert worst([]) == "supported"


@pytest.mark.parametrize("kind", get_args(EvidenceKind))
def test_guidance_and_similar_cases_are_about_no_patient_here(item: Callable[..., Any], kind: str) -> None:
    about = kind not in ("guidance", "similar_case")
    assert (kind in PATIENT_KINDS) is about
    assert len(about_patient((item("E1", "x:y", "t", kind=kind),))) == about


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ([], ("supported", "all fine")),
        ([("cannot_tell", "a")], ("cannot_tell", "a")),
        ([("unsupported", "a"), ("contradicted", "b")], ("contradicted", "a; b")),
    ],
)
def test_an_answer_is_the_worst_problem_with_every_detail(problems: Any, expected: tuple[VerdictOutcome, str]) -> None:
    assert answer("numbers", problems, "all fine") == Check(name="numbers", outcome=expected[0], detail=expected[1])

"""Similar cases: counts over groups, never over fewer than five, never as a probability."""

from __future__ import annotations

from datetime import date

import pytest

from retrieval.cards import CaseCard, CaseFinding, Neighbour, SearchResult
from tools import similar_cases


def case(number: int, *findings: CaseFinding, outcome: str | None = None) -> Neighbour:
    card = CaseCard(
        key=f"k{number}",
        person=f"h{number}",
        study=f"s{number}",
        as_of=date(2025, 1, number + 1),
        modality="DX",
        body_part="chest",
        view="PA",
        age_band="70-79",
        sex="female",
        findings=findings,
        report="text",
        report_hash="h",
        image_hash=number,
        consent="c",
        licence="l",
        outcome=outcome,
    )
    return Neighbour(card, 0.14, ("pneumothorax",), ("nodule",))


def result(*neighbours: Neighbour, comparable: bool = True) -> SearchResult:
    return SearchResult(neighbours, comparable, "", 2000, (), "exact", "", 0.5, 0.95, "g" * 64)


LEFT = CaseFinding("pneumothorax", "left")
NODULE = CaseFinding("nodule", "right")


def test_counts_what_a_group_of_five_states() -> None:
    found = result(*(case(n, LEFT) for n in range(4)), case(4, NODULE, outcome="benign"))
    texts = [item.text for item in similar_cases.group(found)]
    assert texts == [
        "4 of 5 comparable cases state pneumothorax",
        "1 of 5 comparable cases state pulmonary nodule",
        "1 of 5 comparable cases ended as: benign",
    ]
    assert all("%" not in text for text in texts)
    assert all(item.patient is None and item.polarity is None and item.probability is None for item in similar_cases.look_up(found))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_does_not_describe_a_smaller_group(size: int) -> None:
    found = result(*(case(n, LEFT) for n in range(size)))
    assert similar_cases.group(found) == ()
    assert len(similar_cases.look_up(found)) == size


def test_says_nothing_when_no_case_is_comparable() -> None:
    assert similar_cases.look_up(result(*(case(n, LEFT) for n in range(6)), comparable=False)) == ()


def test_a_case_that_states_one_finding_on_both_sides_counts_once() -> None:
    both = (CaseFinding("pneumothorax", "left"), CaseFinding("pneumothorax", "right"))
    assert similar_cases.group(result(*(case(n, *both) for n in range(5))))[0].text.startswith("5 of 5")


def test_a_neighbour_is_named_by_its_key_with_what_it_shares_and_lacks() -> None:
    item = similar_cases.look_up(result(case(0, LEFT, outcome="drained")))[0]
    assert item.reference == "case:k0"
    assert item.text == (
        "Similar case (distance 0.14): left pneumothorax; DX, PA; outcome: drained; shares pneumothorax; differs in pulmonary nodule"
    )
    assert "h0" not in item.model_dump_json()

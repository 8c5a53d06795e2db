"""What a card says, for every way it is shown."""

from __future__ import annotations

import pytest

from fhir.codes import FINDING
from sidenote.render.model_card import attribute_rows, card_sections, elsewhere_rows, finding_row, made_rows, refusal_rows, shown
from tools.med_vlm.compact.card import Card, Estimate
from tools.med_vlm.compact.files import load_card


@pytest.fixture(scope="module")
def card() -> Card:
    return load_card()


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (None, "–"),
        (Estimate(value=None, positives=1, total=9), "–"),
        (Estimate(value=0.98765, low=0.954, high=1.0), "0.988 (0.95–1.00)"),
        (Estimate(value=0.0, low=0.0, high=0.036), "0.000 (0.00–0.04)"),
    ],
)
def test_an_estimate_is_shown_with_its_interval_and_what_is_none_as_a_dash(estimate: Estimate | None, text: str) -> None:
    assert shown(estimate) == text


def test_the_sections_begin_with_the_cautions_and_hold_each_of_the_31_attributes_once(card: Card) -> None:
    (title, first), *rest = card_sections(card)
    assert (title, tuple(text for _, text in first)) == ("Read this first", card.cautions)
    known = [row for _, rows in rest[:9] for row in rows]
    assert tuple(known) == attribute_rows(card)
    assert len(known) == 31
    assert [len(rows) for _, rows in rest[:9]] == [4, 4, 2, 4, 2, 4, 5, 4, 2]


def test_what_was_measured_follows_with_every_figure(card: Card) -> None:
    sections = dict(card_sections(card))
    assert [name for name, _ in sections["On held-out phantoms"]] == [FINDING[one.key].display for one in card.findings]
    for one, (_, text) in zip(card.findings, sections["On held-out phantoms"], strict=True):
        assert all(value in text for value in finding_row(one)[1:])
    assert sections["Making"] == made_rows(card)
    assert len(sections["Refused to read"]) == len(refusal_rows(card)) == len(card.refusals)
    assert len(elsewhere_rows(card)) == len(card.external)


def test_a_card_without_real_radiographs_says_so(card: Card) -> None:
    bare = card.model_copy(update={"external": ()})
    assert dict(card_sections(bare))["On real radiographs, as if it had not abstained"] == (
        ("real radiographs", "Not measured on real radiographs."),
    )


def test_an_attribute_that_nobody_grouped_is_shown_all_the_same(card: Card) -> None:
    bare = card.model_copy(update={"attributes": {"funding_source": "not available"}})
    assert card_sections(bare)[1] == ("Source attributes (45 CFR 170.315(b)(11)(iv)(B))", (("funding source", "not available"),))

"""What the card must hold."""

from __future__ import annotations

import pytest

from tools.med_vlm.compact.card import ATTRIBUTES
from tools.med_vlm.compact.files import load_card
from tools.med_vlm.compact.heads import KEYS


@pytest.mark.std("G")
def test_all_31_source_attributes_are_there_and_none_is_empty() -> None:
    card = load_card()
    assert len(card.attributes) == 31
    assert card.attributes == ATTRIBUTES
    assert all(text.strip() for text in card.attributes.values())


def test_the_card_says_what_the_model_is_not() -> None:
    words = " ".join(load_card().cautions).lower()
    assert "not a medical device" in words
    assert "research" in words


def test_every_finding_was_measured_with_an_interval() -> None:
    card = load_card()
    assert tuple(one.key for one in card.findings) == KEYS
    for one in card.findings:
        assert one.auroc.value is not None
        assert one.auroc.low is not None
        assert one.auroc.high is not None
        assert one.auroc.low <= one.auroc.value <= one.auroc.high
        assert one.auroc.positives > 0


def test_regions_are_promised_only_where_pointing_is_far_above_chance() -> None:
    for one in load_card().findings:
        if one.localised:
            assert one.pointing.value is not None
            assert one.pointing_chance is not None
            assert one.pointing.value > one.pointing_chance + 0.2


def test_the_card_names_the_data_the_seed_and_the_command() -> None:
    training = load_card().training
    assert "phantoms" in training.data
    assert str(training.seed) in training.command
    assert training.command.startswith("sidenote model train compact")

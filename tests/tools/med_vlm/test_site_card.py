"""The card of a model that a site brings: all 31 attributes, nothing left blank, nothing made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.med_vlm.compact.card import ATTRIBUTES, NOT_AVAILABLE
from tools.med_vlm.errors import ModelCardUnusable
from tools.med_vlm.site_card import CAUTION, NOT_CALIBRATED, card_of
from tools.med_vlm.spec import ModelSpec


def spec(**more: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": "m", "backend": "openai", "source": "http://127.0.0.1:1", "licence": "MIT", **more})


def test_without_a_file_every_attribute_is_there_and_what_nobody_says_is_written_out() -> None:
    card = card_of(spec(youngest=18))
    assert list(card.attributes) == list(ATTRIBUTES)
    assert card.attributes["developer_name_and_contact"] == NOT_AVAILABLE
    assert "18.0 to any years" in card.attributes["intended_patient_population"]
    assert "chest" in card.attributes["out_of_scope_use"]


def test_the_publishers_word_wins_and_ours_comes_first_among_the_cautions(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps({"summary": "Reads.", "cautions": ["Theirs."], "attributes": {"output_type": "Text."}}))
    card = card_of(spec(card=file))
    assert card.summary == "Reads."
    assert card.attributes["output_type"] == "Text."
    assert card.cautions == (CAUTION, NOT_CALIBRATED, "Theirs.")


def test_a_calibrated_model_is_not_said_to_be_uncalibrated(tmp_path: Path) -> None:
    assert card_of(spec(calibration=tmp_path)).cautions == (CAUTION,)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"attributes": {"invented": "x"}}', '{"more": 1}', '{"attributes": {"output_type": 3}}', " " * 1_000_001],
    ids=["empty", "no object", "an attribute that there is not", "another entry", "another kind", "too large"],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "card.json"
    file.write_text(text)
    with pytest.raises(ModelCardUnusable):
        card_of(spec(card=file))


def test_a_card_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCardUnusable, match="cannot be read"):
        card_of(spec(card=tmp_path / "none.json"))

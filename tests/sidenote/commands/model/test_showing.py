"""`sidenote model list`, `info` and `card` of a model that the site brought."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tools.med_vlm.compact.card import ATTRIBUTES


def test_the_sites_models_are_listed_after_ours(site: Callable[..., Result]) -> None:
    lines = site("list").output.splitlines()
    assert lines[0].startswith("compact  ")
    assert lines[1] == "lingshu  Run by openai; licence MIT."


def test_what_a_model_may_be_shown_and_that_it_is_not_calibrated_is_told(site: Callable[..., Result]) -> None:
    shown = site("info", "lingshu").output
    assert "CR, DX, RG of chest, views PA, AP" in shown
    assert "nothing it says is more than uncertain" in shown


def test_the_card_of_a_sites_model_writes_all_31_attributes_out(site: Callable[..., Result]) -> None:
    card = json.loads(site("card", "lingshu", "--format", "json").output)
    assert list(card["attributes"]) == list(ATTRIBUTES)
    assert card["attributes"]["fairness_approach"] == "not available"
    shown = " ".join(site("card", "lingshu").output.split())
    assert "Not a medical device" in shown
    assert "fairness approach" in shown


def test_a_card_file_that_does_not_fit_is_refused(site: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"invented": 1}')
    done = site("card", "lingshu", more=f'card = "{tmp_path / "card.json"}"\n')
    assert done.exit_code == 3
    assert json.loads(done.stderr)["code"] == "model_card_unusable"


def test_the_pictures_of_the_card_are_written_where_asked(site: Callable[..., Result], tmp_path: Path) -> None:
    done = site("card", "compact", "--format", "json", "--pictures", str(tmp_path / "pictures"))
    assert done.exit_code == 0
    for path in (tmp_path / "pictures").iterdir():
        assert path.read_text().startswith("<svg")
        assert f"{path} written" in done.stderr

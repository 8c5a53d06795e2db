"""What a site's reports say becomes labels, and a network adapted to it a compact model that is held to its rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.med_vlm.adapting.compact_model import CompactBase, Reports, compact_base, kept, labels, pixels, store_of, write
from tools.med_vlm.adapting.examples.corpus import Corpus, Pair
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.training.adapted import Told
from tools.med_vlm.adapting.training.loop import Trained
from tools.med_vlm.compact.examples.store import LEFT, RIGHT
from tools.med_vlm.compact.heads import KEYS, VIEWS
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.compact.preprocess import prepare
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.errors import TrainingDataRefused

TOLD = Told("distil", Plan(), Trained(4, (1.0,), (), 4))


@pytest.fixture(scope="module")
def base() -> CompactBase:
    return compact_base()


def small() -> CompactNet:
    torch.manual_seed(3)
    return CompactNet(Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)).eval()


def test_the_base_is_the_model_that_ships(base: CompactBase) -> None:
    assert base.fingerprint == load_compact().weights
    assert base.name == load_compact().name


def test_what_is_kept_is_what_the_network_sees() -> None:
    image = np.random.default_rng(1).random((90, 70)).astype(np.float32)
    assert torch.allclose(pixels(kept(image, 64)[None])[0], prepare(image, 64), atol=1e-6)


def test_only_what_a_report_states_or_denies_is_known(pair_of: Callable[..., Pair]) -> None:
    said = {"pleural_effusion": "present", "pneumothorax": "absent", "nodule": "uncertain", "fracture": "present"}
    pair = dataclasses.replace(pair_of(0), said=said, sides={"pleural_effusion": "bilateral"})
    found = labels([pair])
    place = {key: KEYS.index(key) for key in ("pleural_effusion", "pneumothorax", "nodule", "cardiomegaly")}
    assert [int(found["known"][0, at]) for at in place.values()] == [1, 1, 0, 0]
    assert found["present"][0].sum() == 1
    assert found["sides"][0, place["pleural_effusion"]] == RIGHT | LEFT


@pytest.mark.parametrize(("view", "expected"), [("PA", "PA"), ("AP", "AP"), ("LL", "LATERAL"), ("RLO", "LATERAL"), ("UNKNOWN", "LATERAL")])
def test_a_view_that_is_not_frontal_is_not_read(view: str, expected: str, pair_of: Callable[..., Pair]) -> None:
    assert VIEWS[labels([dataclasses.replace(pair_of(0), view=view)])["views"][0]] == expected


def test_a_report_without_sentences_has_no_vector(base: CompactBase) -> None:
    vectors = Reports(base.parts.text_centre).vectors(["The heart is enlarged.", ""])
    assert np.linalg.norm(vectors, axis=1).round(4).tolist() == [1.0, 0.0]


def test_nobody_is_an_empty_store() -> None:
    assert len(store_of([], np.zeros((0, 64, 64), dtype=np.uint8))) == 0


def test_without_a_frontal_view_nothing_is_calibrated(
    base: CompactBase, tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]
) -> None:
    side = dataclasses.replace(pair_of(0), view="LL")
    rows = {part: np.zeros((1, 64, 64), dtype=np.uint8) for part in ("train", "held_out", "calibration")}
    seen = Shown(corpus_of([side], [side], [side]), rows)  # type: ignore[arg-type]  # the three parts
    with pytest.raises(TrainingDataRefused, match="frontal"):
        write(base, small(), seen, TOLD, tmp_path)


def test_findings_that_no_report_speaks_of_have_no_figures(
    base: CompactBase, tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]
) -> None:
    said = [{"pleural_effusion": "present" if number % 2 else "absent"} for number in range(12)]
    pairs = [dataclasses.replace(pair_of(number, person=number), said=one) for number, one in enumerate(said)]
    images = np.random.default_rng(5).integers(0, 255, (12, 64, 64)).astype(np.uint8)
    rows = dict.fromkeys(("train", "held_out", "calibration"), images)
    card = write(base, small(), Shown(corpus_of(pairs, pairs, pairs), rows), TOLD, tmp_path)  # type: ignore[arg-type]  # the three parts
    assert [one.key for one in card.findings] == ["pleural_effusion"]
    assert not card.admissions[0].admitted
    assert card.drafting is None
    assert load_compact(tmp_path).name.startswith("compact ")

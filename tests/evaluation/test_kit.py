"""The kit's sets as the study reads them: who is who, which words are findings, what is too common to tell anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluation.errors import KitUnreadable
from evaluation.kit import captions, kit_sets
from retrieval.generation.columns import finding_set


def _row(folder: Path, subset: str, number: int, **changes: Any) -> dict[str, Any]:
    path = f"images/{subset}/{number}.png"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / path)
    row = {
        "id": f"{subset}-{number}", "path": path, "modality": "DX", "view": None, "labels": ["No Finding"], "text": f"text {number}",
        "age": None, "sex": None, "patient_id": f"patient-{number}", "license": "CC0",
    }  # fmt: skip
    return row | changes


def _write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "images.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def test_nih_labels_become_finding_keys_and_follow_ups_become_days(tmp_path: Path) -> None:
    rows = [
        _row(tmp_path, "nih64", 0, labels=["Effusion", "Infiltration"], age=63, sex="male"),
        _row(tmp_path, "nih64", 1, patient_id="patient-0", follow_up=2),
        _row(tmp_path, "nih64", 2, labels=["Pleural_Thickening"]),
    ]
    (nih,) = kit_sets(_write(tmp_path, rows))
    first, second, third = (case.card for case in nih.cases)
    assert [finding_set(card) for card in (first, second, third)] == ["infiltration,pleural_effusion", "", "pleural_thickening"]
    assert (first.person == second.person, first.study == second.study, first.person == third.person) == (True, False, False)
    assert (second.as_of - first.as_of).days == 60
    assert (first.age_band, first.sex, third.age_band, third.sex) == ("60-69", "male", "unknown", "unknown")
    assert nih.reports == "labels"


def test_a_course_is_no_finding_and_questions_belong_to_their_case(tmp_path: Path) -> None:
    rows = [
        _row(tmp_path, "hannover_covid", 0, labels=["COVID-19", "died"]),
        _row(tmp_path, "hannover_covid", 1, labels=["COVID-19"]),
        _row(tmp_path, "vqa_rad", 2, labels=["Head"], qa=[{"question": "Is there blood?", "answer": "No"}]),
    ]
    hannover, vqa = kit_sets(_write(tmp_path, rows))
    assert {finding_set(case.card) for case in hannover.cases} == {"covid_19"}
    assert not hannover.ranks
    assert vqa.questions == (("Is there blood? No", vqa.cases[0].card.key),)


def test_what_is_of_no_set_is_not_read(tmp_path: Path) -> None:
    row = _row(tmp_path, "pneumoniamnist28", 0)
    (tmp_path / row["path"]).write_bytes(b"no image")
    assert kit_sets(_write(tmp_path, [row])) == ()


def test_images_come_as_greys_between_nought_and_one(tmp_path: Path) -> None:
    (nih,) = kit_sets(_write(tmp_path, [_row(tmp_path, "nih64", 0)]))
    image = nih.cases[0].image
    assert image.shape == (32, 32)
    assert image.dtype == np.dtype(np.float32)
    assert 0 <= image.min() < image.max() <= 1


@pytest.mark.parametrize("broken", ["no index", "no json", "no image"])
def test_a_kit_that_cannot_be_read_is_refused(tmp_path: Path, broken: str) -> None:
    if broken == "no json":
        (tmp_path / "images.jsonl").write_text("{", "utf-8")
    if broken == "no image":
        row = _row(tmp_path, "nih64", 0)
        (tmp_path / row["path"]).write_bytes(b"no image")
        _write(tmp_path, [row])
    with pytest.raises(KitUnreadable) as caught:
        kit_sets(tmp_path)
    assert str(tmp_path) not in str(caught.value)


def test_common_concepts_tell_nothing_and_captions_of_one_paper_belong_together(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    rows = [{"caption": f"caption {n}", "cuis": ["common", f"c{n // 2}"], "pmc_figure": f"PMC{n // 2}_{n}.jpg"} for n in range(60)]
    rows.append({"caption": "only what is common", "cuis": ["common"], "pmc_figure": "PMC99_1.jpg"})
    (tmp_path / "texts" / "roco_captions_ccby.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = captions(tmp_path, 1_000).captions
    assert len(made) == 60
    assert {caption.concepts for caption in made[:2]} == {frozenset({"c0"})}
    assert made[0].source == made[1].source == "PMC0"
    assert len(captions(tmp_path, 10).captions) == 10
    assert captions(tmp_path, 10) == captions(tmp_path, 10)


def test_the_shared_kit_holds_what_its_readme_says(kit: Path) -> None:
    sets = {one.name: one for one in kit_sets(kit)}
    counts = {name: (len(one.cases), len({case.card.person for case in one.cases})) for name, one in sets.items()}
    assert counts == {"NIH ChestX-ray14, 64 px": (501, 158), "Hannover COVID-19": (115, 47), "VQA-RAD": (19, 19)}
    assert len(sets["VQA-RAD"].questions) > 100
    assert len(captions(kit, 5_000).captions) > 2_500

"""An index of radiographs: who belongs to which set, what labels know, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tools.med_vlm.compact.examples.radiographs import RadiographSource, credits, in_split, read_index, split, stated
from tools.med_vlm.errors import TrainingDataRefused

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an index of rows, each with an image of its own unless it names one."""

    def make(*changes: dict[str, Any]) -> Path:
        rows = []
        for number, change in enumerate(changes):
            row = {"path": f"images/nih-drawn/{number}.png", "modality": "DX", "view": "PA", "labels": [], "patient_id": str(number)}
            row |= {"license": "CC-BY-4.0"} | change
            path = tmp_path / "in" / str(row["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((70, 80), 10 * number, np.uint8)).save(path)
            rows.append(json.dumps(row))
        (tmp_path / "in" / "index.jsonl").write_text("\n".join(rows) + "\n")
        return tmp_path / "in" / "index.jsonl"

    return make


@given(st.text(max_size=30))
def test_a_patient_has_one_set_for_ever(patient: str) -> None:
    assert split(patient) == split(patient)


def test_about_six_in_ten_patients_train_and_two_each_calibrate_and_test() -> None:
    names = [split(f"patient-{number}") for number in range(4000)]
    shares = [names.count(name) / 4000 for name in ("train", "calibration", "test")]
    assert np.allclose(shares, [0.6, 0.2, 0.2], atol=0.03)


def test_the_same_patient_from_two_sources_stays_in_one_set(write: Write) -> None:
    rows = [{"patient_id": "nih-1", "source": source, "path": f"images/{source}/1.png"} for source in ("nih64", "nih_full")]
    assert len({one.split for one in read_index(write(*rows))}) == 1


@pytest.mark.parametrize(
    ("group", "labels", "present", "unknown"),
    [
        ("nih64", ["No Finding"], set(), {"pacemaker", "malpositioned_device"}),
        ("nih64", ["Effusion", "Hernia"], {"pleural_effusion"}, {"pacemaker", "malpositioned_device"}),
        ("nih64", ["Mass"], set(), {"pacemaker", "malpositioned_device", "nodule"}),
        ("nih64", ["Mass", "Nodule"], {"nodule"}, {"pacemaker", "malpositioned_device"}),
        ("nih64", ["Infiltration"], set(), {"pacemaker", "malpositioned_device", "consolidation"}),
        ("nih64", ["Pneumonia", "Consolidation"], {"consolidation"}, {"pacemaker", "malpositioned_device"}),
        ("nih64", ["Pneumothorax"], {"pneumothorax"}, {"pacemaker", "malpositioned_device", "tension_pneumothorax"}),
    ],
)
def test_what_the_labels_of_chestxray14_state(group: str, labels: list[str], present: set[str], unknown: set[str]) -> None:
    from fhir.codes import FINDING

    said, known = stated(group, frozenset(labels))
    assert said == present
    assert set(FINDING) - known == unknown


@pytest.mark.parametrize(
    ("group", "label", "present", "known"),
    [
        ("pneumoniamnist28", "pneumonia", {"consolidation"}, {"consolidation"}),
        ("pneumoniamnist28", "normal", set(), {"consolidation"}),
        ("hannover_covid", "COVID-19", set(), set()),
        ("hannover_covid", "Effusion", set(), set()),
    ],
)
def test_other_sets_state_little_or_nothing(group: str, label: str, present: set[str], known: set[str]) -> None:
    assert stated(group, frozenset({label})) == (frozenset(present), frozenset(known))


@pytest.mark.parametrize("licence", ["CC BY-NC-SA", "CC-BY-NC-4.0", "NonCommercial use", "non-commercial", "", "   ", "cc by-nc-nd 4.0"])
def test_an_image_that_may_not_be_used_commercially_is_refused(write: Write, licence: str) -> None:
    with pytest.raises(TrainingDataRefused, match="line 2 of the index: its licence"):
        read_index(write({}, {"license": licence}))


@pytest.mark.parametrize("licence", ["CC-BY-3.0", "MIT", "CC0-1.0 (as declared)", "NIH-no-restrictions", "Since 2019 unrestricted"])
def test_an_open_licence_is_taken(write: Write, licence: str) -> None:
    assert len(read_index(write({"license": licence}))) == 1


def test_other_modalities_and_images_without_a_view_are_left_out(write: Write) -> None:
    kept = read_index(write({"modality": "CT"}, {"modality": "MR"}, {"view": None}, {"view": "Axial"}, {"modality": "CR", "view": "AP"}))
    assert [one.view for one in kept] == ["AP"]


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"path": "a.png"}', "3"])
def test_a_line_that_describes_no_image_is_refused(write: Write, line: str) -> None:
    index = write({})
    index.write_text(index.read_text() + line + "\n")
    with pytest.raises(TrainingDataRefused, match="line 2 of the index describes no image"):
        read_index(index)


def test_a_path_out_of_the_folder_is_refused(write: Write) -> None:
    with pytest.raises(TrainingDataRefused, match="outside its folder"):
        read_index(write({"path": "../elsewhere.png"}))


def test_an_index_without_a_radiograph_is_refused(write: Write) -> None:
    with pytest.raises(TrainingDataRefused, match="holds none"):
        read_index(write({"modality": "CT"}))


def test_only_a_text_a_person_wrote_is_a_report(write: Write) -> None:
    rows = [{"text": "Small effusion. Heart normal.", "text_kind": kind} for kind in ("clinical_notes", "labels_only")]
    written, composed = read_index(write(*rows))
    assert written.sentences == ("Small effusion.", "Heart normal.")
    assert composed.sentences == ()


def test_a_changed_line_has_another_number(write: Write) -> None:
    (before,) = read_index(write({"labels": ["Effusion"]}))
    (again,) = read_index(write({"labels": ["Effusion"]}))
    (after,) = read_index(write({"labels": ["Nodule"]}))
    assert before.number == again.number != after.number


def test_the_source_gives_radiographs_with_what_is_known_of_them(write: Write) -> None:
    images = read_index(write({"labels": ["Effusion"]}, {"labels": ["Mass"]}))
    first, second = RadiographSource(images)([images[1].number, images[0].number])
    assert first.number == images[1].number
    assert (first.domain, first.view, dict(first.labels)) == ("radiograph", "PA", {})
    assert "nodule" not in first.known
    assert dict(second.labels) == {"pleural_effusion": None}
    assert first.image.shape == (70, 80)
    assert float(first.image.mean()) == pytest.approx(10 / 255, abs=1e-6)


def test_no_patient_of_the_kit_is_in_two_sets(kit: Path) -> None:
    images = read_index(kit / "images.jsonl")
    sets = [{one.patient for one in in_split(images, name)} for name in ("train", "calibration", "test")]
    assert all(sets)
    assert sum(map(len, sets)) == len(set.union(*sets))


def test_the_noncommercial_part_of_the_kit_is_refused(kit: Path) -> None:
    with pytest.raises(TrainingDataRefused, match="licence"):
        read_index(kit / "nc" / "images.jsonl")


def test_every_set_is_credited_once_with_its_licence(write: Write) -> None:
    thanks = {"attribution": "A hospital", "source": "github:somebody/something"}
    images = read_index(write(thanks, thanks, {"path": "images/other/1.png", "license": "MIT"}))
    assert credits(images) == ("nih-drawn, 2 images: CC-BY-4.0; A hospital; github:somebody/something", "other, 1 images: MIT")

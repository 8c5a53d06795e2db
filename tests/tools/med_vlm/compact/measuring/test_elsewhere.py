"""Images from elsewhere: measured on patients the model never met, each patient one witness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.examples.radiographs import Radiograph, split
from tools.med_vlm.compact.measuring.elsewhere import measure_elsewhere, untaught
from tools.med_vlm.compact.reader import CompactReader

LABELS: Mapping[str, str] = {"pleural_effusion": "Effusion", "cardiomegaly": "Cardiomegaly", "pneumothorax": "Pneumothorax"}


def _labelled(one: TrainingExample, group: str = "nih-drawn") -> LabelledImage:
    labels = frozenset(name for key, name in LABELS.items() if key in one.labels)
    return LabelledImage(group, one.image, labels, "DX", str(one.number // 2), one.view)


def _radiograph(patient: str) -> Radiograph:
    return Radiograph(0, Path("a.png"), "nih-drawn", patient, "PA", {}, frozenset(), ())


def test_no_image_of_a_patient_who_trained_or_calibrated_is_measured() -> None:
    blank = np.zeros((70, 70), np.float32)
    images = [LabelledImage("x", blank, frozenset(), "DX", f"p{number}") for number in range(60)]
    left = {one.patient for one in untaught(images, [_radiograph(f"p{number}") for number in range(40)])}
    assert left == {f"p{number}" for number in range(60) if number >= 40 or split(f"p{number}") == "test"}
    assert len(left) < 40


@pytest.fixture(scope="module")
def measured(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> object:
    strange = LabelledImage("scans", phantoms[0].image.T.copy(), frozenset(), "CT", "s1")
    return measure_elsewhere(reader, [*map(_labelled, phantoms), strange])


def test_phantoms_labelled_as_chestxray14_are_read_as_well_as_phantoms(measured: object) -> None:
    findings = {one.finding: one for one in measured.findings}  # type: ignore[attr-defined]  # a fixture's value
    assert "pleural_effusion" in findings
    effusion = findings["pleural_effusion"]
    assert (effusion.images, effusion.labelled, effusion.patients) == ("nih-drawn", "Effusion", 20)
    assert effusion.auroc.value is not None
    assert effusion.auroc.value > 0.95
    assert "pacemaker" not in findings
    assert "tension_pneumothorax" not in findings


def test_views_and_refusals_are_counted_by_set_and_modality(measured: object) -> None:
    (views,) = measured.views  # type: ignore[attr-defined]  # a fixture's value
    assert views.accuracy.total == 40
    assert views.accuracy.positives >= 36
    refused = {one.images: (one.refused, one.total) for one in measured.refusals}  # type: ignore[attr-defined]  # a fixture's value
    assert refused["scans (CT)"] == (1, 1)
    assert refused["nih-drawn"][0] <= 7

"""The shipped model on phantoms it never saw, and on what it must refuse. Thresholds lie below what the card states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader, load_compact
from tools.med_vlm.reading import Reading

F32 = NDArray[np.float32]


@pytest.fixture(scope="module")
def readings(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> tuple[tuple[TrainingExample, Reading], ...]:
    return tuple((example, reader.read(asked_of(example.image))) for example in phantoms)


def test_reads_nearly_all_phantoms(readings: tuple[tuple[TrainingExample, Reading], ...]) -> None:
    assert sum(reading.abstained for _, reading in readings) <= 7


def test_decided_answers_on_unseen_phantoms_are_mostly_right(readings: tuple[tuple[TrainingExample, Reading], ...]) -> None:
    decided = [
        (f.key in example.labels) == (f.presence == "present") for example, r in readings for f in r.findings if f.presence != "uncertain"
    ]
    assert len(decided) > 200
    assert np.mean(decided) > 0.9


def test_sides_of_found_findings_are_mostly_right(readings: tuple[tuple[TrainingExample, Reading], ...]) -> None:
    pairs = [
        (f.side, example.labels[f.key])
        for example, reading in readings
        for f in reading.findings
        if f.presence == "present" and example.labels.get(f.key)
    ]
    assert len(pairs) >= 10
    assert np.mean([said == truth for said, truth in pairs]) > 0.75


def test_regions_touch_the_drawn_finding(readings: tuple[tuple[TrainingExample, Reading], ...]) -> None:
    touched = []
    for example, reading in readings:
        for finding in reading.findings:
            mask = example.masks.get(finding.key)
            if finding.region is not None and mask is not None and mask.any():
                rows, columns = mask.shape
                box = finding.region
                inside = mask[int(box.y0 * rows) : int(np.ceil(box.y1 * rows)), int(box.x0 * columns) : int(np.ceil(box.x1 * columns))]
                touched.append(bool(inside.any()))
    assert len(touched) >= 8
    assert np.mean(touched) > 0.75


def test_an_absent_finding_has_no_region_and_no_map(readings: tuple[tuple[TrainingExample, Reading], ...]) -> None:
    absent = [f for _, reading in readings for f in reading.findings if f.presence == "absent"]
    assert absent
    assert all(f.region is None and f.heat_map is None and f.side is None for f in absent)


STRANGE = {
    "noise": lambda image: np.random.default_rng(1).random(image.shape, dtype=np.float32),
    "inverted": lambda image: 1 - image,
    "transposed": lambda image: np.ascontiguousarray(image.T),
    "upside down": lambda image: np.ascontiguousarray(image[::-1]),
    "shuffled quarters": lambda image: np.ascontiguousarray(np.roll(image, [side // 2 for side in image.shape], (0, 1))),
    "a gradient": lambda image: np.tile(np.linspace(0, 1, image.shape[1], dtype=np.float32), (image.shape[0], 1)),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_abstains_on_what_is_no_upright_radiograph(kind: str, reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    refused = [reader.read(asked_of(STRANGE[kind](example.image))) for example in phantoms[:8]]
    assert all(reading.abstained for reading in refused)
    assert all("unlike" in reading.reason for reading in refused)
    assert all(r.ood_score is not None and r.ood_threshold is not None and r.ood_score > r.ood_threshold for r in refused)


@pytest.mark.parametrize("picture", ["nih_full", "covid_chestxray"])
def test_a_real_radiograph_is_refused_or_read_but_always_says_how_far_off_it_is(picture: str, reader: CompactReader, kit: Path) -> None:
    from PIL import Image

    for path in sorted((kit / "images" / picture).iterdir()):
        with Image.open(path) as opened:
            reading = reader.read(asked_of(np.asarray(opened.convert("L")).astype(np.float32) / np.float32(255)))
        assert reading.ood_score is not None
        assert reading.ood_score > 0
        assert reading.abstained


def test_measuring_ignores_the_abstention(reader: CompactReader) -> None:
    probabilities, score = reader.scores(np.random.default_rng(1).random((28, 28), dtype=np.float32))
    assert len(probabilities) == 10
    assert all(0 <= value <= 1 for value in probabilities.values())
    assert score > 0


def test_the_resolution_of_the_same_phantom_changes_the_answer_little(reader: CompactReader) -> None:
    from sandbox.phantoms.sample import corpus

    gaps = []
    for number in range(5_000_200, 5_000_204):
        pictures = [case.phantom.pixels.astype(np.float32) / 4095 for size in (256, 512) for case in corpus([number], size=size)]
        small, large = (reader.scores(picture)[0] for picture in pictures)
        gaps += [abs(small[key] - large[key]) for key in small]
    assert np.mean(gaps) < 0.08


def test_a_reading_says_what_was_looked_at_and_what_limits_it(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    readings = [(example, reader.read(Asked((Image(example.image, "PA"),)))) for example in phantoms[:6]]
    example, reading = next((example, reading) for example, reading in readings if not reading.abstained)
    rows, columns = example.image.shape
    assert reading.technique == (f"The model was shown one frontal view (PA) of {columns} x {rows} pixels.",)
    assert any(f"{columns} x {rows} pixels only" in said for said in reading.quality)


def test_other_calibration_with_the_same_weights_is_another_fingerprint() -> None:
    found = load_compact()
    card = found.card
    moved = card.files["calibration.json"].model_copy(update={"sha256": "0" * 64})
    other = card.model_copy(update={"files": {**card.files, "calibration.json": moved}})
    again = CompactReader(found._parts, found._calibration, other)
    assert (again.weights, len(again.fingerprint)) == (found.weights, 64)
    assert again.fingerprint != found.fingerprint

"""Everything beside the weights, from answers whose quality is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.fitting.sentence_bank import sentence_bank
from tools.med_vlm.compact.fitting.ship import PASSED, calibrate, fit_gate, sentence_vectors
from tools.med_vlm.compact.heads import KEYS, VIEWS
from tools.med_vlm.compact.measuring.evaluate import frontal
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.reading.ood import passing_score

EFFUSION, PACEMAKER = KEYS.index("pleural_effusion"), KEYS.index("pacemaker")


@pytest.fixture
def output(small_store: Store) -> Output:
    """Right answers with some noise."""
    generator = torch.Generator().manual_seed(0)
    count = len(small_store)
    truth = torch.from_numpy(small_store.present.astype(np.float32))
    sides = torch.from_numpy(np.stack([small_store.sides & 1, small_store.sides >> 1 & 1], 2).astype(np.float32))
    noise = torch.randn(count, 10, generator=generator)
    drawn = torch.randn(count, 384, generator=generator)
    embedding = torch.nn.functional.normalize(drawn, dim=1)
    cells = torch.full((count, 10, 4, 4), -6.0)
    return Output(
        cells,
        truth * 8 - 4 + noise,
        sides * 8 - 4,
        torch.zeros(count, 3),
        embedding,
        torch.rand(count, 60, generator=generator),
        noise[:, 0],
    )


def test_what_nobody_stated_calibrates_nothing(small_store: Store, output: Output) -> None:
    known = small_store.known.copy()
    known[:, PACEMAKER] = 0
    hidden = calibrate(output, replace(small_store, known=known))
    open_ = calibrate(output, small_store)
    assert hidden[EFFUSION] == open_[EFFUSION]
    assert hidden[PACEMAKER].scaling.slope == 1.0
    assert {hidden[PACEMAKER].presence(float(p)) for p in np.linspace(0, 1, 11)} == {"uncertain"}


def test_half_of_the_known_rows_give_another_calibration(small_store: Store, output: Output) -> None:
    known = small_store.known.copy()
    known[::2, EFFUSION] = 0
    assert calibrate(output, replace(small_store, known=known))[EFFUSION] != calibrate(output, small_store)[EFFUSION]


def test_findings_have_sides_only_where_sides_are_known(small_store: Store, output: Output) -> None:
    fitted = {one.key: one for one in calibrate(output, small_store)}
    assert fitted["pacemaker"].side is None
    assert fitted["pleural_effusion"].side is not None
    sideless = replace(small_store, sides=np.zeros_like(small_store.sides))
    assert {one.side for one in calibrate(output, sideless)} == {None}


def test_the_gate_learns_from_all_and_takes_its_threshold_from_frontal_images(small_store: Store, output: Output) -> None:
    gate = fit_gate(output, output, small_store)
    distances = gate.distance(output.texture.numpy())
    np.testing.assert_allclose(gate.centre, output.texture.numpy().mean(0), rtol=1e-5)
    assert gate.threshold == passing_score(distances[frontal(small_store)], PASSED)
    lateral = np.full_like(small_store.views, VIEWS.index("LATERAL"))
    views = np.where(distances == distances.max(), lateral, small_store.views)
    assert fit_gate(output, output, replace(small_store, views=views)).threshold < distances.max()


def test_sentence_vectors_are_unit_and_rounded_as_they_ship() -> None:
    bank = sentence_bank([("phantom-000001", ("Cardiomegaly.", "No pneumothorax."))])
    vectors = sentence_vectors(bank, np.full(384, 0.01, np.float32))
    assert vectors.shape == (2, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)
    assert np.array_equal(vectors, vectors.astype(np.float16).astype(np.float32))
    assert sentence_vectors((), np.zeros(384, np.float32)).shape == (0, 384)

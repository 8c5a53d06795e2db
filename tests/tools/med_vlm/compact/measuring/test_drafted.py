"""Drafts held against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.examples.store import Store, picked
from tools.med_vlm.compact.files import Calibration
from tools.med_vlm.compact.fitting.sentence_bank import sentence_bank
from tools.med_vlm.compact.fitting.ship import Fitted, calibrate, sentence_vectors
from tools.med_vlm.compact.measuring.drafted import measure_drafting, micro_f1
from tools.med_vlm.compact.network import CompactNet, Output, Shape
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.compact.weights import Parts, gate_units, stored_shape

TINY = Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)


@pytest.mark.parametrize(
    ("said", "truths", "value"),
    [
        ([{"a"}, {"b"}], [{"a"}, {"b"}], 1.0),
        ([{"a"}, set()], [{"a"}, {"b"}], 2 / 3),
        ([{"a", "b"}], [{"a"}], 2 / 3),
        ([{"a"}], [{"b"}], 0.0),
        ([set()], [set()], 0.0),
        ([], [], 0.0),
    ],
)
def test_micro_f1(said: list[set[str]], truths: list[set[str]], value: float) -> None:
    assert micro_f1(said, truths) == pytest.approx(value)


@pytest.fixture(scope="module")
def many(small_store: Store) -> Store:
    """The phantoms eight times over: enough carriers for a conformal answer."""
    return picked(small_store, np.tile(np.arange(len(small_store)), 8))


def _right(store: Store) -> Output:
    truth = torch.from_numpy(store.present.astype(np.float32))
    sides = torch.from_numpy(np.stack([store.sides & 1, store.sides >> 1 & 1], 2).astype(np.float32))
    count = len(store)
    blank = torch.zeros(count, 384)
    return Output(torch.zeros(count, 10, 4, 4), truth * 12 - 6, sides * 12 - 6, blank[:, :3], blank, blank[:, :8], blank[:, 0] - 1)


@pytest.fixture(scope="module")
def fitted(many: Store) -> Fitted:
    open_ = Gate(np.zeros(8, np.float32), np.ones((1, 8), np.float32), 1.0, 1e9)
    bank = sentence_bank([(f"phantom-{row:06d}", said) for row, said in enumerate(many.sentences)])
    centre = np.zeros(384, np.float32)
    calibration = Calibration(
        name="x",
        version="1",
        shape=stored_shape(TINY),
        gate=gate_units(open_),
        findings=calibrate(_right(many), many),
        localised=(),
        drafting=bank,
    )
    return Fitted(Parts(CompactNet(TINY), open_, centre, None, sentence_vectors(bank, centre)), calibration, ())


def test_of_right_answers_every_draft_is_right(fitted: Fitted, many: Store) -> None:
    found = measure_drafting(fitted.parts, fitted.calibration, _right(many), many, many)
    assert (found.total, found.bank) == (len(many), len(fitted.calibration.drafting))
    assert found.drafted > 0
    assert found.agreeing.value == 1
    assert found.micro_f1 > found.random_f1


def test_wrong_answers_are_found_out_by_the_truth(fitted: Fitted, many: Store) -> None:
    other = replace(many, present=np.roll(many.present, 1, axis=0), sides=np.roll(many.sides, 1, axis=0))
    assert not np.array_equal(other.present, many.present)
    found = measure_drafting(fitted.parts, fitted.calibration, _right(many), other, many)
    assert found.agreeing.value is not None
    assert found.agreeing.value < 0.9

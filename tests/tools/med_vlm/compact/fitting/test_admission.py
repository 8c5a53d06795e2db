"""Radiographs are let in by measurement alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.fitting.admission import WANTED, admission
from tools.med_vlm.compact.heads import KEYS

EFFUSION = KEYS.index("pleural_effusion")


def _store(count: int = 120) -> Store:
    """Every third image has an effusion; only that finding is known."""
    blank = np.zeros((count, 10), np.uint8)
    present, known = blank.copy(), blank.copy()
    present[::3, EFFUSION], known[:, EFFUSION] = 1, 1
    masks, views = np.zeros((count, 10, 1, 1), np.uint8), np.zeros(count, np.uint8)
    return Store(np.zeros((count, 8, 8), np.uint8), masks, present, blank, blank, views, known, views + 1, ((),) * count, np.arange(count))


def _logits(store: Store, strength: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    noise = np.random.default_rng(0).standard_normal((len(store), 10))
    return np.asarray(noise + strength * store.present, dtype=np.float32)


@pytest.mark.parametrize(("strength", "let_in"), [(4.0, True), (0.5, False), (0.0, False), (-4.0, False)])
def test_only_a_model_that_reads_them_well_is_shown_radiographs(strength: float, let_in: bool) -> None:
    store = _store()
    found = admission(_logits(store, strength), store, [str(row // 2) for row in range(120)])
    assert found.admitted is let_in
    assert (found.macro.positives, found.macro.total) == (1, 60)
    assert found.wanted == WANTED


def test_a_good_figure_on_few_patients_is_not_enough() -> None:
    store = _store(36)
    logits = _logits(store, 1.6)
    many = admission(logits, store, [str(row) for row in range(36)])
    few = admission(logits, store, [str(row % 3) for row in range(36)])
    assert many.macro.value == few.macro.value
    assert few.macro.low is not None
    assert not few.admitted


def test_where_nothing_is_known_nothing_is_admitted() -> None:
    store = replace(_store(), known=np.zeros((120, 10), np.uint8))
    found = admission(_logits(store, 9.0), store, [str(row) for row in range(120)])
    assert not found.admitted
    assert found.macro.value is None

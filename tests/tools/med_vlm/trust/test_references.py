"""The images that are shown instead of the patient's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.codes import FINDING
from tools.med_vlm.errors import ModelFilesChanged, ModelMissing
from tools.med_vlm.trust.references import FOLDER, INDEX, shipped, telling

KEYS = frozenset(FINDING)


def test_they_carry_every_finding_between_them_and_one_carries_none() -> None:
    references = shipped()
    assert frozenset().union(*(one.findings for one in references)) == KEYS
    assert [one.name for one in references if not one.findings] == ["normal"]
    for one in references:
        assert one.pixels.shape == (256, 256)
        assert 0 <= one.pixels.min() < 0.1
        assert 0.5 < one.pixels.max() <= 1


def test_they_are_small_enough_to_ship() -> None:
    assert all(path.stat().st_size <= 40_000 for path in FOLDER.iterdir())


@pytest.mark.fault(68)
def test_a_changed_image_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "references"
    with pytest.raises(ModelMissing):
        shipped(folder)
    shutil.copytree(FOLDER, folder)
    path = folder / "tension.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelFilesChanged, match="tension"):
        shipped(folder)
    path.unlink()
    with pytest.raises(ModelMissing, match="tension"):
        shipped(folder)
    assert (folder / INDEX).is_file()


def test_for_a_reading_without_findings_four_tell_of_all() -> None:
    chosen = telling(shipped(), frozenset(), KEYS, most=9)
    assert frozenset().union(*(one.findings for one in chosen)) == KEYS
    assert len(chosen) == 4


@given(likely=st.sets(st.sampled_from(sorted(KEYS))), most=st.integers(0, 6))
def test_no_more_are_chosen_than_allowed_and_each_tells_something_new(likely: set[str], most: int) -> None:
    there, missing = frozenset(likely), KEYS - likely
    chosen = telling(shipped(), there, missing, most)
    assert len(chosen) <= most
    known: set[tuple[str, bool]] = set()
    for one in chosen:
        tells = {(key, False) for key in there - one.findings} | {(key, True) for key in missing & one.findings}
        assert tells - known
        known |= tells
    if most >= 5:
        assert {key for key, _ in known} >= missing

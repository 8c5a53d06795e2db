"""A calibration on disk: what was changed, cut or is missing is refused, and nothing of it is run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.errors import CalibrationUnusable
from tools.med_vlm.trust.calibration import Fitted
from tools.med_vlm.trust.calibration_folder import CALIBRATION, GATE, load, save
from tools.med_vlm.trust.fitting import fit
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.space import Space

F32 = NDArray[np.float32]


def first_pixel(asked: Asked) -> Mapping[str, float]:
    return dict.fromkeys(FINDING, float(asked.focal.pixels[0, 0]))


@pytest.fixture(scope="module")
def fitted(told: Any, small_space: Space, picture: Callable[..., F32]) -> Fitted:
    known = frozenset(FINDING)
    many = [Labelled(asked_of(picture(n)), known if n % 2 else frozenset(), known) for n in range(100)]
    return fit(told(first_pixel), many, space=small_space)


@pytest.fixture(scope="module")
def folder(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("calibration") / "new"
    save(fitted, made)
    return made


def test_what_was_written_is_what_is_read(fitted: Fitted, folder: Path) -> None:
    again = load(folder)
    assert again.record == fitted.record
    np.testing.assert_array_equal(again.gate.centre, fitted.gate.centre)
    np.testing.assert_array_equal(again.gate.axes, fitted.gate.axes)
    assert again.gate.threshold == fitted.gate.threshold
    assert sorted(path.name for path in folder.iterdir()) == [CALIBRATION, GATE]


@pytest.mark.fault(68)
@settings(max_examples=60)
@given(name=st.sampled_from([CALIBRATION, GATE]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(fitted: Fitted, folder: Path, name: str, place: float, bit: int) -> None:
    path = folder / name
    whole = path.read_bytes()
    data = bytearray(whole)
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(bytes(data))
    try:
        try:
            read = load(folder).record
        except CalibrationUnusable:
            read = None
    finally:
        path.write_bytes(whole)
    # Between the values of a JSON text there is white space that means nothing.
    assert read is None or (name == CALIBRATION and read == fitted.record)


@pytest.mark.fault(68)
def test_a_number_changed_by_hand_is_refused(folder: Path, tmp_path: Path) -> None:
    body = json.loads((folder / CALIBRATION).read_bytes())
    body["record"]["gate"]["threshold"] += 1
    (tmp_path / CALIBRATION).write_text(json.dumps(body))
    (tmp_path / GATE).write_bytes((folder / GATE).read_bytes())
    with pytest.raises(CalibrationUnusable, match="was changed"):
        load(tmp_path)


@pytest.mark.parametrize("name", [CALIBRATION, GATE])
@pytest.mark.parametrize("end", [None, 0, 100])
def test_a_missing_or_cut_file_is_refused(name: str, end: int | None, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if end is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:end])
    with pytest.raises(CalibrationUnusable) as caught:
        load(tmp_path)
    assert str(tmp_path) not in str(caught.value)


def test_a_gate_that_was_sealed_without_its_arrays_is_refused(fitted: Fitted, folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save as packed

    data = packed({"centre": np.zeros(5, np.float32)})
    body = json.loads((folder / CALIBRATION).read_bytes()) | {"gate_sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / CALIBRATION).write_text(json.dumps(body))
    (tmp_path / GATE).write_bytes(data)
    with pytest.raises(CalibrationUnusable, match="does not hold a gate"):
        load(tmp_path)


@pytest.mark.parametrize("older", [{"neighbour_unit": 0.1}, {"texture_unit": 1.9}, {"neighbour_unit": 0.1, "texture_unit": 1.9}])
def test_a_calibration_whose_gate_counted_in_other_units_is_refused(older: dict[str, float], folder: Path, tmp_path: Path) -> None:
    """Its threshold says nothing to a distance of now, though every file is as it was written."""
    body = json.loads((folder / CALIBRATION).read_bytes())
    body["record"]["gate"] |= older
    body["record_sha256"] = hashlib.sha256(json.dumps(body["record"], separators=(",", ":")).encode()).hexdigest()
    (tmp_path / CALIBRATION).write_text(json.dumps(body))
    (tmp_path / GATE).write_bytes((folder / GATE).read_bytes())
    with pytest.raises(CalibrationUnusable, match="do not fit its schema"):
        load(tmp_path)


def test_what_is_no_folder_of_a_calibration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / CALIBRATION).mkdir()
    for odd in (tmp_path / "file", tmp_path, tmp_path / "none"):
        with pytest.raises(CalibrationUnusable, match="cannot be read"):
            load(odd)


def test_saving_again_replaces_the_old(fitted: Fitted, folder: Path, tmp_path: Path) -> None:
    (tmp_path / CALIBRATION).write_text("old")
    save(fitted, tmp_path)
    assert load(tmp_path).record == fitted.record

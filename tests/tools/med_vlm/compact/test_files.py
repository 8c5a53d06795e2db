"""A model whose files are missing or changed is refused before anything is read from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tools.med_vlm.compact.files import CALIBRATION, CARD, SHIPPED, WEIGHTS, entry, load_card, verify
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.errors import ModelFilesChanged, ModelMissing


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in (WEIGHTS, CALIBRATION, CARD):
        shutil.copyfile(SHIPPED / name, tmp_path / name)
    return tmp_path


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_the_shipped_model_is_whole_and_at_most_12_megabytes() -> None:
    card = verify()
    assert sum(listed.bytes for listed in card.files.values()) <= 12_000_000


@pytest.mark.fault(68)
@pytest.mark.fault(118)
@pytest.mark.parametrize(("name", "at"), [(WEIGHTS, -1), (WEIGHTS, 0), (WEIGHTS, 5_000_000), (CALIBRATION, 40)])
def test_one_changed_bit_is_refused(copy: Path, name: str, at: int) -> None:
    _flip(copy / name, at)
    with pytest.raises(ModelFilesChanged) as refused:
        load_compact(copy)
    assert refused.value.file == name


@pytest.mark.fault(68)
@pytest.mark.parametrize("name", [WEIGHTS, CALIBRATION, CARD])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissing) as refused:
        load_compact(copy)
    assert refused.value.file == name
    assert refused.value.code == "model_missing"


@pytest.mark.fault(118)
def test_a_pickle_with_a_matching_hash_is_still_no_model(copy: Path) -> None:
    import hashlib

    import torch

    torch.save({"net.stem": torch.zeros(1)}, copy / WEIGHTS)
    card = json.loads((copy / CARD).read_text())
    card["files"][WEIGHTS]["sha256"] = hashlib.sha256((copy / WEIGHTS).read_bytes()).hexdigest()
    (copy / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelFilesChanged):
        load_compact(copy)


@pytest.mark.parametrize("text", ["", "{}", '{"name": 3', "[]"])
def test_a_broken_card_is_refused(copy: Path, text: str) -> None:
    (copy / CARD).write_text(text)
    with pytest.raises(ModelFilesChanged):
        verify(copy)


def test_a_calibration_whose_gate_counted_in_other_units_is_refused(copy: Path) -> None:
    """Its threshold says nothing to a distance of now, though the card knows the file."""
    body = json.loads((copy / CALIBRATION).read_text())
    body["gate"] |= {"neighbour_unit": 1.0, "texture_unit": 1.9}
    (copy / CALIBRATION).write_text(json.dumps(body))
    card = json.loads((copy / CARD).read_text())
    card["files"][CALIBRATION] = entry(copy / CALIBRATION).model_dump()
    (copy / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelFilesChanged, match="2 entries do not fit"):
        load_compact(copy)


def test_a_card_that_leaves_a_file_out_is_refused(copy: Path) -> None:
    card = json.loads((copy / CARD).read_text())
    del card["files"][CALIBRATION]
    (copy / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelFilesChanged, match="exactly the files"):
        verify(copy)


def test_the_card_can_be_read_where_the_weights_are_missing(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    assert load_card(copy).name == "compact"

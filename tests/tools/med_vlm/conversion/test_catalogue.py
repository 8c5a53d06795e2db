"""What can be converted, and that a conversion leaves a whole folder or none."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

import pytest
import torch

from tools.med_vlm.conversion import KINDS, convert
from tools.med_vlm.errors import ConversionRefused


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_function_and_a_summary(kind: str) -> None:
    module, _, function = KINDS[kind].function.partition(":")
    assert callable(getattr(import_module(f"tools.med_vlm.conversion.{module}"), function))
    assert KINDS[kind].summary


@pytest.mark.parametrize(
    ("kind", "base", "reason"),
    [
        ("onnx", False, "the kinds are"),
        ("llava", False, "its CLIP vision tower"),
        ("llava-rad", False, "Vicuna"),
        ("safetensors", True, "needs no base"),
    ],
)
def test_a_kind_that_is_not_there_or_a_base_too_many_or_too_few_is_refused(kind: str, base: bool, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionRefused, match=reason):
        convert(kind, tmp_path, tmp_path / "made", base=tmp_path if base else None)


def test_what_is_no_file_and_no_folder_or_cannot_be_written_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    for source, out in ((Path("/dev/null"), tmp_path / "made"), (tmp_path / "a.pt", tmp_path / "a.pt" / "made")):
        with pytest.raises(ConversionRefused, match="cannot be read or written"):
            convert("safetensors", source, out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_what_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    (tmp_path / "made").mkdir()
    with pytest.raises(ConversionRefused, match="already"):
        convert("safetensors", tmp_path / "a.pt", tmp_path / "made")


def test_a_conversion_that_fails_leaves_nothing_and_one_after_it_succeeds(tmp_path: Path) -> None:
    source, out = tmp_path / "a.pt", tmp_path / "far" / "made"
    source.write_bytes(b"no pickle")
    with pytest.raises(ConversionRefused):
        convert("safetensors", source, out)
    assert list(out.parent.iterdir()) == []
    (out.parent / ".made.part").mkdir()
    torch.save({"a": torch.ones(1)}, source)
    assert convert("safetensors", source, out) == out
    assert sorted(path.name for path in out.iterdir()) == ["conversion.json", "model.safetensors"]
    assert [path.name for path in out.parent.iterdir()] == ["made"]


def test_the_folder_tells_what_it_was_made_of(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    made = convert("safetensors", tmp_path / "a.pt", tmp_path / "made")
    told = json.loads((made / "conversion.json").read_text())
    assert told == {"kind": "safetensors", "base": {}, "source": {"a.pt": hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()}}

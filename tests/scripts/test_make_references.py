"""The reference images that are committed are those that the script draws."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def make_references() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_references", ROOT / "scripts" / "make_references.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_references"] = module
    spec.loader.exec_module(module)
    return module


def test_what_it_draws_is_what_is_committed(make_references: ModuleType, tmp_path: Path) -> None:
    make_references.main(tmp_path)
    index = json.loads((tmp_path / "references.json").read_bytes())
    committed = json.loads((make_references.TARGET / "references.json").read_bytes())
    assert {name: row["findings"] for name, row in index.items()} == {name: row["findings"] for name, row in committed.items()}
    for name in index:
        # Pixels, not bytes: another zlib packs the same picture in other bytes. Another numpy may round a pixel the other way.
        drawn, kept = (np.asarray(Image.open(folder / f"{name}.png")).astype(int) for folder in (tmp_path, make_references.TARGET))
        assert np.abs(drawn - kept).max() <= 1


def test_an_image_too_large_to_ship_is_not_written(make_references: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_references, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="larger"):
        make_references.main(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_a_grey_png(make_references: ModuleType) -> None:
    with Image.open(io.BytesIO(make_references.png(make_references.SPECS["normal"]))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (256, 256))

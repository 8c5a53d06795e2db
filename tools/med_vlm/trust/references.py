"""The images that the reliance probe shows instead of the patient's: drawn phantoms that ship, made by `scripts/make_references.py`."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.errors import ModelFilesChanged, ModelMissing

FOLDER = Path(__file__).resolve().parent / "references"
INDEX = "references.json"


@dataclass(frozen=True, slots=True)
class Reference:
    """One image of nobody, with its truth."""

    name: str
    pixels: NDArray[np.float32] = field(repr=False)
    """[rows, columns], 0 (black, air) .. 1."""
    findings: frozenset[str]
    """Keys of what is drawn; every other finding of the vocabulary is absent."""


@lru_cache(maxsize=2)
def shipped(folder: Path = FOLDER) -> tuple[Reference, ...]:
    """The reference images, each checked against the index first.

    Raises:
        ModelMissing: the index or an image is not there.
        ModelFilesChanged: an image is not the one the index names.
    """
    if not (folder / INDEX).is_file():
        raise ModelMissing(INDEX)
    index = json.loads((folder / INDEX).read_bytes())
    return tuple(_reference(folder, name, row["sha256"], row["findings"]) for name, row in index.items())


def _reference(folder: Path, name: str, sha256: str, findings: Sequence[str]) -> Reference:
    from PIL import Image

    path = folder / f"{name}.png"
    if not path.is_file():
        raise ModelMissing(path.name)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelFilesChanged(path.name, "its SHA-256 differs")
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        pixels = np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
    pixels.setflags(write=False)
    return Reference(name, pixels, frozenset(findings))


def telling(others: Sequence[Reference], likely: frozenset[str], unlikely: frozenset[str], most: int) -> tuple[Reference, ...]:
    """At most `most` of `others` that between them lack the most of `likely` and carry the most of `unlikely` findings.

    Chosen one by one, each for what those before it do not tell; fewer where another would tell nothing more.
    """
    left = {(key, False) for key in likely} | {(key, True) for key in unlikely}
    chosen: list[Reference] = []
    while left and len(chosen) < most:
        best = max(others, key=lambda one: len(left & _tells(one, left)), default=None)
        if best is None or not left & _tells(best, left):
            break
        left -= _tells(best, left)
        chosen.append(best)
    return tuple(chosen)


def _tells(reference: Reference, asked: set[tuple[str, bool]]) -> set[tuple[str, bool]]:
    return {(key, carried) for key, carried in asked if (key in reference.findings) == carried}

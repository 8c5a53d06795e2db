"""Pickles into safetensors, tensor for tensor, and all settings as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.med_vlm.checkpoint import joined
from tools.med_vlm.conversion.tensors import of_file, written
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.identity import PICKLES

_SETTINGS = frozenset({".json", ".txt", ".model", ".jinja", ".safetensors"})
_INDEX = ".index.json"
"""Of pickles: which tensor is in which file. Safetensors tell it themselves when all are in one."""
_NOTES = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state")
"""A training's own, no part of the model."""


def write_safetensors(source: Path, out: Path, base: Path | None = None) -> None:
    """Write the tensors of a file, or of all pickles of a folder, as `model*.safetensors`, and copy a folder's settings.

    Raises:
        CheckpointRefused: there is no pickle, two hold one name, or one holds more than tensors.
    """
    del base  # of no use here; every kind is called alike
    files = [source] if source.is_file() else [path for path in sorted(source.iterdir()) if _is_weights(path)]
    if not files:
        raise CheckpointRefused("there is no file of weights to convert")
    written(joined(map(of_file, files)), out)
    for path in sorted(source.iterdir()) if source.is_dir() else []:
        if path.suffix in _SETTINGS and not path.name.endswith(_INDEX) and path.is_file():
            shutil.copyfile(path, out / path.name)


def _is_weights(path: Path) -> bool:
    return path.suffix in PICKLES and path.is_file() and not path.name.startswith(_NOTES)

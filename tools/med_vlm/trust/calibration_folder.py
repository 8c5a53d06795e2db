"""A calibration on disk: `calibration.json` and `gate.safetensors`. Hashes are checked before anything is believed; never pickle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.errors import CalibrationUnusable
from tools.med_vlm.trust.calibration import Fitted, Record

CALIBRATION, GATE = "calibration.json", "gate.safetensors"
SHA256 = r"^[0-9a-f]{64}$"
_ARRAYS = ("centre", "axes")


class Sealed(BaseModel):
    """`calibration.json`: the record, its own SHA-256 and that of the gate's file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    record: Record
    record_sha256: str = Field(pattern=SHA256)
    gate_sha256: str = Field(pattern=SHA256)


def save(fitted: Fitted, folder: Path) -> None:
    """Write both files into `folder`, `calibration.json` last: without it there is no calibration."""
    from safetensors.numpy import save as packed

    gate = fitted.gate
    arrays: dict[str, NDArray[Any]] = {"centre": gate.centre, "axes": np.ascontiguousarray(gate.axes)}
    data = packed(arrays)
    sealed = Sealed(record=fitted.record, record_sha256=_seal(fitted.record), gate_sha256=hashlib.sha256(data).hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((GATE, data), (CALIBRATION, sealed.model_dump_json(indent=1).encode() + b"\n")):
        draft = folder / f"{name}.new"
        draft.write_bytes(content)
        draft.replace(folder / name)


def load(folder: Path) -> Fitted:
    """Read a calibration, every byte checked. Whether it belongs to a reader is asked by `trust.fitted`.

    Raises:
        CalibrationUnusable: a file is missing, changed, or not of this version.
    """
    try:
        sealed = Sealed.model_validate_json((folder / CALIBRATION).read_bytes())
        data = (folder / GATE).read_bytes()
    except OSError as missing:
        raise CalibrationUnusable("a file is missing, or cannot be read") from missing
    except ValidationError as refused:
        raise CalibrationUnusable(f"{refused.error_count()} entries of {CALIBRATION} do not fit its schema") from refused
    if _seal(sealed.record) != sealed.record_sha256:
        raise CalibrationUnusable(f"{CALIBRATION} was changed")
    if hashlib.sha256(data).hexdigest() != sealed.gate_sha256:
        raise CalibrationUnusable(f"{GATE} was changed")
    return Fitted(sealed.record, _gate(data, sealed.record))


def _seal(record: Record) -> str:
    return hashlib.sha256(record.model_dump_json().encode()).hexdigest()


def _gate(data: bytes, record: Record) -> Gate:
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    try:
        arrays = unpacked(data)
        centre, axes = (np.asarray(arrays[name], dtype=np.float32) for name in _ARRAYS)
    except (SafetensorError, KeyError) as refused:
        raise CalibrationUnusable(f"{GATE} does not hold a gate") from refused
    return Gate(centre, axes, **record.gate.model_dump())

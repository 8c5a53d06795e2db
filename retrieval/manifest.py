"""The manifest of one generation of an index: SHA-256 and size of every file, and what the vectors mean.

FAISS has no checksum of its own: of indexes with one to five flipped bits it was measured to load most without a word. So
nothing of a generation is read before all of it is hashed. The chain: `CURRENT` names the generation and the hash of its
manifest; `SEAL` repeats that hash beside it; the manifest holds the hash of every other file, and no file may stand unlisted.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.errors import IndexCorrupt, OtherSchema

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
SEAL = "SEAL"
_SCHEMA = re.compile(rb'"schema_version":\s*(\d{1,6})\b')
_SEAL = re.compile(rb"[0-9a-f]{64}\n")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FileEntry(_Strict):
    """One file of the generation."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    """Bytes."""


class Threshold(_Strict):
    """The calibrated distance beyond which no case is comparable, for one kind of query."""

    kind: Literal["image", "text", "fused"]
    distance: float | None = Field(ge=0, le=2)
    """None when there were too few cases to calibrate with."""
    queries: int = Field(ge=0)
    """How many held-out queries it was calibrated on."""


class Manifest(_Strict):
    """What a generation is. `files` lists every file but the manifest and its seal."""

    format: Literal["sidenote case index"] = "sidenote case index"
    schema_version: int
    source: str
    """What was indexed, in words, e.g. `2000 phantom studies, seed 0`."""
    built_at: str
    """UTC, ISO 8601."""
    encoder_fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
    dimension: int = Field(ge=1)
    cases: int = Field(ge=0)
    image_weight: float = Field(gt=0, lt=1)
    near_duplicate_bits: int = Field(ge=0, le=64)
    coverage: float = Field(gt=0, lt=1)
    thresholds: dict[str, Threshold]
    salt: str = Field(pattern=r"^([0-9a-f]{2})+$")
    key_check: str
    skipped: dict[str, int]
    """Reason -> how many cases were left out for it."""
    files: dict[str, FileEntry]


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation whose every byte was checked."""

    folder: Path
    manifest: Manifest
    sha256: str
    """Of the manifest's bytes."""


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Hash and size of every file in `folder`, by name."""
    return {path.name: FileEntry(sha256=file_sha256(path), size=path.stat().st_size) for path in sorted(folder.iterdir())}


def seal(folder: Path, manifest: Manifest) -> str:
    """Write the manifest, then its seal, everything flushed to the disk; return the manifest's SHA-256."""
    data = manifest.model_dump_json(indent=2).encode() + b"\n"
    digest = hashlib.sha256(data).hexdigest()
    for name in manifest.files:
        flush(folder / name)
    write_flushed(folder / MANIFEST, data)
    write_flushed(folder / SEAL, digest.encode() + b"\n")
    flush(folder)
    return digest


def verify(folder: Path, expected: str | None = None) -> Generation:
    """Check every byte of a generation.

    Args:
        folder: The generation's folder.
        expected: SHA-256 its manifest must have, where the caller knows it.

    Raises:
        IndexCorrupt: when a file is changed, cut short, missing, a link, or not listed.
        OtherSchema: when the generation is whole, but of another schema version.
    """
    data = _read(folder, MANIFEST)
    digest = hashlib.sha256(data).hexdigest()
    sealed = _read(folder, SEAL)
    if _SEAL.fullmatch(sealed) is None or sealed[:64].decode() != digest or (expected or digest) != digest:
        raise IndexCorrupt("the manifest is not the one that was sealed", where=MANIFEST)
    manifest = _parse(data)
    _check_files(folder, manifest.files)
    return Generation(folder, manifest, digest)


def _parse(data: bytes) -> Manifest:
    version = _SCHEMA.search(data)
    if version is not None and int(version[1]) != SCHEMA_VERSION:
        raise OtherSchema(f"the index has schema version {int(version[1])}, this program reads {SCHEMA_VERSION}")
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        fields = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]})) or "syntax"
        raise IndexCorrupt(f"the manifest is not as this version writes it: {fields}", where=MANIFEST) from error


def _check_files(folder: Path, files: Mapping[str, FileEntry]) -> None:
    present = {path.name for path in folder.iterdir()} - {MANIFEST, SEAL}
    for name in sorted(present ^ files.keys()):
        raise IndexCorrupt("a file is not listed" if name in present else "a file is missing", where=name[:64])
    for name, entry in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != entry.size or file_sha256(path) != entry.sha256:
            raise IndexCorrupt("a file is not the one that was written", where=name[:64])


def _read(folder: Path, name: str) -> bytes:
    try:
        if (folder / name).is_symlink():
            raise IndexCorrupt("a file is a link", where=name)
        with (folder / name).open("rb") as file:
            return file.read(1 << 22)
    except OSError as error:
        raise IndexCorrupt("a file is missing or cannot be read", where=name) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        IndexCorrupt: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IndexCorrupt("a file cannot be read", where=path.name[:64]) from error


def write_flushed(path: Path, data: bytes) -> None:
    """Write `data` and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Wait until the disk has a file, or the entries of a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

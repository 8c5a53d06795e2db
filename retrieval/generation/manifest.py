"""The manifest of one generation of an index: SHA-256 and size of every file, and what the vectors mean.

FAISS has no checksum of its own: of indexes with one to five flipped bits it was measured to load most without a word. So
nothing of a generation is read before all of it is hashed. The chain: `CURRENT` names the generation and the hash of its
manifest; `SEAL` repeats that hash beside it; the manifest holds the hash of every other file, and no file may stand unlisted.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.errors import IndexCorrupt, OtherSchema
from retrieval.vectors import Dimensions, NearNote

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
SEAL = "SEAL"
GONE = "gone.json"
LARGEST_JSON = 1 << 28
"""Bytes of the largest JSON file that is read: a million cases may be gone."""
_SCHEMA = re.compile(rb'"schema_version":\s*(\d{1,6})\b')
_SEAL = re.compile(rb"[0-9a-f]{64}\n")
_SHA256 = r"^[0-9a-f]{64}$"
_SEGMENT = r"^seg-\d{4,}$"
_Model = TypeVar("_Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FileEntry(_Strict):
    """One file of the generation."""

    sha256: str = Field(pattern=_SHA256)
    size: int = Field(ge=0)
    """Bytes."""


class Threshold(_Strict):
    """The calibrated distance beyond which no case is comparable, for one kind of query."""

    kind: Literal["image", "text", "fused"]
    distance: float | None = Field(ge=0, le=2)
    """None when there were too few cases to calibrate with."""
    queries: int = Field(ge=0)
    """How many held-out queries it was calibrated on."""


class SourceEntry(_Strict):
    """One archive that was read into the index."""

    words: str
    """What was indexed, in words, e.g. `2000 phantom studies, seed 0`."""
    fingerprint: str = ""
    added_at: str
    """UTC, ISO 8601."""
    signed: bool = False
    """Whether the archive's signature was checked."""
    cases: int = Field(ge=0)
    """How many of its cases were taken."""
    skipped: dict[str, int]
    """Reason -> how many cases were left out for it."""
    notes: tuple[tuple[str, int], ...] = ()
    """What else the reader counted, e.g. ("names removed", 12)."""


class SegmentEntry(_Strict):
    """Cases that were written together: a folder of vectors, columns and cards."""

    name: str = Field(pattern=_SEGMENT)
    cases: int = Field(ge=1)
    cards_digest: str = Field(pattern=_SHA256)
    """SHA-256 over all row hashes in order: what the cards must still be, wherever they are stored."""
    near: NearNote | None = None
    """Of the file that finds near rows fast; None where the segment is too small to need one."""


class GoneCase(_Strict):
    """A case that is in the files and is not found."""

    row: int = Field(ge=0)
    """Across all segments."""
    key: str = Field(pattern=r"^[0-9a-f]{32}$")
    reason: str
    quarantined: bool
    """Held back until somebody releases it; a case that is not quarantined was removed for good."""


class Gone(_Strict):
    """`gone.json`: tombstones and quarantine, by ascending row."""

    cases: tuple[GoneCase, ...] = ()
    persons: tuple[str, ...] = ()
    """Keys of persons who were removed: no case of theirs is taken again."""

    def counts(self) -> tuple[dict[str, int], int]:
        """(reason -> how many, how many are quarantined)."""
        return dict(sorted(Counter(case.reason for case in self.cases).items())), sum(case.quarantined for case in self.cases)


class Manifest(_Strict):
    """What a generation is. `files` lists every file but the manifest and its seal."""

    format: Literal["sidenote case index"] = "sidenote case index"
    schema_version: int
    built_at: str
    """UTC, ISO 8601."""
    encoder_fingerprint: str = Field(pattern=_SHA256)
    image_dimension: int = Field(ge=1)
    text_dimension: int = Field(ge=1)
    one_space: bool
    """Whether the encoder's images and texts can be compared with each other."""
    image_weight: float = Field(gt=0, lt=1)
    image_weight_reason: str
    """How the weight came about."""
    near_duplicate_bits: int = Field(ge=0, le=64)
    coverage: float = Field(gt=0, lt=1)
    thresholds: dict[str, Threshold]
    salt: str = Field(pattern=r"^([0-9a-f]{2})+$")
    key_check: str
    cards: Literal["sqlite", "postgresql"]
    cards_index: str = Field(pattern=r"^[0-9a-f]{32}$")
    """Random; tells this folder's cards from those of other indexes in one database, whatever keys they share."""
    gone: dict[str, int]
    """Reason -> how many cases are in the files and are not found; each of them stands in `gone.json`."""
    quarantined: int = Field(ge=0)
    """How many of those are held back and may be released."""
    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    segments: tuple[SegmentEntry, ...] = Field(min_length=1)
    files: dict[str, FileEntry]

    @property
    def rows(self) -> int:
        """Cases in the files, those that are gone included."""
        return sum(segment.cases for segment in self.segments)

    @property
    def dimensions(self) -> Dimensions:
        """Lengths of the vectors."""
        return Dimensions(self.image_dimension, self.text_dimension)

    @property
    def cases(self) -> int:
        """Cases that can be found."""
        return self.rows - sum(self.gone.values())


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation whose manifest was checked; `verify` checks its files too."""

    folder: Path
    manifest: Manifest
    sha256: str
    """Of the manifest."""


def describe_files(folder: Path, known: Mapping[str, FileEntry] = MappingProxyType({})) -> dict[str, FileEntry]:
    """Hash and size of every file in `folder` and its segments, by path within it, e.g. `seg-0001/vectors.npy`.

    Args:
        folder: Of the generation.
        known: Of files that are hashed already.
    """
    return {name: known.get(name) or FileEntry(sha256=file_sha256(path), size=path.stat().st_size) for name, path in _files(folder)}


def seal(folder: Path, manifest: Manifest) -> str:
    """Write the manifest, then its seal, everything flushed to the disk; return the manifest's SHA-256."""
    data = manifest.model_dump_json(indent=2).encode() + b"\n"
    digest = hashlib.sha256(data).hexdigest()
    for name in manifest.files:
        flush(folder / name)
    for segment in {(folder / name).parent for name in manifest.files} - {folder}:
        flush(segment)
    write_flushed(folder / MANIFEST, data)
    write_flushed(folder / SEAL, digest.encode() + b"\n")
    flush(folder)
    return digest


def open_manifest(folder: Path, expected: str | None = None) -> Generation:
    """Check the manifest of a generation, and that its files are those it lists. Their bytes are not looked at yet.

    Args:
        folder: The generation's folder.
        expected: SHA-256 its manifest must have, where the caller knows it.

    Raises:
        IndexCorrupt: when the manifest or the seal is changed, or a file is missing, not listed or of another size, or a link.
        OtherSchema: when the generation is whole, but of another schema version.
    """
    if folder.is_symlink():
        raise IndexCorrupt("the generation is a link", where=folder.name[:64])
    data = read_small(folder, MANIFEST)
    digest = hashlib.sha256(data).hexdigest()
    sealed = read_small(folder, SEAL)
    if _SEAL.fullmatch(sealed) is None or sealed[:64].decode() != digest or (expected or digest) != digest:
        raise IndexCorrupt("the manifest is not the one that was sealed", where=MANIFEST)
    manifest = _parse(data)
    _check_listing(folder, manifest.files)
    return Generation(folder, manifest, digest)


def verify(folder: Path, expected: str | None = None) -> Generation:
    """Check every byte of a generation: `open_manifest`, and the hash of each file.

    Raises:
        IndexCorrupt: when a file is changed, cut short, missing, a link, or not listed.
        OtherSchema: when the generation is whole, but of another schema version.
    """
    generation = open_manifest(folder, expected)
    for name, entry in generation.manifest.files.items():
        if file_sha256(folder / name) != entry.sha256:
            raise IndexCorrupt("a file is not the one that was written", where=name[:64])
    return generation


def parse_json(model: type[_Model], data: bytes, name: str) -> _Model:
    """`data` as `model`.

    Raises:
        IndexCorrupt: naming the fields that are not as this version writes them.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        fields = ", ".join(sorted({str(problem["loc"][0])[:40] for problem in error.errors() if problem["loc"]})) or "syntax"
        raise IndexCorrupt(f"a file is not as this version writes it: {fields}", where=name) from error


def read_small(folder: Path, name: str) -> bytes:
    """Bytes of a small file that is no link.

    Raises:
        IndexCorrupt: when it is a link, too large, or cannot be read.
    """
    try:
        with regular(folder / name).open("rb") as file:
            data = file.read(LARGEST_JSON + 1)
    except OSError as error:
        raise IndexCorrupt("a file is missing or cannot be read", where=name) from error
    if len(data) > LARGEST_JSON:
        raise IndexCorrupt("a file is too large", where=name)
    return data


def regular(path: Path) -> Path:
    """`path`, once it is known to be a file and no link.

    Raises:
        IndexCorrupt: when it is a link or no file.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise IndexCorrupt("a file is missing", where=path.name[:64]) from error
    if not stat.S_ISREG(mode):
        raise IndexCorrupt("a file is a link or no file", where=path.name[:64])
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of the bytes of a file that is no link.

    Raises:
        IndexCorrupt: when it cannot be read.
    """
    try:
        with regular(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IndexCorrupt("a file cannot be read", where=path.name[:64]) from error


def write_flushed(path: Path, data: bytes) -> None:
    """Write `data` and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_flushed(path: Path, data: bytes) -> None:
    """Put `data` in place of a file at once: a reader, or a kill, finds the old bytes or the new ones."""
    aside = path.with_name(f".{path.name}")
    write_flushed(aside, data)
    os.replace(aside, path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Wait until the disk has a file, or the entries of a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parse(data: bytes) -> Manifest:
    version = _SCHEMA.search(data)
    if version is not None and int(version[1]) != SCHEMA_VERSION:
        raise OtherSchema(f"the index has schema version {int(version[1])}, this program reads {SCHEMA_VERSION}")
    return parse_json(Manifest, data, MANIFEST)


def _check_listing(folder: Path, files: Mapping[str, FileEntry]) -> None:
    present = dict(_files(folder))
    for name in sorted(present.keys() ^ files.keys()):
        raise IndexCorrupt("a file is not listed" if name in present else "a file is missing", where=name[:64])
    for name, path in present.items():
        if regular(path).stat().st_size != files[name].size:
            raise IndexCorrupt("a file is not the one that was written", where=name[:64])


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(path within the generation, path) of all that stands in it and its segments, but manifest and seal."""
    try:
        for path in sorted(folder.iterdir()):
            if stat.S_ISDIR(path.lstat().st_mode):
                yield from ((f"{path.name}/{inner.name}", inner) for inner in sorted(path.iterdir()))
            elif path.name not in (MANIFEST, SEAL):
                yield path.name, path
    except OSError as error:
        raise IndexCorrupt("a folder of the index cannot be read", where=folder.name[:64]) from error

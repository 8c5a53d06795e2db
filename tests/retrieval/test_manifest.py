"""A generation is verified byte by byte before anything of it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from retrieval.errors import IndexCorrupt, OtherSchema
from retrieval.manifest import MANIFEST, SEAL, Manifest, Threshold, describe_files, file_sha256, seal, verify

FIELDS: dict[str, Any] = {
    "schema_version": 1,
    "source": "tests",
    "built_at": "2026-11-23T12:00:00Z",
    "encoder_fingerprint": "0" * 64,
    "dimension": 32,
    "cases": 2,
    "image_weight": 0.5,
    "near_duplicate_bits": 5,
    "coverage": 0.95,
    "thresholds": {"text": Threshold(kind="text", distance=0.25, queries=40)},
    "salt": "ab",
    "key_check": "c",
    "skipped": {},
    "files": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed generation of two files."""
    (tmp_path / "a.bin").write_bytes(b"first")
    (tmp_path / "b.bin").write_bytes(b"")
    seal(tmp_path, Manifest(**{**FIELDS, "files": describe_files(tmp_path)}))
    return tmp_path


def test_what_was_sealed_is_verified_and_read_back(folder: Path) -> None:
    generation = verify(folder)
    assert generation.manifest.files.keys() == {"a.bin", "b.bin"}
    assert generation.manifest.files["a.bin"].size == 5
    assert generation.manifest.model_dump(exclude={"files"}) == Manifest(**FIELDS).model_dump(exclude={"files"})
    assert generation.sha256 == file_sha256(folder / MANIFEST) == (folder / SEAL).read_text().strip()
    assert verify(folder, generation.sha256) == generation


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda folder: (folder / "a.bin").write_bytes(b"firsT"), "a.bin"),
        (lambda folder: (folder / "a.bin").write_bytes(b"firs"), "a.bin"),
        (lambda folder: (folder / "a.bin").unlink(), "a.bin"),
        (lambda folder: (folder / "b.bin").write_bytes(b"x"), "b.bin"),
        (lambda folder: (folder / "c.bin").write_bytes(b""), "c.bin"),
        (lambda folder: (folder / "a.bin").rename(folder / "A.bin"), "A.bin"),
        (lambda folder: (folder / MANIFEST).unlink(), MANIFEST),
        (lambda folder: (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes() + b" "), MANIFEST),
        (lambda folder: (folder / SEAL).unlink(), SEAL),
        (lambda folder: (folder / SEAL).write_text("0" * 64 + "\n"), MANIFEST),
        (lambda folder: (folder / SEAL).write_text((folder / SEAL).read_text().upper()), MANIFEST),
    ],
    ids=["changed", "cut", "missing", "grown", "unlisted", "renamed", "no manifest", "manifest", "no seal", "seal", "seal in capitals"],
)
def test_any_damage_is_refused_and_the_file_named(folder: Path, damage: Callable[[Path], object], where: str) -> None:
    damage(folder)
    with pytest.raises(IndexCorrupt) as caught:
        verify(folder)
    assert caught.value.where == where


@pytest.mark.fault(82)
@pytest.mark.parametrize("name", ["a.bin", MANIFEST, SEAL])
def test_a_link_to_the_very_bytes_is_refused(folder: Path, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    aside = (folder / name).rename(tmp_path_factory.mktemp("aside") / name)
    (folder / name).symlink_to(aside)
    with pytest.raises(IndexCorrupt):
        verify(folder)


def test_a_manifest_that_is_whole_but_not_the_one_expected_is_refused(folder: Path) -> None:
    with pytest.raises(IndexCorrupt, match="not the one that was sealed"):
        verify(folder, "0" * 64)


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        ({"schema_version": 2}, OtherSchema, "schema version 2, this program reads 1"),
        ({"dimension": 0}, IndexCorrupt, "dimension"),
        ({"coverage": 1.5}, IndexCorrupt, "coverage"),
        ({"cases": "2"}, IndexCorrupt, "cases"),
        ({"colour": "red"}, IndexCorrupt, "colour"),
        ({"source": None}, IndexCorrupt, "source"),
    ],
)
def test_a_sealed_manifest_of_another_shape_is_refused_by_its_field(
    folder: Path, change: dict[str, Any], error: type[Exception], named: str
) -> None:
    data = json.dumps({**json.loads((folder / MANIFEST).read_bytes()), **change}).encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / SEAL).write_text(hashlib.sha256(data).hexdigest() + "\n")
    with pytest.raises(error, match=named):
        verify(folder)


@pytest.mark.parametrize("distance", [-0.1, 2.1, float("nan"), float("inf")])
def test_a_threshold_is_a_distance_between_unit_vectors(distance: float) -> None:
    with pytest.raises(ValidationError, match="distance"):
        Threshold(kind="text", distance=distance, queries=1)

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
from retrieval.generation import manifest
from retrieval.generation.manifest import (
    MANIFEST,
    SEAL,
    FileEntry,
    Gone,
    GoneCase,
    Manifest,
    SegmentEntry,
    SourceEntry,
    Threshold,
    describe_files,
    file_sha256,
    open_manifest,
    read_small,
    replace_flushed,
    seal,
    verify,
)  # fmt: skip
from retrieval.vectors import Dimensions

FIELDS: dict[str, Any] = {
    "schema_version": 2,
    "built_at": "2026-11-23T12:00:00Z",
    "encoder_fingerprint": "0" * 64,
    "image_dimension": 32,
    "text_dimension": 16,
    "one_space": False,
    "image_weight": 0.5,
    "image_weight_reason": "given",
    "near_duplicate_bits": 5,
    "coverage": 0.95,
    "thresholds": {"text": Threshold(kind="text", distance=0.25, queries=40)},
    "salt": "ab",
    "key_check": "c",
    "cards": "sqlite",
    "cards_index": "ab" * 16,
    "gone": {"consent withdrawn": 1},
    "quarantined": 0,
    "sources": (SourceEntry(words="tests", added_at="2026-11-23T12:00:00Z", cases=5, skipped={}, notes=(("names replaced", 3),)),),
    "segments": (
        SegmentEntry(name="seg-0001", cases=3, cards_digest="1" * 64),
        SegmentEntry(name="seg-0002", cases=2, cards_digest="2" * 64),
    ),
    "files": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed generation of two files and a segment with one."""
    (tmp_path / "a.bin").write_bytes(b"first")
    (tmp_path / "b.bin").write_bytes(b"")
    (tmp_path / "seg-0001").mkdir()
    (tmp_path / "seg-0001" / "c.bin").write_bytes(b"third")
    seal(tmp_path, Manifest(**{**FIELDS, "files": describe_files(tmp_path)}))
    return tmp_path


def test_what_was_sealed_is_verified_and_read_back(folder: Path) -> None:
    generation = verify(folder)
    assert generation.manifest.files.keys() == {"a.bin", "b.bin", "seg-0001/c.bin"}
    assert generation.manifest.files["a.bin"].size == 5
    assert generation.manifest.model_dump(exclude={"files"}) == Manifest(**FIELDS).model_dump(exclude={"files"})
    assert generation.sha256 == file_sha256(folder / MANIFEST) == (folder / SEAL).read_text().strip()
    assert verify(folder, generation.sha256) == open_manifest(folder, generation.sha256) == generation


def test_cases_are_counted_over_segments_without_what_is_gone() -> None:
    made = Manifest(**FIELDS)
    assert (made.rows, made.cases, made.dimensions) == (5, 4, Dimensions(32, 16))


def test_what_is_gone_is_counted_by_reason() -> None:
    key = "0" * 32
    cases = [("b", False), ("a", True), ("b", True)]
    gone = Gone(cases=tuple(GoneCase(row=row, key=key, reason=why, quarantined=held) for row, (why, held) in enumerate(cases)))
    assert gone.counts() == ({"a": 1, "b": 2}, 2)


def test_files_hashed_already_are_not_hashed_again(folder: Path) -> None:
    known = {"a.bin": FileEntry(sha256="0" * 64, size=5)}
    found = describe_files(folder, known)
    assert found["a.bin"] == known["a.bin"]
    assert found["seg-0001/c.bin"] == FileEntry(sha256=hashlib.sha256(b"third").hexdigest(), size=5)


def test_a_changed_byte_that_keeps_the_size_is_found_by_verifying_alone(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"firsT")
    open_manifest(folder)
    with pytest.raises(IndexCorrupt):
        verify(folder)


def test_a_file_is_replaced_at_once_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        replace_flushed(tmp_path / "name", data)
        assert (tmp_path / "name").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_small_file_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "LARGEST_JSON", 1000)
    (tmp_path / "gone.json").write_bytes(bytes(1000))
    assert len(read_small(tmp_path, "gone.json")) == 1000
    (tmp_path / "gone.json").write_bytes(bytes(1001))
    with pytest.raises(IndexCorrupt, match="too large"):
        read_small(tmp_path, "gone.json")


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda folder: (folder / "a.bin").write_bytes(b"firsT"), "a.bin"),
        (lambda folder: (folder / "a.bin").write_bytes(b"firs"), "a.bin"),
        (lambda folder: (folder / "a.bin").unlink(), "a.bin"),
        (lambda folder: (folder / "b.bin").write_bytes(b"x"), "b.bin"),
        (lambda folder: (folder / "c.bin").write_bytes(b""), "c.bin"),
        (lambda folder: (folder / "seg-0001" / "c.bin").write_bytes(b"thirD"), "seg-0001/c.bin"),
        (lambda folder: (folder / "seg-0001" / "c.bin").unlink(), "seg-0001/c.bin"),
        (lambda folder: (folder / "seg-0001" / "index.pkl").write_bytes(b""), "seg-0001/index.pkl"),
        (lambda folder: (folder / "seg-0001" / MANIFEST).write_bytes(b""), f"seg-0001/{MANIFEST}"),
        (lambda folder: (folder / "seg-0001").rename(folder / "seg-0002"), "seg-0001/c.bin"),
        (lambda folder: (folder / "a.bin").unlink() or (folder / "a.bin").mkdir(), "a.bin"),
        (lambda folder: (folder / "a.bin").rename(folder / "A.bin"), "A.bin"),
        (lambda folder: (folder / MANIFEST).unlink(), MANIFEST),
        (lambda folder: (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes() + b" "), MANIFEST),
        (lambda folder: (folder / SEAL).unlink(), SEAL),
        (lambda folder: (folder / SEAL).write_text("0" * 64 + "\n"), MANIFEST),
        (lambda folder: (folder / SEAL).write_text((folder / SEAL).read_text().upper()), MANIFEST),
    ],
    ids=[
        "changed", "cut", "missing", "grown", "unlisted", "changed in a segment", "missing in a segment", "a pickle in a segment",
        "a manifest in a segment", "a segment renamed", "a folder",
        "renamed", "no manifest", "manifest", "no seal", "seal", "seal in capitals",
    ],
)  # fmt: skip
def test_any_damage_is_refused_and_the_file_named(folder: Path, damage: Callable[[Path], object], where: str) -> None:
    damage(folder)
    with pytest.raises(IndexCorrupt) as caught:
        verify(folder)
    assert caught.value.where == where


@pytest.mark.fault(82)
@pytest.mark.parametrize("name", ["a.bin", MANIFEST, SEAL, "seg-0001", "seg-0001/c.bin"])
def test_a_link_to_the_very_bytes_is_refused(folder: Path, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    aside = (folder / name).rename(tmp_path_factory.mktemp("aside") / "it")
    (folder / name).symlink_to(aside)
    with pytest.raises(IndexCorrupt):
        verify(folder)


@pytest.mark.fault(82)
def test_a_link_to_a_whole_generation_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("aside") / "gen-0001"
    link.symlink_to(folder)
    with pytest.raises(IndexCorrupt, match="a link"):
        verify(link)


def test_a_manifest_that_is_whole_but_not_the_one_expected_is_refused(folder: Path) -> None:
    with pytest.raises(IndexCorrupt, match="not the one that was sealed"):
        verify(folder, "0" * 64)


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        ({"schema_version": 1}, OtherSchema, "schema version 1, this program reads 2"),
        ({"schema_version": 3}, OtherSchema, "schema version 3, this program reads 2"),
        ({"image_dimension": 0}, IndexCorrupt, "image_dimension"),
        ({"coverage": 1.5}, IndexCorrupt, "coverage"),
        ({"quarantined": "2"}, IndexCorrupt, "quarantined"),
        ({"segments": []}, IndexCorrupt, "segments"),
        ({"segments": [{"name": "../up", "cases": 1, "cards_digest": "1" * 64}]}, IndexCorrupt, "segments"),
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

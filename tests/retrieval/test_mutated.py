"""FAULTS 82, 83 and 86: five thousand index files changed in every way a disk, a copy or a hand changes them, none accepted in silence.

A change that nobody sealed again is refused as the index is opened. One that was sealed again, as a forger with the hashes at
hand could, is refused then, or by the check of every card and column, or changed nothing that an answer depends on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building.build import build
from retrieval.building.growth import add, remove
from retrieval.cards import Query, SearchResult, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexUnusable
from retrieval.generation.generations import pointer
from retrieval.generation.manifest import MANIFEST, SEAL
from retrieval.keys import Keyring
from retrieval.library import check, open_library

ENCODER = HashEncoder(8)
BLOCKS = 10
UNSEALED = 450
SEALED = 50
"""Mutations of a block."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, make_case: Callable[..., SourceCase], keyring: Keyring) -> Path:
    """Two segments of 14 and 6 cases, one of which is removed. Each test puts back what it changes."""
    folder = tmp_path_factory.mktemp("mutated") / "library"
    build([make_case(n) for n in range(14)], ENCODER, folder, keyring=keyring)
    add([make_case(n) for n in range(14, 20)], ENCODER, folder, keyring=keyring)
    remove(folder, reason="wrong", case_keys=[make_case(3).card.key])
    (older,) = (place for place in folder.glob("gen-*") if place != pointer(folder)[0])
    shutil.rmtree(older)  # its files are the same ones: a changed byte would change both
    return folder


@pytest.fixture(scope="module")
def queries(make_case: Callable[..., SourceCase], keyring: Keyring) -> list[Query]:
    case = make_case(70)
    image, text = ENCODER.images([case.image])[0], ENCODER.texts([case.card.report])[0]
    bound = frozenset({keyring.person("person 3")})
    return [
        Query(image=image, text=text, as_of=date(2016, 6, 1), key_check=keyring.check, persons=bound),
        Query(image=image, text=None, as_of=date.max, key_check=keyring.check, k=20, report_hash=make_case(9).card.report_hash),
    ]


def answers(folder: Path, queries: list[Query]) -> list[SearchResult]:
    """With every case comparable, and without the hash of the manifest, which a forger changes."""
    library = open_library(folder, ENCODER.fingerprint)
    limits = {kind: limit.model_copy(update={"distance": 2.0}) for kind, limit in library.manifest.thresholds.items()}
    wide = replace(library, manifest=library.manifest.model_copy(update={"thresholds": limits}))
    try:
        return [replace(wide.search(query), generation="") for query in queries]
    finally:
        library.close()


def overwrite(path: Path, data: bytes) -> None:
    """In place: a file that is emptied and written again is flushed by some file systems, and that ten thousand times."""
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


@contextmanager
def put_back(paths: list[Path]) -> Iterator[None]:
    good = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, data in good.items():
            overwrite(path, data)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "LOCK")


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """1 to 5 bits flipped."""
    changed = bytearray(data)
    for bit in set(rng.integers(8 * len(data), size=int(rng.integers(1, 6))).tolist()):
        changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(len(data)))]


def lengthened(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes put in, or one doubled."""
    at = int(rng.integers(len(data)))
    return data[:at] + (rng.bytes(int(rng.integers(1, 9))) if rng.integers(2) else data[at : at + 1]) + data[at:]


def shortened(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + data[at + int(rng.integers(1, 5)) :]


def swapped(data: bytes, rng: np.random.Generator) -> bytes:
    """Two blocks of one size exchanged."""
    size = int(rng.integers(1, max(2, len(data) // 3)))
    first = int(rng.integers(0, max(1, len(data) - 2 * size)))
    second = int(rng.integers(first + size, max(first + size + 1, len(data) - size + 1)))
    one, other = data[first : first + size], data[second : second + size]
    return data[:first] + other + data[first + size : second] + one + data[second + size :]


def blanked(data: bytes, rng: np.random.Generator) -> bytes:
    """A block of zeros, as a disk that lost one gives it."""
    at = int(rng.integers(len(data)))
    size = min(len(data) - at, int(rng.integers(1, 513)))
    return data[:at] + bytes(size) + data[at + size :]


def edited(data: bytes, rng: np.random.Generator) -> bytes:
    """A digit for another: what a hand changes in JSON."""
    bytes_ = np.frombuffer(data, np.uint8)
    places = np.flatnonzero((bytes_ >= 48) & (bytes_ <= 57))
    at = int(places[rng.integers(len(places))]) if len(places) else 0
    return data[:at] + bytes([48 + (data[at] - 48 + int(rng.integers(1, 10))) % 10]) + data[at + 1 :]


CHANGES = (flipped, flipped, cut, lengthened, shortened, swapped, blanked, edited)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    while (bad := CHANGES[int(rng.integers(len(CHANGES)))](data, rng)) == data:
        pass
    return bad


@pytest.mark.fault(82)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_changed_file_is_accepted(library: Path, block: int) -> None:
    rng = np.random.default_rng([82, block])
    paths = files(library)
    assert [path.name for path in paths] == [
        "CURRENT", "SEAL", "gone.json", "manifest.json",
        "cards.sqlite", "columns.npz", "vectors.npy", "cards.sqlite", "columns.npz", "vectors.npy",
    ]  # fmt: skip
    for number in range(UNSEALED):
        path = paths[number % len(paths)]
        good = path.read_bytes()
        overwrite(path, mutated(good, rng))
        try:
            with pytest.raises(IndexUnusable):
                open_library(library, ENCODER.fingerprint)
        finally:
            overwrite(path, good)
    open_library(library, ENCODER.fingerprint).close()


@pytest.mark.fault(82)
def test_no_file_in_anothers_place_is_accepted(library: Path) -> None:
    paths = files(library)
    pairs = [(a, b) for number, a in enumerate(paths) for b in paths[number + 1 :]]
    assert len(pairs) == 45
    for one, other in pairs:
        with put_back([one, other]):
            good = one.read_bytes()
            overwrite(one, other.read_bytes())
            overwrite(other, good)
            with pytest.raises(IndexUnusable):
                open_library(library, ENCODER.fingerprint)
    open_library(library, ENCODER.fingerprint).close()


def sealed_again(folder: Path, changed: Path) -> None:
    """Seal the generation in use with one of its files as it is now, as `seal` of its manifest does, but for waiting for the disk."""
    place = pointer(folder)[0]
    manifest = json.loads((place / MANIFEST).read_bytes())
    data = changed.read_bytes()
    manifest["files"][str(changed.relative_to(place))] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    written = json.dumps(manifest).encode()
    digest = hashlib.sha256(written).hexdigest()
    overwrite(place / MANIFEST, written)
    overwrite(place / SEAL, f"{digest}\n".encode())
    overwrite(folder / "CURRENT", f"{place.name} {digest}\n".encode())


def out_of_step(data: bytes, rng: np.random.Generator) -> bytes:
    """The rows of a `vectors.npy` moved on by some, as when one file lost a row."""
    row = 2 * 8 * 4
    rows = (len(data) - 128) // row
    by = int(rng.integers(1, rows)) * row
    return data[:128] + data[128 + by :] + data[128 : 128 + by]


@pytest.mark.fault(82)
@pytest.mark.fault(83)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_change_that_was_sealed_again_is_found_or_changes_no_answer(library: Path, queries: list[Query], block: int) -> None:
    rng = np.random.default_rng([83, block])
    expected = answers(library, queries)
    assert all(result.neighbours for result in expected)
    place = pointer(library)[0]
    paths = [path for path in files(library) if path.name not in ("CURRENT", MANIFEST, SEAL)]
    for number in range(SEALED):
        path = paths[number % len(paths)]
        with put_back([path, library / "CURRENT", place / MANIFEST, place / SEAL]):
            good = path.read_bytes()
            overwrite(path, out_of_step(good, rng) if path.name == "vectors.npy" and number % 2 else mutated(good, rng))
            sealed_again(library, path)
            try:
                check(library)
            except IndexUnusable:
                continue
            assert answers(library, queries) == expected
    assert answers(library, queries) == expected


@pytest.mark.fault(82)
def test_a_manifest_that_was_edited_is_refused_field_by_field(library: Path) -> None:
    """Each value of the manifest, at any depth, changed alone and not sealed again."""
    path = pointer(library)[0] / MANIFEST
    fields = 0
    with put_back([path]):
        good = json.loads(path.read_bytes())
        for changed in variants(good):
            fields += 1
            overwrite(path, json.dumps(changed).encode())
            with pytest.raises(IndexUnusable):
                open_library(library, ENCODER.fingerprint)
    assert fields > 60


def variants(value: Any) -> Iterator[Any]:
    """`value` with one of its leaves changed, removed or added to."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {other: entry for other, entry in value.items() if other != name}
            for changed in variants(inner):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            for changed in variants(inner):
                yield [*value[:place], changed, *value[place + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    else:
        yield "0" + (value or "")

"""A generation is measured, sealed, read back, and only then put in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.building import assembly
from retrieval.building.assembly import segment_names
from retrieval.building.build import build
from retrieval.building.growth import add, compact, remove
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt
from retrieval.generation.generations import current
from retrieval.keys import Keyring
from retrieval.library import check, open_generation, open_library
from retrieval.vectors import Dimensions, NearNote

ENCODER = HashEncoder(32)


def test_what_is_measured_stands_in_the_manifest(index: Any, keyring: Keyring) -> None:
    manifest = current(index.folder).manifest
    assert {kind: limit.queries for kind, limit in manifest.thresholds.items()} == {"image": 60, "text": 60, "fused": 60}
    assert (manifest.encoder_fingerprint, manifest.key_check, manifest.salt) == (ENCODER.fingerprint, keyring.check, keyring.salt.hex())
    assert (manifest.rows, manifest.gone, manifest.cards, manifest.one_space) == (60, {}, "sqlite", False)
    assert set(manifest.files) == {"gone.json", *(f"seg-0001/{name}" for name in ("cards.sqlite", "columns.npz", "vectors.npy"))}


@pytest.mark.fault(82)
def test_a_generation_whose_bytes_the_disk_changed_is_never_put_in_place(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(20)])
    before = current(made.folder).sha256
    seal = assembly.seal

    def seals_badly(folder: Path, manifest: Any) -> str:
        digest = seal(folder, manifest)
        (path,) = folder.glob("seg-*/vectors.npy")
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data))
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "seal", seals_badly)
        with pytest.raises(IndexCorrupt):
            make_index(made.folder, [make_case(n) for n in range(25)])
    assert current(made.folder).sha256 == before
    assert check(made.folder).cases == 20


def near(rows: np.ndarray, dimensions: Dimensions, weight: float, path: Path) -> NearNote:
    """A real approximate index of however few rows, which nobody tuned: `make_near` makes none of so few."""
    factory = "IVF2,PQ8x4fs"
    index = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add(rows)
    faiss.write_index(index, str(path))
    return NearNote(factory=factory, rows=len(rows), dimension=rows.shape[1], points=())


def test_a_segment_keeps_its_file_for_near_rows_and_is_refused_when_that_is_changed(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "make_near", near)
        info = build([make_case(n) for n in range(100)], ENCODER, tmp_path, keyring=keyring)
    assert info.near == ("seg-0001: IVF2,PQ8x4fs, recall unmeasured",)
    made = (current(tmp_path).folder / "seg-0001" / "near.faiss").stat().st_ino
    add([make_case(200)], ENCODER, tmp_path, keyring=keyring)
    notes = [segment.near for segment in current(tmp_path).manifest.segments]
    assert (notes[0] is not None, notes[1]) == (True, None)
    path = current(tmp_path).folder / "seg-0001" / "near.faiss"
    assert path.stat().st_ino == made
    assert check(tmp_path).cases == 101
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IndexCorrupt):
        open_library(tmp_path, ENCODER.fingerprint)


def test_segments_are_named_over_all_generations(tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any) -> None:
    folder = make_index(tmp_path / "library", [make_case(n) for n in range(20)]).folder
    add([make_case(30)], ENCODER, folder, keyring=Keyring(b"a secret of the tests, long enough", b"salt"))
    assert segment_names(folder) == {"seg-0001", "seg-0002"}
    compact(folder)
    assert segment_names(folder) == {"seg-0001", "seg-0002", "seg-0003"}


def test_a_generation_that_erases_stands_alone_and_twice(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, keyring: Keyring
) -> None:
    folder = make_index(tmp_path / "library", [make_case(n) for n in range(20)]).folder
    info = remove(folder, reason="wrong", case_keys=[make_case(3).card.key])
    assert info.folder == current(folder).folder
    places = list(folder.glob("gen-*"))
    assert (len(places), len({(place / "manifest.json").read_bytes() for place in places})) == (2, 1)
    assert len({(place / "gone.json").stat().st_ino for place in places}) == 2
    for place in places:
        library = open_generation(place, info.sha256)
        assert (library.info.cases, library.stack.gone.tolist()) == (19, [3])

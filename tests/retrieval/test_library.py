"""An index is opened whole or not at all."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building.build import build
from retrieval.cards import Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexMissing, NotAnIndex, OtherSchema, OtherSite
from retrieval.generation.generations import pointer
from retrieval.generation.manifest import MANIFEST, Manifest, SegmentEntry, describe_files, seal
from retrieval.keys import Keyring
from retrieval.library import check, open_library
from retrieval.vectors import Dimensions


@pytest.fixture
def copied(index: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(index.folder, tmp_path / "copy"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "LOCK")


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("name", "how"),
    [
        (name, how)
        for name in ("CURRENT", "SEAL", "manifest.json", "gone.json", "cards.sqlite", "columns.npz", "vectors.npy")
        for how in ("missing", "empty", "link")
    ],
)
def test_refuses_an_index_with_a_file_missing_empty_or_linked(index: Any, copied: Path, name: str, how: str) -> None:
    (path,) = (path for path in _files(copied) if path.name == name)
    aside = copied.parent / "aside"
    path.rename(aside)
    if how == "empty":
        path.write_bytes(b"")
    if how == "link":
        path.symlink_to(aside)
    with pytest.raises(IndexCorrupt):
        open_library(copied, index.encoder.fingerprint)


@pytest.mark.fault(86)
def test_a_pickle_beside_the_index_is_never_loaded_and_refused(index: Any, copied: Path, tmp_path: Path) -> None:
    trace = tmp_path / "loaded"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (trace,))

    for folder in (next(copied.glob("gen-*")), next(copied.glob("gen-*/seg-*"))):
        (folder / "index.pkl").write_bytes(pickle.dumps(Trap()))
        with pytest.raises(IndexCorrupt, match="not listed"):
            open_library(copied, index.encoder.fingerprint)
        (folder / "index.pkl").unlink()
    assert not trace.exists()


@pytest.mark.fault(86)
@pytest.mark.parametrize("name", ["vectors.npy", "columns.npz"])
def test_a_pickle_in_place_of_an_array_is_refused_unread_even_when_it_is_sealed(
    index: Any, copied: Path, tmp_path: Path, name: str
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "loaded",))

    objects = np.array([Trap()] * 60, dtype=object)
    with (next(copied.glob("gen-*/seg-*")) / name).open("wb") as file:
        if name == "vectors.npy":
            np.save(file, objects, allow_pickle=True)
        else:
            np.savez(file, key=objects)
    resealed(copied)
    with pytest.raises(IndexCorrupt):
        open_library(copied, index.encoder.fingerprint)
    assert not (tmp_path / "loaded").exists()


def resealed(library: Path, **changes: Any) -> None:
    """Seal the generation in use again as it is now, its manifest changed: what a careful forger could do."""
    folder = pointer(library)[0]
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    for name in (MANIFEST, "SEAL"):
        (folder / name).unlink()
    digest = seal(folder, manifest.model_copy(update={**changes, "files": describe_files(folder)}))
    (library / "CURRENT").write_text(f"{folder.name} {digest}\n")


@pytest.mark.parametrize("name", ["cards.sqlite-journal", "cards.sqlite-wal"])
def test_a_journal_laid_beside_the_cards_is_refused(index: Any, copied: Path, name: str) -> None:
    (next(copied.glob("gen-*/seg-*")) / name).write_bytes(b"journal")
    with pytest.raises(IndexCorrupt, match="not listed"):
        open_library(copied, index.encoder.fingerprint)


@pytest.mark.fault(82)
def test_refuses_vectors_of_another_encoder(index: Any) -> None:
    for other in (HashEncoder(32, seed=1), HashEncoder(64)):
        with pytest.raises(EncoderMismatch):
            open_library(index.folder, other.fingerprint)


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"schema_version": 1}, OtherSchema),
        ({"schema_version": 3}, OtherSchema),
        ({"image_dimension": 64}, IndexCorrupt),
        ({"text_dimension": 31}, IndexCorrupt),
        ({"gone": {"wrong": 1}}, IndexCorrupt),
        ({"quarantined": 1}, IndexCorrupt),
        ({"segments": (SegmentEntry(name="seg-0001", cases=59, cards_digest="0" * 64),)}, IndexCorrupt),
        ({"segments": (SegmentEntry(name="seg-0002", cases=60, cards_digest="0" * 64),)}, IndexCorrupt),
    ],
)
def test_refuses_another_schema_dimension_or_number_even_when_sealed(
    index: Any, copied: Path, changes: dict[str, Any], error: type[Exception]
) -> None:
    resealed(copied, **changes)
    with pytest.raises(error):
        open_library(copied, index.encoder.fingerprint)


@pytest.mark.fault(82)
def test_the_last_good_generation_answers_only_when_asked_for_and_says_so(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any]
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(30)])
    make_index(tmp_path / "library", [make_case(n) for n in range(40)])
    newest = tmp_path / "library" / "gen-0002" / "seg-0002" / "vectors.npy"
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(IndexCorrupt):
        open_library(made.folder, made.encoder.fingerprint)
    library = open_library(made.folder, made.encoder.fingerprint, last_good_instead=True)
    assert library.info.cases == 30
    assert "refused" in library.notice


@pytest.mark.fault(82)
def test_with_no_whole_generation_left_nothing_answers(index: Any, copied: Path) -> None:
    (next(copied.glob("gen-*")) / MANIFEST).unlink()
    with pytest.raises(IndexCorrupt):
        open_library(copied, index.encoder.fingerprint, last_good_instead=True)


def test_an_empty_or_missing_folder_holds_no_index(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(IndexMissing):
            open_library(folder, "0" * 64)


def test_a_folder_of_something_else_is_no_index_and_is_not_built_into(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(NotAnIndex):
        open_library(tmp_path, "0" * 64)
    with pytest.raises(NotAnIndex):
        build([make_case(1)], HashEncoder(32), tmp_path, keyring=keyring)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.fault(88)
def test_another_sites_secret_cannot_search_as_if_it_were_this_site(index: Any, library: Any, keyring: Keyring) -> None:
    assert library.keyring(keyring.secret) == keyring
    with pytest.raises(OtherSite):
        library.keyring(b"the secret of another site")
    assert keyring.secret not in b"".join(path.read_bytes() for path in _files(index.folder))


@pytest.mark.fault(84)
@pytest.mark.fault(88)
@pytest.mark.parametrize("persons", [True, False])
def test_a_query_with_another_keyrings_keys_is_refused_before_anything_is_searched(
    index: Any, library: Any, keyring: Keyring, persons: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tenant's keys, or those of this site from before its secret was changed, would exclude nobody."""
    other = Keyring(keyring.secret, b"another salt")
    case = index.cases[4]
    query = Query(
        image=index.encoder.images([case.image])[0],
        text=None,
        as_of=date.max,
        key_check=other.check,
        persons=frozenset({other.person("person 2")}) if persons else frozenset(),
    )

    def searched(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was searched")

    monkeypatch.setattr(type(library.stack), "scan", searched)
    with pytest.raises(OtherSite):
        library.search(query)


def test_importing_the_folder_loads_no_heavy_library() -> None:
    names = "retrieval.following, retrieval.building.growth, retrieval.archive.cases, retrieval.encoders.fake"
    code = f"import sys, {names}; print(sorted({{'faiss', 'torch', 'transformers'}} & sys.modules.keys()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert out.stdout.strip() == "[]"


def test_checking_reads_every_card(index: Any) -> None:
    assert check(index.folder).cases == 60


@pytest.mark.fault(83)
@pytest.mark.parametrize("how", ["vectors one row out of step", "a report edited", "digest"])
def test_checking_finds_a_card_that_is_not_its_vectors_even_when_it_is_sealed(index: Any, copied: Path, how: str) -> None:
    (segment,) = copied.glob("gen-*/seg-*")
    changes = {}
    if how == "a report edited":
        with closing(sqlite3.connect(segment / "cards.sqlite")) as connection:
            connection.execute("UPDATE cards SET report = 'normal' WHERE row = 7")
            connection.commit()
    elif how == "digest":
        changes = {"segments": (SegmentEntry(name=segment.name, cases=60, cards_digest="0" * 64),)}
    else:
        data = (segment / "vectors.npy").read_bytes()
        (segment / "vectors.npy").write_bytes(data[:128] + data[128 + 256 :] + data[128 : 128 + 256])
    resealed(copied, **changes)
    open_library(copied, index.encoder.fingerprint).close()
    with pytest.raises(IndexCorrupt):
        check(copied)


def test_a_library_says_what_a_search_must_know(index: Any, library: Any, keyring: Keyring) -> None:
    terms = library.terms
    assert (terms.generation, terms.key_check, terms.notice) == (library.info.sha256, keyring.check, "")
    assert (terms.dimensions, terms.one_space, terms.coverage) == (Dimensions(32, 32), False, 0.95)
    assert terms.thresholds == library.manifest.thresholds


def test_nearest_rows_come_with_their_traits_and_cards(index: Any, library: Any, keyring: Keyring) -> None:
    case = index.cases[4]
    query = Query(
        image=index.encoder.images([case.image])[0],
        text=None,
        as_of=date.max,
        key_check=keyring.check,
        persons=frozenset({case.card.person}),
    )
    found = library.nearest(query, 7)
    assert (len(found.rows), found.searched, found.excluded) == (7, 58, (("same person", 2),))
    assert [library.card(int(row)).image_hash for row in found.rows] == [trait.image for trait in found.traits]
    assert 4 not in found.rows

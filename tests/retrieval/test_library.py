"""An index is opened whole or not at all."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.build import build
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexMissing, IndexUnusable, NotAnIndex, OtherSchema, OtherSite
from retrieval.generations import current
from retrieval.keys import Keyring
from retrieval.library import check, open_library
from retrieval.manifest import MANIFEST, seal

MUTATIONS = 300


@pytest.fixture
def copied(index: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(index.folder, tmp_path / "copy"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "LOCK")


def _mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """1 to 5 flipped bits, a cut, a lost or a doubled byte."""
    kind = int(rng.integers(8))
    at = int(rng.integers(len(data)))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + 1 :]
    if kind == 2:
        return data[:at] + data[at : at + 1] + data[at:]
    changed = bytearray(data)
    for bit in rng.choice(8 * len(data), int(rng.integers(1, 6)), replace=False):
        changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@pytest.mark.fault(82)
def test_no_mutated_index_is_accepted_in_silence(index: Any, copied: Path) -> None:
    rng = np.random.default_rng(82)
    files = _files(copied)
    assert {path.name for path in files} == {"CURRENT", "SEAL", "manifest.json", "cards.sqlite", "vectors.faiss"}
    for number in range(MUTATIONS):
        path = files[number % len(files)]
        good = path.read_bytes()
        bad = _mutate(good, rng)
        assert bad != good
        path.write_bytes(bad)
        with pytest.raises(IndexUnusable):
            open_library(copied, index.encoder.fingerprint)
        path.write_bytes(good)
    open_library(copied, index.encoder.fingerprint).close()


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, how) for name in ("CURRENT", "SEAL", "manifest.json", "cards.sqlite", "vectors.faiss") for how in ("missing", "empty")),
        *((name, "link") for name in ("SEAL", "manifest.json", "cards.sqlite", "vectors.faiss")),
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

    (next(copied.glob("gen-*")) / "index.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(IndexCorrupt):
        open_library(copied, index.encoder.fingerprint)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["cards.sqlite-journal", "cards.sqlite-wal"])
def test_a_journal_laid_beside_the_cards_is_refused(index: Any, copied: Path, name: str) -> None:
    (next(copied.glob("gen-*")) / name).write_bytes(b"journal")
    with pytest.raises(IndexCorrupt, match="not listed"):
        open_library(copied, index.encoder.fingerprint)


@pytest.mark.fault(82)
def test_refuses_vectors_of_another_encoder(index: Any) -> None:
    for other in (HashEncoder(32, seed=1), HashEncoder(64)):
        with pytest.raises(EncoderMismatch):
            open_library(index.folder, other.fingerprint)


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"schema_version": 2}, OtherSchema),
        ({"schema_version": 0}, OtherSchema),
        ({"dimension": 64}, IndexCorrupt),
        ({"cases": 59}, IndexCorrupt),
    ],
)
def test_refuses_another_schema_dimension_or_number_even_when_sealed(
    index: Any, copied: Path, change: dict[str, int], error: type[Exception]
) -> None:
    generation = current(copied)
    digest = seal(generation.folder, generation.manifest.model_copy(update=change))
    (copied / "CURRENT").write_text(f"{generation.folder.name} {digest}\n")
    with pytest.raises(error):
        open_library(copied, index.encoder.fingerprint)


@pytest.mark.fault(82)
def test_the_last_good_generation_answers_only_when_asked_for_and_says_so(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any]
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(30)])
    make_index(tmp_path / "library", [make_case(n) for n in range(40)])
    newest = tmp_path / "library" / "gen-0002" / "vectors.faiss"
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


def test_importing_the_folder_loads_no_heavy_library() -> None:
    names = "retrieval.library, retrieval.build, retrieval.archive, retrieval.encoders.fake"
    code = f"import sys, {names}; print(sorted({{'faiss', 'torch', 'transformers'}} & sys.modules.keys()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert out.stdout.strip() == "[]"


def test_checking_reads_every_card(index: Any) -> None:
    assert check(index.folder).cases == 60

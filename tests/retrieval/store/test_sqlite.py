"""What only a file can do: be laid beside a foreign journal, be cut short, be full of something else."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.cards import CaseCard
from retrieval.errors import IndexCorrupt, StorageFailed
from retrieval.store import FILE
from retrieval.store.sqlite import SqliteStore, SqliteWriter


def written(folder: Path, cards: list[CaseCard], vectors: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    writer = SqliteWriter(folder)
    writer.add(cards, vectors)
    writer.commit(b"SECRET JOURNAL")
    writer.finish()
    return folder / FILE


def test_the_same_cards_give_the_same_bytes(tmp_path: Path, cards: list[CaseCard], vectors: np.ndarray) -> None:
    one, other = (written(tmp_path / name, cards, vectors) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_a_finished_file_stands_alone_and_nothing_of_the_journal_stays_in_it(
    tmp_path: Path, cards: list[CaseCard], vectors: np.ndarray
) -> None:
    path = written(tmp_path, cards, vectors)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
    assert b"SECRET JOURNAL" not in path.read_bytes()


def test_a_journal_that_was_laid_beside_a_finished_file_is_not_read(tmp_path: Path, cards: list[CaseCard], vectors: np.ndarray) -> None:
    written(tmp_path, cards, vectors)
    for ending in ("-wal", "-journal", "-shm"):
        (tmp_path / f"{FILE}{ending}").write_bytes(b"\0" * 4096)
    store = SqliteStore(tmp_path)
    assert store.card(0, vectors[0]) == cards[0]
    store.close()


def test_nothing_can_be_written_through_an_open_store(tmp_path: Path, cards: list[CaseCard], vectors: np.ndarray) -> None:
    written(tmp_path, cards, vectors)
    store = SqliteStore(tmp_path)
    with pytest.raises(sqlite3.OperationalError):
        store._connection.execute("DELETE FROM cards")
    store.close()


@pytest.mark.parametrize("size", [0, 100, 4096, 8192])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, cards: list[CaseCard], vectors: np.ndarray, size: int) -> None:
    path = written(tmp_path, cards, vectors)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(IndexCorrupt):
        _read_all(tmp_path, vectors)


def _read_all(folder: Path, vectors: np.ndarray) -> None:
    store = SqliteStore(folder)
    try:
        for row in range(6):
            store.card(row, vectors[row])
    finally:
        store.close()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_bytes(b"no database at all, but long enough to be looked at" * 100), id="no database"),
        pytest.param(lambda path: sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close(), id="another table"),
        pytest.param(lambda path: None, id="no file"),
    ],
)
def test_what_is_no_file_of_cards_is_neither_opened_nor_written(tmp_path: Path, make: Any) -> None:
    make(tmp_path / FILE)
    with pytest.raises(IndexCorrupt):
        SqliteStore(tmp_path)
    if (tmp_path / FILE).exists():
        with pytest.raises(IndexCorrupt):
            SqliteWriter(tmp_path)


FULL = """
import resource, signal, sys
from datetime import date
from pathlib import Path
import numpy as np
from retrieval.cards import CaseCard
from retrieval.errors import StorageFailed
from retrieval.store import write_cards
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
key = "0" * 32
card = CaseCard(key, key, key, date(2020, 1, 1), "CR", "CHEST", "PA", "60-69", "male", (), "report", key, 0, 0, "consent", "licence",
                thumbnail_png=bytes(50_000))
writer = write_cards(Path(sys.argv[1]), "seg-0001")
writer.add([card] * 5, np.zeros((5, 6), np.float32))
writer.commit(b"five")
try:
    for _ in range(10):
        writer.add([card] * 5, np.zeros((5, 6), np.float32))
        writer.commit(b"more")
except StorageFailed:
    writer.abandon()
    print("refused")
"""


def test_a_disk_that_is_full_is_a_typed_error_and_what_was_committed_stays(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False
    )
    assert done.stdout == "refused\n", done.stderr
    writer = SqliteWriter(tmp_path)
    assert writer.rows >= 5
    assert writer.rows % 5 == 0
    assert writer.note() in (b"five", b"more")
    writer.finish()
    store = SqliteStore(tmp_path)
    assert len(store.digest()) == 64
    store.close()


def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        SqliteWriter(tmp_path / "missing")

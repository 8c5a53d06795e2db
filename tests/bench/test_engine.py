"""What the engine benchmark reads from a checkpoint file, and its raw commits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bench.engine import Stored, by_hand, raw_commits, stored_by


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """A file with LangGraph's two tables and the rows of two threads."""
    path = tmp_path / "checkpoints.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE checkpoints (thread_id TEXT, checkpoint BLOB, metadata BLOB)")
    connection.execute("CREATE TABLE writes (thread_id TEXT, value BLOB)")
    rows = [("review-1:a:x", b"12345", b"12"), ("review-1:a:x", b"123", b""), ("review-1:b:y", b"1", b"1")]
    connection.executemany("INSERT INTO checkpoints VALUES (?, ?, ?)", rows)
    connection.execute("INSERT INTO writes VALUES (?, ?)", ("review-1:a:x", b"1234"))
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(("thread", "stored"), [(":a:", Stored(2, 14)), (":b:", Stored(1, 2)), ("", Stored(3, 16))])
def test_counts_durable_points_and_all_bytes_of_a_thread(checkpoints: Path, thread: str, stored: Stored) -> None:
    assert stored_by(checkpoints, thread) == stored


def test_commits_by_hand_as_many_rows_of_the_mean_size(tmp_path: Path) -> None:
    connection = by_hand(tmp_path / "raw.sqlite")
    assert raw_commits(connection, Stored(3, 30)) > 0
    assert connection.execute("SELECT count(*), sum(length(value)) FROM point").fetchone() == (3, 30)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()

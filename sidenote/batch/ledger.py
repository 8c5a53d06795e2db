"""The ledger of a run: SQLite, one row a case, one result a case. It is what makes a killed run resumable.

A case is admitted before it is worked on, and finished in the same transaction that stores its result, under a primary key:
work may be done twice after a kill, a result stands once.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidenote.batch.cohort import Case
from sidenote.batch.errors import RunBroken, RunExists, RunMissing
from sidenote.errors import writing

FILE = "ledger.sqlite"
MOST_ATTEMPTS = 3
"""A case that took a worker down with it this often is set aside with its reason; the batch goes on."""

_SCHEMA = """
CREATE TABLE run (options TEXT NOT NULL);
CREATE TABLE cases (
  key TEXT PRIMARY KEY, row INTEGER NOT NULL, patient TEXT NOT NULL, study TEXT, problem TEXT,
  attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE results (key TEXT PRIMARY KEY REFERENCES cases(key), result TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    total: int
    finished: int


class Ledger:
    """One run's ledger. Only the parent process of a run writes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `open_ledger` or `create_ledger`."""
        self._db = connection

    @property
    def options(self) -> dict[str, Any]:
        """What the run was started with."""
        (text,) = self._db.execute("SELECT options FROM run").fetchone()
        options: dict[str, Any] = json.loads(text)
        return options

    @property
    def progress(self) -> Progress:
        """Cases in all, and those with a result."""
        (total,) = self._db.execute("SELECT count(*) FROM cases").fetchone()
        (finished,) = self._db.execute("SELECT count(*) FROM results").fetchone()
        return Progress(total, finished)

    def open_cases(self) -> tuple[Case, ...]:
        """Cases without a result, in the cohort's order."""
        rows = self._db.execute("SELECT row, patient, study, problem FROM cases WHERE key NOT IN (SELECT key FROM results) ORDER BY row")
        return tuple(Case(*row) for row in rows)

    def admit(self, case: Case) -> int:
        """Note that work on `case` begins; return which attempt this is."""
        with self._db:
            self._db.execute("UPDATE cases SET attempts = attempts + 1 WHERE key = ?", (case.key,))
        (attempts,) = self._db.execute("SELECT attempts FROM cases WHERE key = ?", (case.key,)).fetchone()
        return int(attempts)

    def finish(self, case: Case, result: dict[str, Any]) -> None:
        """Store the result of `case`, unless it has one already."""
        text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO results VALUES (?, ?)", (case.key, text))

    def results(self) -> Iterator[dict[str, Any]]:
        """All results in the cohort's order."""
        for (text,) in self._db.execute("SELECT result FROM results JOIN cases USING (key) ORDER BY row"):
            yield json.loads(text)

    def export(self, path: Path) -> None:
        """Write all results as JSONL: whole or not at all."""
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n" for result in self.results())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


@contextmanager
def create_ledger(folder: Path, cases: Sequence[Case], options: dict[str, Any]) -> Iterator[Ledger]:
    """A new run in `folder`.

    Raises:
        RunExists: `folder` holds a run already.
        OutputFailed: the folder cannot be written.
    """
    path = folder / FILE
    if path.exists():
        raise RunExists("there is a run in this folder: resume it, or choose another folder")
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        _write_ledger(folder, path, cases, options)
    with open_ledger(folder) as ledger:
        yield ledger


def _write_ledger(folder: Path, path: Path, cases: Sequence[Case], options: dict[str, Any]) -> None:
    fresh = folder / f".{FILE}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as db:
        db.executescript(_SCHEMA)
        with db:
            db.execute("INSERT INTO run VALUES (?)", (json.dumps(options),))
            db.executemany(
                "INSERT INTO cases (key, row, patient, study, problem) VALUES (?, ?, ?, ?, ?)",
                [(case.key, case.row, case.patient, case.study, case.problem) for case in cases],
            )
    fresh.chmod(0o600)
    fresh.replace(path)


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """The run in `folder`.

    Raises:
        RunMissing: there is none.
        RunBroken: its ledger is damaged, or is none.
    """
    path = folder / FILE
    if not path.is_file():
        raise RunMissing("there is no run in this folder")
    with closing(sqlite3.connect(path, timeout=30)) as db:
        ledger = Ledger(db)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            _ = ledger.options, ledger.progress
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise RunBroken("the ledger of this folder cannot be read") from error
        yield ledger

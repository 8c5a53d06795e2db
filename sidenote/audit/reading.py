"""Reads the audit: the newest rows first, of a patient, a session or a review. What comes of it is PHI."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sidenote.audit.errors import AuditMissing
from sidenote.audit.events import Row, row_of

CHAIN = frozenset({"seq", "prev", "sha256"})
"""What the chain adds to the fields of a row."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A row as it stands in the audit."""

    seq: int
    sha256: str
    row: Row


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, for reading alone.

    Raises:
        AuditMissing: there is no audit at `path`, or it is no database.
    """
    if not path.is_file():
        raise AuditMissing("there is no audit here: nothing was served from this home yet")
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
        try:
            db.execute("SELECT seq, line FROM audit LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise AuditMissing("the store holds no audit") from error
        yield db


def newest(path: Path, most: int, *, patient: str | None = None, session: str | None = None, review: str | None = None) -> tuple[Kept, ...]:
    """At most `most` rows, newest first, of those that fit everything that is given. None of them is verified here.

    Raises:
        AuditMissing: as `reading`.
    """
    wanted = {name: value for name, value in (("patient", patient), ("session", session), ("review", review)) if value is not None}
    where = " AND ".join(f"{name} = ?" for name in wanted) or "TRUE"
    query = f"SELECT line FROM audit WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - names of our own columns
    with reading(path) as db:
        return tuple(_kept(json.loads(line)) for (line,) in db.execute(query, (*wanted.values(), most)))


def _kept(fields: Mapping[str, object]) -> Kept:
    row = row_of({key: value for key, value in fields.items() if key not in CHAIN})
    return Kept(int(str(fields["seq"])), str(fields["sha256"]), row)

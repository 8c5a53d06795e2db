"""Whatever is done to the audit by hand is found, and the first row it was done to is named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.chain import link
from sidenote.audit.chain import NOTHING, Head, note_file
from sidenote.audit.errors import AuditDown, AuditMissing
from sidenote.audit.events import Who, shown
from sidenote.audit.store import Audit
from sidenote.audit.verify import verify

SWAP = ("UPDATE audit SET seq = -1 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = -1")


def test_an_untouched_audit_is_whole_and_says_where_it_ends(five: Path) -> None:
    found = verify(five)
    assert (found.whole, found.rows, found.head.seq) == (True, 5, 5)
    assert note_file(five).read_text() == f"{5:020d} {found.head.sha256}\n"


@pytest.mark.fault(117)
@pytest.mark.parametrize(
    ("statements", "row", "reason"),
    [
        (("UPDATE audit SET line = replace(line, 'heart-failure', 'somebody-else') WHERE seq = 3",), 3, "was edited"),
        (("UPDATE audit SET line = replace(line, '\"0\"', '\"4\"') WHERE seq = 1",), 1, "was edited"),
        (("UPDATE audit SET line = line || ' ' WHERE seq = 5",), 5, "was edited"),
        (("UPDATE audit SET line = '{}' WHERE seq = 4",), 4, "is no row of a chain"),
        (("UPDATE audit SET line = '[]' WHERE seq = 4",), 4, "is no row of a chain"),
        (("DELETE FROM audit WHERE seq = 1",), 1, "was taken away"),
        (("DELETE FROM audit WHERE seq = 3",), 3, "was taken away"),
        (("DELETE FROM audit WHERE seq = 2", "UPDATE audit SET seq = seq - 1 WHERE seq > 2"), 2, "was put in another row's place"),
        (SWAP, 2, "was put in another row's place"),
        (("DELETE FROM audit WHERE seq >= 4",), 4, "was taken away, and every row up to 5"),
        (("DELETE FROM audit",), 1, "was taken away, and every row up to 5"),
    ],
    ids=["patient", "outcome", "space", "emptied", "another JSON", "first", "middle", "moved up", "swapped", "cut", "all"],
)
def test_a_change_is_found_and_its_first_row_named(
    five: Path, by_hand: Callable[..., None], statements: tuple[str, ...], row: int, reason: str
) -> None:
    by_hand(five, *statements)
    found = verify(five)
    assert (found.broken, found.reason, found.rows) == (row, reason, row - 1)


@pytest.mark.fault(117)
def test_a_chain_that_was_written_anew_from_a_row_on_does_not_end_as_noted(five: Path, by_hand: Callable[..., None]) -> None:
    with closing(sqlite3.connect(five)) as db:
        stored = [json.loads(line) for (line,) in db.execute("SELECT line FROM audit ORDER BY seq")]
    prev, forged = stored[1]["sha256"], []
    for fields in stored[2:]:
        body = {key: value for key, value in fields.items() if key not in ("prev", "sha256")}
        line, prev = link({**body, "review": "another"}, prev)
        forged.append(f"UPDATE audit SET line = '{line[:-1].decode()}' WHERE seq = {fields['seq']}")
    by_hand(five, *forged)
    found = verify(five)
    assert (found.broken, found.reason) == (5, "is another than was noted")


@pytest.mark.fault(117)
def test_a_head_kept_elsewhere_shows_what_was_done_to_database_and_note_together(five: Path, by_hand: Callable[..., None]) -> None:
    known = verify(five).head
    by_hand(five, "DELETE FROM audit WHERE seq >= 4")
    note_file(five).unlink()
    assert verify(five).whole
    assert (verify(five, known).broken, verify(five, Head(3, "f" * 64)).broken) == (4, 3)


@pytest.mark.fault(117)
@pytest.mark.parametrize("text", ["5", "nonsense", "\xff"])
def test_a_damaged_note_is_told(five: Path, text: str) -> None:
    note_file(five).write_bytes(text.encode("latin-1"))
    assert (verify(five).broken, verify(five).reason) == (5, "is the newest, and the note of it is damaged")


@pytest.mark.fault(117)
@pytest.mark.parametrize("statement", ["DELETE FROM audit WHERE seq = 5", "UPDATE audit SET line = '{}' WHERE seq = 5"])
def test_nothing_is_added_to_an_audit_whose_newest_rows_were_changed(five: Path, by_hand: Callable[..., None], statement: str) -> None:
    by_hand(five, statement)
    with pytest.raises(AuditDown):
        Audit(five)


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\x00" + bytes(200)])
def test_where_no_audit_is_that_is_said(store: Path, content: bytes | None) -> None:
    if content is not None:
        store.parent.mkdir()
        store.write_bytes(content)
    with pytest.raises(AuditMissing):
        verify(store)


def test_rows_that_are_added_after_a_look_are_no_break(five: Path, keep: Callable[..., None], who: Who) -> None:
    known = verify(five).head
    keep(shown(who, "review-6", "0" * 64))
    assert verify(five, known).rows == 6
    assert verify(five, NOTHING).whole

"""The audit's store: durable before it answers, append-only, in one chain whoever writes, and closed when it cannot keep a row."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidenote.audit.chain import note_file
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Row, Who, shown
from sidenote.audit.store import Audit
from sidenote.audit.verify import verify

ROOT = Path(__file__).parents[3]


def reviews(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [review for (review,) in db.execute("SELECT review FROM audit ORDER BY seq")]


def row(who: Who, number: int) -> Row:
    return shown(who, f"r{number}", "0" * 64)


def test_a_row_is_there_for_another_process_when_append_returns(store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store)
        for number in range(3):
            await audit.append(row(who, number))
            assert reviews(store) == [f"r{one}" for one in range(number + 1)]
        await audit.aclose()

    asyncio.run(run())


def test_files_are_for_their_owner_alone_also_while_they_are_written(store: Path, who: Who) -> None:
    store.parent.mkdir(parents=True)
    store.touch(mode=0o644)

    async def run() -> None:
        audit = Audit(store)
        await audit.append(row(who, 1))
        files = sorted(store.parent.iterdir())
        assert [file.name for file in files] == ["store.head", "store.sqlite", "store.sqlite-shm", "store.sqlite-wal"]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        await audit.aclose()

    asyncio.run(run())


@pytest.mark.std("E8")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET line = '{}' WHERE seq = 2",
        "UPDATE audit SET seq = 9 WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (seq, line) VALUES (3, '{}')",
        "REPLACE INTO audit (seq, line) VALUES (5, '{}')",
        "INSERT INTO audit (seq, line) VALUES (7, '{}')",
    ],
)
def test_the_database_itself_refuses_every_change_of_a_row(five: Path, statement: str) -> None:
    with closing(sqlite3.connect(five)) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    assert verify(five).whole


def test_many_at_once_share_transactions_and_stand_in_one_chain(store: Path, who: Who) -> None:
    async def run() -> int:
        audit = Audit(store)
        commits = 0

        def counted(statement: str) -> None:
            nonlocal commits
            commits += statement == "COMMIT"

        audit._db.set_trace_callback(counted)
        await asyncio.gather(*(audit.append(row(who, number)) for number in range(500)))
        await audit.aclose()
        return commits

    assert asyncio.run(run()) < 50
    assert sorted(reviews(store)) == sorted(f"r{number}" for number in range(500))
    assert verify(store).rows == 500


def test_rows_of_one_call_stand_together_and_are_heard_once_kept(store: Path, who: Who) -> None:
    heard: list[str] = []

    async def run() -> None:
        audit = Audit(store, heard=lambda one: heard.append(one.review))
        await audit.append(row(who, 1), row(who, 2))
        await audit.aclose()

    asyncio.run(run())
    assert heard == reviews(store) == ["r1", "r2"]


WRITER = """
import asyncio, sys
from pathlib import Path
from sidenote.audit.events import Who, shown
from sidenote.audit.store import Audit

async def run():
    audit = Audit(Path(sys.argv[1]))
    for number in range(60):
        await audit.append(shown(Who("e", "u", "p", sys.argv[2]), f"r{number}", "0" * 64))
    await audit.aclose()

asyncio.run(run())
"""


def test_several_processes_write_one_chain(store: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", WRITER, str(store), name], cwd=ROOT) for name in "abc"]
    assert [child.wait(120) for child in children] == [0, 0, 0]
    found = verify(store)
    assert (found.whole, found.rows) == (True, 180)
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("SELECT session, count(*) FROM audit GROUP BY session ORDER BY 1").fetchall() == [("a", 60), ("b", 60), ("c", 60)]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from sidenote.audit.events import Who, shown
from sidenote.audit.store import Audit

async def run():
    audit = Audit(Path(sys.argv[1]))
    async def one(number):
        await audit.append(shown(Who("e", "u", "p", "s"), f"r{number}", "0" * 64))
        print(f"r{number}", flush=True)
        if number == 40:
            os.kill(os.getpid(), 9)
    for number in range(100):
        await one(number)

asyncio.run(run())
"""


def test_what_was_kept_outlives_a_kill(store: Path, who: Who, keep: Callable[..., None]) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(store)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9
    assert reviews(store) == done.stdout.split() == [f"r{number}" for number in range(41)]
    keep(row(who, 41))
    assert verify(store).rows == 42


def test_a_caller_who_does_not_wait_any_longer_leaves_a_row(store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store)
        waiting = asyncio.create_task(audit.append(row(who, 1)))
        await asyncio.sleep(0)
        waiting.cancel()
        await audit.append(row(who, 2))
        await audit.aclose()

    asyncio.run(run())
    assert reviews(store) == ["r1", "r2"]


# ---- down (fault 116)


@pytest.mark.fault(116)
def test_while_another_holds_the_disk_rows_are_refused_and_then_kept_again(store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store, patience=0.05)
        await audit.append(row(who, 1))
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(AuditDown, match="locked"):
                await audit.append(row(who, 2))
            assert not await audit.ready()
            other.execute("ROLLBACK")
        assert await audit.ready()
        await audit.append(row(who, 3))
        await audit.aclose()

    asyncio.run(run())
    assert reviews(store) == ["r1", "r3"]
    assert verify(store).whole


@pytest.mark.fault(116)
def test_when_too_many_wait_the_next_is_refused_at_once(store: Path, who: Who) -> None:
    async def run() -> list[BaseException | None]:
        audit = Audit(store, most_waiting=4, patience=60.0)
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = asyncio.create_task(audit.append(row(who, 0)))
            while audit._waiting.qsize() or not audit._thread:
                await asyncio.sleep(0.001)
            tasks = [asyncio.create_task(audit.append(row(who, number))) for number in range(1, 8)]
            await asyncio.sleep(0)
            refused = [task.exception() for task in tasks if task.done()]
            other.execute("ROLLBACK")
        await asyncio.gather(first, *tasks, return_exceptions=True)
        await audit.aclose()
        return refused

    refused = asyncio.run(run())
    assert [type(one) for one in refused] == [AuditDown] * 3
    assert reviews(store) == ["r0", "r1", "r2", "r3", "r4"]


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Who, shown
from sidenote.audit.store import Audit

async def run():
    audit = Audit(Path(sys.argv[1]))
    who = Who("e", "u", "p", "s")
    await audit.append(shown(who, "before", "0" * 64))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    refused = 0
    for number in range(20):
        try:
            await audit.append(shown(who, f"full{number}", "0" * 64))
        except AuditDown as error:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await audit.append(shown(who, "after", "0" * 64))
    await audit.aclose()
    print(refused)

asyncio.run(run())
"""


@pytest.mark.fault(116)
def test_a_disk_that_takes_no_more_refuses_rows_until_it_does_again(store: Path) -> None:
    """The limit on the size of files stands for a full disk: the kernel refuses the write."""
    done = subprocess.run([sys.executable, "-c", FULL, str(store)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused, kept = int(done.stdout), reviews(store)
    assert refused > 0
    assert (kept[0], kept[-1], len(kept)) == ("before", "after", 22 - refused)
    assert verify(store).whole


@pytest.mark.fault(116)
@pytest.mark.parametrize("how", ["removed", "exchanged"])
def test_a_file_that_is_gone_takes_no_rows(store: Path, who: Who, how: str) -> None:
    async def run() -> None:
        audit = Audit(store)
        await audit.append(row(who, 1))
        store.unlink()
        if how == "exchanged":
            store.touch()
        with pytest.raises(AuditDown):
            await audit.append(row(who, 2))
        assert not await audit.ready()
        await audit.aclose()

    asyncio.run(run())


@pytest.mark.fault(116)
@pytest.mark.fault(117)
@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit WHERE seq = 5", "UPDATE audit SET line = replace(line, 'review-5', 'review-6') WHERE seq = 5"]
)
def test_rows_are_refused_for_good_once_another_hand_has_changed_the_newest(
    five: Path, who: Who, by_hand: Callable[..., None], statement: str
) -> None:
    async def run() -> None:
        audit = Audit(five)
        by_hand(five, statement, 'INSERT INTO audit (seq, line) VALUES (6, \'{"sha256":"0"}\')')
        for _ in range(2):
            with pytest.raises(AuditDown, match="another hand"):
                await audit.append(row(who, 6))
        await audit.aclose()

    asyncio.run(run())


@pytest.mark.fault(116)
def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditDown):
        Audit(tmp_path / "file" / "store.sqlite")
    (tmp_path / "other.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(AuditDown):
        Audit(tmp_path / "other.sqlite")


def test_a_closed_audit_takes_no_rows_and_leaves_no_thread(store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store)
        await audit.append(row(who, 1))
        waiting = [asyncio.create_task(audit.append(row(who, number))) for number in (2, 3)]
        await asyncio.sleep(0)
        await audit.aclose()
        await asyncio.gather(*waiting)
        with pytest.raises(AuditDown, match="closed"):
            await audit.append(row(who, 4))

    before = set(threading.enumerate())
    asyncio.run(run())
    assert reviews(store) == ["r1", "r2", "r3"]
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_a_note_that_lags_is_no_break_and_one_that_is_damaged_is(five: Path, who: Who, keep: Callable[..., None]) -> None:
    old = note_file(five).read_bytes()
    keep(row(who, 6))
    note_file(five).write_bytes(old)
    keep(row(who, 7))
    assert verify(five).rows == 7
    note_file(five).write_bytes(b"?")
    with pytest.raises(AuditDown):
        keep(row(who, 8))


def test_a_row_that_cannot_be_told_in_json_is_refused_and_the_next_is_kept(store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store)
        with pytest.raises(AuditDown):
            await audit.append(Row("shown", "R", "0", "", who, review=object()))  # type: ignore[arg-type]
        await audit.append(row(who, 2))
        await audit.aclose()

    asyncio.run(run())
    assert reviews(store) == ["r2"]
    assert os.path.exists(store)

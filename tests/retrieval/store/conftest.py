"""Both places that keep cards: SQLite in a folder, and a real PostgreSQL server started for the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.store import FILE, CardStore, CardWriter, forget_cards, open_cards, write_cards

PASSWORD = "correct-horse"
PLACES = ("sqlite", "postgresql")


@dataclass
class Server:
    """A PostgreSQL server on a Unix socket in a folder of its own; it listens to no network."""

    folder: Path
    binaries: Path
    who: dict[str, Any]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"postgresql://sidenote:{PASSWORD}@/postgres?host={self.folder}"

    def create(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        shutil.chown(secret, self.who.get("user"), self.who.get("group"))
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "sidenote", "-A", "scram-sha-256", "--pwfile", str(secret), "-N",
                  "-E", "UTF8", "--locale=C")  # fmt: skip

    def start(self) -> None:
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses=",
                   "-c", "fsync=off", "-c", "max_connections=20"]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self.who)
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def _wait(self) -> None:
        psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
        pytest.fail("the PostgreSQL server did not start")

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run([str(self.binaries / name), *arguments], capture_output=True, text=True, cwd="/", check=False, **self.who)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def postgres(missing: Callable[[str], NoReturn]) -> Iterator[Server]:
    """A running server, or the test is skipped where PostgreSQL is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    found = shutil.which("initdb") or next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if found is None:
        missing("PostgreSQL (initdb, postgres) is not installed")
    folder = Path(tempfile.mkdtemp(prefix="sidenote-pg-"))  # short: a socket's path has at most 107 bytes
    server = Server(folder, Path(found).resolve().parent, _somebody_else(folder))
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _somebody_else(folder: Path) -> dict[str, Any]:
    """Root may not run PostgreSQL: then it is run by an account without rights, which gets the folder."""
    if os.geteuid():
        return {}
    account = pwd.getpwnam("nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@dataclass(frozen=True)
class Shop:
    """One segment's cards in one of the two places."""

    place: Path | str
    index: str

    def write(self) -> CardWriter:
        return write_cards(self.place, "seg-0001", index=self.index)

    def open(self) -> CardStore:
        return open_cards(self.place, "seg-0001", index=self.index)

    def forget(self) -> None:
        forget_cards(self.place, "seg-0001", index=self.index)

    def change(self, change: str, *values: object) -> None:
        """Run SQL behind the store's back: `CARDS` is the table, `OURS` this segment, `?` a value."""
        if isinstance(self.place, Path):
            with sqlite3.connect(self.place / FILE) as connection:
                connection.execute(change.replace("CARDS", "cards").replace("OURS", "true"), values)
            connection.close()
            return
        import psycopg

        with psycopg.connect(self.place) as server:
            here = f"index_id = '{self.index}' AND segment = 'seg-0001'"
            server.execute(change.replace("CARDS", "sidenote_cards").replace("OURS", here).replace("?", "%s").encode(), values)


@pytest.fixture(params=PLACES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """An empty place for the cards of one segment."""
    return Shop(tmp_path if request.param == "sqlite" else request.getfixturevalue("postgres").url, tmp_path.name)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.eye(6, dtype=np.float32)


@pytest.fixture
def cards(make_case: Callable[..., SourceCase]) -> list[CaseCard]:
    """Six cards that leave no field at its default in all of them."""
    findings = (CaseFinding("nodule", "right", "upper lobe"), CaseFinding("cardiomegaly"))
    return [
        make_case(n, outcome="died" if n else None, thumbnail_png=bytes([n, 0, 255]), image_hash=2**64 - 1 - n, site=f"site {n}",
                  findings=findings[: n % 3], linked=tuple(f"{n:032x}" for _ in range(n % 2))).card
        for n in range(6)
    ]  # fmt: skip


@pytest.fixture
def full(shop: Shop, cards: list[CaseCard], vectors: np.ndarray) -> Shop:
    """The same place with six finished cards."""
    writer = shop.write()
    writer.add(cards, vectors)
    writer.finish()
    return shop

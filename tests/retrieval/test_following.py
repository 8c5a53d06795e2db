"""Searches go on while generations change: none fails, and each is answered by one whole generation."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrieval.building.build import build
from retrieval.building.growth import add, compact, remove
from retrieval.cards import Query, SearchResult, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt, IndexMissing, OtherSite
from retrieval.following import Following
from retrieval.generation.generations import current
from retrieval.keys import Keyring
from retrieval.library import check

ENCODER = HashEncoder(32)
MakeCase = Callable[..., SourceCase]


@pytest.fixture
def folder(tmp_path: Path, make_case: MakeCase, make_index: Any) -> Path:
    made: Path = make_index(tmp_path / "library", [make_case(n) for n in range(30)]).folder
    return made


@pytest.fixture
def following(folder: Path) -> Iterator[Following]:
    """Looks at the folder only when a test says so."""
    one = Following(folder, ENCODER.fingerprint, every=3600)
    yield one
    one.close()


@pytest.fixture
def query(make_case: MakeCase, keyring: Keyring) -> Query:
    case = make_case(70)
    image, text = ENCODER.images([case.image])[0], ENCODER.texts([case.card.report])[0]
    return Query(image=image, text=text, as_of=date.max, key_check=keyring.check)


def test_it_is_the_library_of_the_generation_in_use(following: Following, folder: Path, query: Query, keyring: Keyring) -> None:
    generation = current(folder)
    assert following.search(query).generation == following.info.sha256 == generation.sha256
    assert (following.manifest, following.notice) == (generation.manifest, "")
    assert following.keyring(keyring.secret) == keyring
    with pytest.raises(OtherSite):
        following.keyring(b"the secret of another site")
    with pytest.raises(OtherSite):
        following.search(replace(query, key_check="another"))


def test_a_new_generation_answers_once_it_is_looked_for(
    following: Following, folder: Path, query: Query, make_case: MakeCase, keyring: Keyring
) -> None:
    before = following.search(query)
    add([make_case(n) for n in range(30, 40)], ENCODER, folder, keyring=keyring)
    assert following.search(query) == before
    following.look()
    after = following.search(query)
    assert (after.searched, after.generation) == (40, current(folder).sha256)
    assert following.keyring(keyring.secret) == keyring


def test_searches_notice_a_new_generation_by_themselves(folder: Path, query: Query, make_case: MakeCase, keyring: Keyring) -> None:
    following = Following(folder, ENCODER.fingerprint, every=0.01)
    add([make_case(30)], ENCODER, folder, keyring=keyring)
    until = time.monotonic() + 60
    while following.search(query).searched != 31:
        assert time.monotonic() < until
        time.sleep(0.005)
    following.close()


def test_the_folder_is_looked_at_no_more_often_than_every_so_many_seconds(
    folder: Path, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr("retrieval.following.time", SimpleNamespace(monotonic=lambda: now[0]))
    following = Following(folder, ENCODER.fingerprint, every=0.2)
    looks: list[float] = []
    place = following._place
    monkeypatch.setattr(following, "_place", lambda: (looks.append(now[0]), place())[1])
    for _ in range(50):
        now[0] += 0.01
        following.search(query)
    assert len(looks) == 2
    following.close()


def test_a_search_that_runs_while_the_generation_changes_ends_on_the_one_it_began_with(
    following: Following, folder: Path, query: Query
) -> None:
    with following.lease() as library:
        remove(folder, reason="wrong", case_keys=[library.card(0).key])
        compact(folder)
        following.look()
        assert following.info.sha256 != library.info.sha256
        assert library.search(query).searched == 30
        assert library.card(29)
    with pytest.raises(IndexCorrupt):  # closed with the end of its last search
        library.card(29)
    assert following.search(query).searched == 29


@pytest.mark.fault(82)
@pytest.mark.parametrize("damage", ["a vector", "the pointer", "another encoder"])
def test_a_generation_that_is_refused_changes_nothing_but_the_notice(
    following: Following, folder: Path, query: Query, make_case: MakeCase, keyring: Keyring, damage: str
) -> None:
    if damage == "another encoder":
        build([make_case(n) for n in range(20)], HashEncoder(32, seed=1), folder, keyring=keyring)
    else:
        add([make_case(30)], ENCODER, folder, keyring=keyring)
        path = folder / "CURRENT" if damage == "the pointer" else next(current(folder).folder.glob("seg-0002/vectors.npy"))
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(bytes(data))
    before = following.search(query)
    following.look()
    result = following.search(query)
    assert replace(result, notice="") == before
    assert "refused" in result.notice
    build([make_case(n) for n in range(25)], ENCODER, folder, keyring=keyring)
    following.look()
    assert (following.search(query).searched, following.notice) == (25, "")


def test_a_pointer_that_is_put_back_takes_the_notice_back(following: Following, folder: Path, query: Query) -> None:
    good = (folder / "CURRENT").read_bytes()
    (folder / "CURRENT").write_bytes(b"gen-0009\n")
    following.look()
    assert "index_corrupt" in following.search(query).notice
    (folder / "CURRENT").write_bytes(good)
    following.look()
    assert following.search(query).notice == ""


def test_a_refused_generation_is_not_opened_again_with_every_look(
    folder: Path, query: Query, make_case: MakeCase, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(folder, ENCODER.fingerprint, every=0)
    build([make_case(n) for n in range(20)], HashEncoder(32, seed=1), folder, keyring=keyring)
    following.look()
    looks: list[None] = []
    monkeypatch.setattr(following, "look", lambda: looks.append(None))
    for _ in range(20):
        assert "index_other_encoder" in following.search(query).notice
    assert looks == []
    following.close()


@pytest.mark.fault(82)
def test_it_may_begin_with_the_last_good_generation_and_goes_on_with_the_next_whole_one(
    folder: Path, query: Query, make_case: MakeCase, keyring: Keyring
) -> None:
    add([make_case(30)], ENCODER, folder, keyring=keyring)
    (current(folder).folder / "gone.json").write_bytes(b"{")
    with pytest.raises(IndexCorrupt):
        Following(folder, ENCODER.fingerprint)
    following = Following(folder, ENCODER.fingerprint, last_good_instead=True, every=3600)
    assert (following.search(query).searched, "refused" in following.notice) == (30, True)
    build([make_case(n) for n in range(25)], ENCODER, folder, keyring=keyring)
    following.look()
    assert (following.search(query).searched, following.notice) == (25, "")
    following.close()


def test_where_there_is_no_index_nothing_follows(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        Following(tmp_path, ENCODER.fingerprint)


def test_closing_waits_for_the_last_search(folder: Path, query: Query) -> None:
    following = Following(folder, ENCODER.fingerprint)
    with following.lease() as library:
        following.close()
        assert library.search(query).searched == 30
    with pytest.raises(IndexCorrupt):
        library.card(0)


class Searchers:
    """Threads that search all the time, and what they were told."""

    def __init__(self, following: Following, query: Query, count: int = 2) -> None:
        self.results: list[SearchResult] = []
        self.errors: list[BaseException] = []
        self._following, self._query = following, query
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def _run(self) -> None:
        while not self._ended.wait(0.001):
            try:
                self.results.append(self._following.search(self._query))
            except BaseException as error:  # noqa: BLE001 - any is a failure of the test
                self.errors.append(error)

    def wait_for(self, generation: str) -> None:
        """Until an answer was of this generation."""
        until = time.monotonic() + 60
        while not any(result.generation == generation for result in tuple(self.results)) and time.monotonic() < until:
            time.sleep(0.005)

    def __enter__(self) -> Searchers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.fault(90)
def test_searches_in_threads_are_all_answered_by_one_generation_each_while_generations_change(
    folder: Path, query: Query, make_case: MakeCase, keyring: Keyring
) -> None:
    """How many cases a generation has, and its hash, are told by it: an answer of two generations would not agree."""
    following = Following(folder, ENCODER.fingerprint, every=0.01)
    cases = {following.info.sha256: 30}
    with Searchers(following, query) as searchers:
        for number in range(30, 33):
            info = add([make_case(number)], ENCODER, folder, keyring=keyring)
            cases[info.sha256] = info.cases
            info = remove(folder, reason="wrong", case_keys=[make_case(number - 30).card.key])
            cases[info.sha256] = info.cases
            searchers.wait_for(info.sha256)
        info = compact(folder)
        cases[info.sha256] = info.cases
        until = time.monotonic() + 60
        while following.info.sha256 != info.sha256 and time.monotonic() < until:
            time.sleep(0.01)
        last = following.search(query).generation
    following.close()
    assert searchers.errors == []
    assert {cases[result.generation] == result.searched for result in searchers.results} == {True}
    assert len({result.generation for result in searchers.results}) >= 3
    assert last == info.sha256


_ZYGOTE = r"""
import os, sys
from contextlib import suppress
from datetime import date
from pathlib import Path
import numpy as np
import faiss
from retrieval.building.build import build
from retrieval.cards import CaseCard, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import NothingToIndex
from retrieval.building.growth import add, compact, remove
from retrieval.keys import Keyring, difference_hash, report_sketch

ring, encoder, folder = Keyring(b"a secret of the tests, long enough", b"salt"), HashEncoder(32), Path(sys.argv[1])

def case(n):
    image = np.random.default_rng(n).random((32, 32), dtype=np.float32)
    text = "report " + " ".join(chr(97 + int(digit)) * 3 for digit in str(n))
    keys = ring.case(str(n)), ring.person(str(n)), ring.study(str(n))
    what = date(2020, 1, 1), "DX", "CHEST", "PA", "60-69", "male", ()
    card = CaseCard(*keys, *what, text, ring.report(text), report_sketch(text), difference_hash(image), "yes", "free")
    return SourceCase(card, image)

cases = [case(n) for n in range(40)]

def change(number):
    if number % 4 == 0:
        build(cases, encoder, folder, keyring=ring, source_fingerprint=str(number))
    elif number % 4 == 1:
        with suppress(NothingToIndex):  # the one before was killed once its case was in place
            add([case(1000 + number)], encoder, folder, keyring=ring)
    elif number % 4 == 2:
        remove(folder, reason="wrong", case_keys=[ring.case(str(number % 40))])
    else:
        compact(folder)

change(0)
print("ready", flush=True)
for line in sys.stdin:
    number, child = int(line), os.fork()
    while not child:
        os.write(1, b"%d\n" % number)
        change(number)
        number += 1
    os.write(1, b"child %d\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"killed\n")
"""
KILLS = 16


@pytest.mark.slow
@pytest.mark.fault(90)
def test_kill_9_at_any_moment_of_any_change_loses_no_index_and_fails_no_search(tmp_path: Path, query: Query) -> None:
    """A child builds, adds, removes and compacts in a loop and is killed 16 times, while a thread of this process searches."""
    folder, chance, root = tmp_path / "library", random.Random(90), Path(__file__).parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", _ZYGOTE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, env=environment, text=True
    ) as zygote:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        assert zygote.stdout.readline() == "ready\n"

        def killed_from(number: int) -> int:
            """Let a child change the index from change `number` on, kill it, and say in which change that was."""
            print(number, file=zygote.stdin, flush=True)
            child = 0
            while not child:  # which of the two is heard first, and how far the child is by then, is chance
                *told, last = zygote.stdout.readline().split()
                child, number = (int(last), number) if told else (0, int(last))
            time.sleep(chance.uniform(0, longest))
            os.kill(child, signal.SIGKILL)
            while (line := zygote.stdout.readline()) != "killed\n":
                number = int(line)
            return number

        following, number, kills, longest = Following(folder, ENCODER.fingerprint, every=0.02), 1, 0, 0.9
        with Searchers(following, query, 1) as searchers:
            while kills < KILLS or (len({result.generation for result in tuple(searchers.results)}) < 5 and longest < 60):
                number, kills = killed_from(number), kills + 1
                longest *= 1.5 if kills > KILLS else 1  # on a machine where so little comes of a child, children live longer
                assert 38 <= check(folder).cases <= 41  # whole after every kill, each card against its vector
        following.close()
        zygote.stdin.close()
    assert searchers.errors == []
    assert len({result.generation for result in searchers.results}) >= 5
    assert {38 <= result.searched <= 41 for result in searchers.results} == {True}
    build_left = {path.name for path in folder.glob("building-*")}
    assert len({name.removesuffix(".json") for name in build_left}) <= 2
    compact(folder)
    assert check(folder).cases >= 38

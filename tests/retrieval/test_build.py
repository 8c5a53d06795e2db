"""A build ends with a whole new generation, or with the old one untouched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import build as build_module
from retrieval import generations
from retrieval.build import build
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexBusy, NothingToIndex, StorageFailed
from retrieval.keys import Keyring
from retrieval.library import check, open_library

ENCODER = HashEncoder(32)
KILLS = 6


def test_counts_what_it_indexed_and_what_it_skipped_with_reasons(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    good = [make_case(n) for n in range(40)]
    bad: list[SourceCase | Rejected] = [
        Rejected("not a case: age", "line 7"),
        make_case(100, person="Jane Doe"),
        make_case(0),
        make_case(101, report="  ", report_hash="0" * 32),
        make_case(102, consent=""),
        make_case(103, licence=" "),
        SourceCase(make_case(104).card, np.full((32, 32), np.nan, np.float32)),
    ]
    seen: list[int] = []
    info = build([*good, *bad], ENCODER, tmp_path, keyring=keyring, progress=seen.append, source="a test")
    assert info.cases == 40
    assert info.skipped == {
        "a key is no salted hash": 1,
        "consent or licence is not stated": 2,
        "image holds values that are not finite": 1,
        "key stands twice": 1,
        "not a case: age": 1,
        "report is empty": 1,
    }
    assert ("not a case: age", "line 7") in info.skipped_at
    assert seen == [32, 47]
    assert info.encoder_fingerprint == ENCODER.fingerprint
    assert info.size > 0
    assert info.seconds is not None
    assert set(info.thresholds) == {"image", "text", "fused"}


@pytest.mark.fault(85)
def test_a_case_whose_vector_is_nan_or_zero_is_skipped_and_counted(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    class Broken:
        dimension = 32
        fingerprint = ENCODER.fingerprint

        def images(self, batch: Any) -> np.ndarray:
            vectors = ENCODER.images(batch)
            vectors[1] = np.nan
            return vectors

        def texts(self, batch: Any) -> np.ndarray:
            vectors = ENCODER.texts(batch)
            vectors[2] = 0
            return vectors

    info = build([make_case(n) for n in range(10)], Broken(), tmp_path, keyring=keyring)
    assert info.cases == 8
    assert sum(info.skipped.values()) == 2
    assert check(tmp_path).cases == 8


def test_nothing_survived_leaves_the_last_good_index(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, keyring: Keyring
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(20)])
    with pytest.raises(NothingToIndex):
        build([Rejected("not a case", "line 1")], ENCODER, made.folder, keyring=keyring)
    assert check(made.folder).cases == 20
    assert not list(made.folder.glob("building-*"))


def test_the_same_cases_give_the_same_files(tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any) -> None:
    cases = [make_case(n) for n in range(20)]
    folders = [make_index(tmp_path / name, cases).folder / "gen-0001" for name in ("a", "b")]
    for name in ("cards.sqlite", "vectors.faiss"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_keeps_the_generation_before_and_no_older_one(tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any) -> None:
    for count in (20, 21, 22):
        folder = make_index(tmp_path / "library", [make_case(n) for n in range(count)]).folder
    assert sorted(path.name for path in folder.iterdir()) == ["CURRENT", "LOCK", "gen-0002", "gen-0003"]
    assert check(folder).cases == 22


def test_an_open_library_goes_on_answering_while_it_is_replaced(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any
) -> None:
    cases = [make_case(n) for n in range(30)]
    made = make_index(tmp_path / "library", cases)
    library = open_library(made.folder, made.encoder.fingerprint)
    for _ in range(3):
        make_index(made.folder, cases)
    assert [library.store.card(row, library.table.rows[row]).key for row in range(30)] == [case.card.key for case in cases]


def test_two_builds_never_share_a_folder(tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    def nested() -> Iterator[SourceCase]:
        with pytest.raises(IndexBusy):
            build([make_case(1)], ENCODER, tmp_path, keyring=keyring)
        yield from (make_case(n) for n in range(20))

    assert build(nested(), ENCODER, tmp_path, keyring=keyring).cases == 20


@pytest.mark.fault(90)
@pytest.mark.parametrize(
    "step",
    [
        (build_module, "serialise"), (build_module, "calibrate"), (build_module, "seal"),
        (build_module, "verify"), (build_module, "publish"),
        (generations.os, "rename"), (generations, "write_flushed"), (generations.os, "replace"),
    ],
)  # fmt: skip
def test_a_failure_at_any_step_leaves_the_last_good_index(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str]
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(20)])
    with monkeypatch.context() as patch:

        def full(*args: object, **kwargs: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(*step, full)
        with pytest.raises(StorageFailed) as caught:
            make_index(made.folder, [make_case(n) for n in range(25)])
    assert caught.value.retryable
    assert check(made.folder).cases == 20
    make_index(made.folder, [make_case(n) for n in range(26)])
    assert check(made.folder).cases == 26


_ENDLESS = """
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
import numpy as np
from retrieval.build import build
from retrieval.cards import CaseCard, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring, difference_hash

ring = Keyring(b"a secret of the tests, long enough", b"salt")
cases = []
for n in range(40):
    image = np.random.default_rng(n).random((32, 32), dtype=np.float32)
    text = f"report {chr(97 + n % 26)} {chr(97 + n // 26)}"
    keys = ring.case(str(n)), ring.person(str(n)), ring.study(str(n))
    what = date(2020, 1, 1), "DX", "CHEST", "PA", "60-69", "male", ()
    card = CaseCard(*keys, *what, text, ring.report(text), difference_hash(image), "yes", "free")
    cases.append(SourceCase(card, image))
number = 0
while True:
    number += 1
    build(cases, HashEncoder(32), Path(sys.argv[1]), keyring=ring, source=f"round {number}")
    print(number, flush=True)
"""


@pytest.mark.fault(90)
def test_kill_9_in_the_middle_of_builds_leaves_a_whole_index_each_time(tmp_path: Path) -> None:
    chance = random.Random(90)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", _ENDLESS, str(tmp_path / "library")], stdout=subprocess.PIPE, cwd=root, env=environment
        )
        assert child.stdout is not None
        assert child.stdout.readline(), "the first build of the child ended"
        time.sleep(chance.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        assert check(tmp_path / "library").cases == 40
    assert len(list((tmp_path / "library").glob("building-*"))) <= 1


def test_a_card_that_brings_its_thumbnail_keeps_it(tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    case = make_case(1)
    build([SourceCase(replace(case.card, thumbnail_png=b"its own"), case.image), make_case(2)], ENCODER, tmp_path, keyring=keyring)
    library = open_library(tmp_path, ENCODER.fingerprint)
    assert library.store.card(0, library.table.rows[0]).thumbnail_png == b"its own"
    assert library.store.card(1, library.table.rows[1]).thumbnail_png.startswith(b"\x89PNG")

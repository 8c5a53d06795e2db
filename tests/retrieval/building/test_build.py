"""A build ends with a whole new generation, or with the old one untouched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from retrieval.building import assembly, intake
from retrieval.building import build as build_module
from retrieval.building.build import build, salt_of, unfinished
from retrieval.building.embedding import Embed, Embedded, in_process
from retrieval.building.growth import remove
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadArchive, BuildRefused, IndexBusy, IndexCorrupt, NothingToIndex, StorageFailed
from retrieval.generation import generations
from retrieval.keys import Keyring
from retrieval.library import check, open_library

ENCODER = HashEncoder(32)


def test_counts_what_it_indexed_and_what_it_skipped_with_reasons(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    cases: list[SourceCase | Rejected] = [make_case(n) for n in range(80)]
    cases += [Rejected("not a case: age", "line 7"), make_case(100, person="Jane Doe"), make_case(0)]
    seen: list[int] = []
    notes = Counter[str]()

    def read() -> Iterator[SourceCase | Rejected]:
        for case in cases:
            notes["names replaced"] += 1
            yield case

    info = build(read(), ENCODER, tmp_path, keyring=keyring, progress=seen.append, source="a test", notes=notes, signed=True)
    assert (info.cases, info.changed, info.segments) == (80, 80, (("seg-0001", 80),))
    assert info.skipped == {"a key is no salted hash": 1, "key stands twice": 1, "not a case: age": 1}
    assert ("not a case: age", "line 7") in info.skipped_at
    assert seen == [64, 83]
    assert (info.notes, info.signed, info.source) == ({"names replaced": 83}, True, "a test")
    assert info.encoder_fingerprint == ENCODER.fingerprint
    assert info.seconds is not None
    assert set(info.thresholds) == {"image", "text", "fused"}


def test_a_total_bounds_what_is_taken_and_read(tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    def endless() -> Iterator[SourceCase]:
        yield from (make_case(n) for n in range(30))
        raise AssertionError("read beyond what was asked for")

    assert build(endless(), ENCODER, tmp_path, keyring=keyring, total=30).cases == 30


@pytest.mark.parametrize(("weight", "reason"), [(0.3, "given"), (None, "too few")])
def test_a_weight_is_the_one_given_or_its_reason_says_where_it_is_from(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, weight: float | None, reason: str
) -> None:
    info = build([make_case(n) for n in range(20)], ENCODER, tmp_path, keyring=keyring, image_weight=weight)
    assert info.image_weight == (weight or 0.5)
    assert reason in info.image_weight_reason


@pytest.mark.parametrize("weight", [0.0, 1.0, -1.0, float("nan")])
def test_a_weight_that_is_none_is_refused_before_anything_is_read(tmp_path: Path, keyring: Keyring, weight: float) -> None:
    def unread() -> Iterator[SourceCase]:
        raise AssertionError("a case was read")
        yield

    with pytest.raises(BuildRefused):
        build(unread(), ENCODER, tmp_path / "library", keyring=keyring, image_weight=weight)
    assert not (tmp_path / "library").exists()


def test_a_large_library_fits_its_weight(tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    """Reports name the findings and images are noise, so the report is given more weight than the image."""
    info = build([make_case(n) for n in range(300)], ENCODER, tmp_path, keyring=keyring)
    assert info.image_weight < 0.5
    assert "fitted" in info.image_weight_reason


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
    for name in ("seg-0001/cards.sqlite", "seg-0001/vectors.npy", "seg-0001/columns.npz", "gone.json"):
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
    assert [library.card(row).key for row in range(30)] == [case.card.key for case in cases]


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
        (build_module, "settle"), (assembly, "fit_weight"), (assembly, "hubs"), (assembly, "calibrate"), (assembly, "make_near"),
        (assembly, "seal"), (assembly, "verify"), (assembly, "publish"), (os, "rename"), (generations, "replace_flushed"),
        (os, "replace"),
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


def test_a_card_that_brings_its_thumbnail_keeps_it(tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    case = make_case(1)
    build([SourceCase(replace(case.card, thumbnail_png=b"its own"), case.image), make_case(2)], ENCODER, tmp_path, keyring=keyring)
    library = open_library(tmp_path, ENCODER.fingerprint)
    assert library.card(0).thumbnail_png == b"its own"
    assert library.card(1).thumbnail_png.startswith(b"\x89PNG")


class Killed(BaseException):
    """Stands for a kill in this process."""


def dying(after: int) -> Embed:
    """Embeds so many batches, then dies."""

    def embed(batches: Any) -> Iterator[Embedded]:
        yield from islice(in_process(ENCODER)(batches), after)
        raise Killed

    return embed


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BLOCK", 64)


@pytest.fixture(scope="module")
def cases(make_case: Callable[..., SourceCase]) -> list[SourceCase]:
    return [make_case(n) for n in range(150)]


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
def test_a_killed_build_of_the_same_source_is_resumed_with_the_salt_it_began_with(
    tmp_path: Path, cases: list[SourceCase], keyring: Keyring
) -> None:
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(2))
    assert salt_of(tmp_path) is None
    assert unfinished(tmp_path, "f", ENCODER.fingerprint) == keyring.salt
    assert unfinished(tmp_path, "g", ENCODER.fingerprint) is None
    assert unfinished(tmp_path, "f", "another encoder") is None
    seen: list[int] = []
    info = build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", progress=seen.append)
    assert seen == [150]
    assert check(tmp_path).cases == info.cases == 150
    assert salt_of(tmp_path) == keyring.salt
    assert unfinished(tmp_path, "f", ENCODER.fingerprint) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "LOCK", "gen-0001"]


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("other", ["source", "no source", "encoder", "salt", "total"])
def test_a_build_of_something_else_begins_anew(tmp_path: Path, cases: list[SourceCase], keyring: Keyring, other: str) -> None:
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(2))
    seen: list[int] = []
    info = build(
        cases,
        HashEncoder(32, seed=1) if other == "encoder" else ENCODER,
        tmp_path,
        keyring=Keyring(keyring.secret, b"another salt") if other == "salt" else keyring,
        source_fingerprint={"source": "g", "no source": ""}.get(other, "f"),
        total=120 if other == "total" else None,
        progress=seen.append,
    )
    assert seen[0] == 64
    assert check(tmp_path).cases == info.cases == (120 if other == "total" else 150)


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
def test_a_person_who_is_removed_while_a_build_is_interrupted_is_not_found_when_it_ends(
    tmp_path: Path, cases: list[SourceCase], keyring: Keyring
) -> None:
    build(cases[:20], ENCODER, tmp_path, keyring=keyring)
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(1))
    remove(tmp_path, reason="consent withdrawn", person_keys=[keyring.person("person 3"), keyring.person("person 50")])
    info = build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f")
    assert (info.cases, info.gone, info.skipped) == (146, {"person was removed": 2}, {"person was removed": 2})
    library = open_library(tmp_path, ENCODER.fingerprint)
    assert library.stack.gone.tolist() == [6, 7]
    assert library.gone.persons == tuple(sorted((keyring.person("person 3"), keyring.person("person 50"))))


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
def test_a_failure_behind_the_last_case_costs_no_embedding(
    tmp_path: Path, cases: list[SourceCase], keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "calibrate", dies)
        with pytest.raises(Killed):
            build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", source="the first", notes={"names": 3})

    def unread() -> Iterator[SourceCase]:
        raise AssertionError("the archive was read again")
        yield

    info = build(unread(), ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", source="the first", embed=dying(0))
    assert (check(tmp_path).cases, info.source, info.notes) == (150, "the first", {"names": 3})


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
def test_an_archive_that_changed_under_its_fingerprint_ends_the_interrupted_build(
    tmp_path: Path, cases: list[SourceCase], keyring: Keyring
) -> None:
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(2))
    with pytest.raises(BadArchive):
        build(cases[1:], ENCODER, tmp_path, keyring=keyring, source_fingerprint="f")
    assert unfinished(tmp_path, "f", ENCODER.fingerprint) is None
    assert build(cases[1:], ENCODER, tmp_path, keyring=keyring, source_fingerprint="f").cases == 149


@pytest.mark.fault(82)
@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["cards.sqlite", "vectors.npy", "job"])
def test_an_interrupted_build_that_was_damaged_is_not_served(tmp_path: Path, cases: list[SourceCase], keyring: Keyring, name: str) -> None:
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(2))
    path = tmp_path / ("building-0001.json" if name == "job" else f"building-0001/seg-0001/{name}")
    data = bytearray(path.read_bytes())
    for place in range(100, len(data), 150):
        data[place] ^= 1
    path.write_bytes(bytes(data))
    with suppress(IndexCorrupt):  # of a vector that is not its card's; then the build is given up
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f")
    assert build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f").cases == 150
    assert check(tmp_path).cases == 150


@pytest.mark.fault(90)
@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_build_whose_note_was_damaged_begins_anew(tmp_path: Path, cases: list[SourceCase], keyring: Keyring) -> None:
    with pytest.raises(Killed):
        build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f", embed=dying(2))
    note = tmp_path / "building-0001.json"
    told = json.loads(note.read_bytes())
    note.write_text(json.dumps({**told, "cards_index": "g" + told["cards_index"][1:]}))
    assert build(cases, ENCODER, tmp_path, keyring=keyring, source_fingerprint="f").cases == 150


@pytest.mark.fault(82)
def test_a_build_replaces_an_index_that_cannot_be_read_and_keeps_its_salt_where_one_can(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, keyring: Keyring
) -> None:
    assert salt_of(tmp_path / "library") is None
    for count in (20, 21):
        folder = make_index(tmp_path / "library", [make_case(n) for n in range(count)]).folder
    (folder / "gen-0002" / "manifest.json").write_text("{}")
    assert salt_of(folder) == keyring.salt
    older = (folder / "gen-0001" / "manifest.json").read_text().replace('"schema_version": 2', '"schema_version": 1')
    (folder / "gen-0001" / "manifest.json").write_text(older)
    assert salt_of(folder) is None
    assert make_index(folder, [make_case(n) for n in range(22)]).folder == folder
    assert check(folder).cases == 22


_ENDLESS = """
import sys
from datetime import date
from pathlib import Path
import numpy as np
from retrieval.building import intake
from retrieval.building.build import build
from retrieval.cards import CaseCard, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring, difference_hash, report_sketch

intake.BLOCK = 64
ring = Keyring(b"a secret of the tests, long enough", b"salt")
cases = []
for n in range(150):
    image = np.random.default_rng(n).random((32, 32), dtype=np.float32)
    text = f"report {chr(97 + n % 26)} {chr(97 + n // 26)}"
    keys = ring.case(str(n)), ring.person(str(n)), ring.study(str(n))
    what = date(2020, 1, 1), "DX", "CHEST", "PA", "60-69", "male", ()
    card = CaseCard(*keys, *what, text, ring.report(text), report_sketch(text), difference_hash(image), "yes", "free")
    cases.append(SourceCase(card, image))
folder, seen = Path(sys.argv[1]), []

def report(count):
    print(count, flush=True)

build(cases, HashEncoder(32), folder, keyring=ring, source_fingerprint="f", progress=report)
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.fault(90)
def test_a_build_that_is_killed_again_and_again_goes_on_each_time_and_ends_whole(tmp_path: Path) -> None:
    """Killed behind each block in turn: the next child begins at the last block that was made durable, not at the first case."""
    root = Path(__file__).parents[3]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    begun = []
    for kill_at in (64, 128, 0):
        command = [sys.executable, "-c", _ENDLESS, str(tmp_path / "library")]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, text=True)
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line.strip())
            if line.strip() == str(kill_at):
                child.kill()
                break
        child.stdout.close()
        assert child.wait() == (-signal.SIGKILL if kill_at else 0)
        begun.append(lines[0])
    assert begun == ["64", "128", "150"]
    assert check(tmp_path / "library").cases == 150

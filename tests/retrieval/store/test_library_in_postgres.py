"""A whole index whose cards are in PostgreSQL: it is built, resumed, grown, compacted, followed and refused as one in files is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building import assembly, intake
from retrieval.building.build import build
from retrieval.building.embedding import Embedded, in_process
from retrieval.building.growth import add, compact, remove
from retrieval.cards import Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt, IndexUnusable
from retrieval.following import Following
from retrieval.generation.generations import publish
from retrieval.keys import Keyring
from retrieval.library import check, open_library

ENCODER = HashEncoder(32)


@pytest.fixture
def url(postgres: Any) -> str:
    return str(postgres.url)


class Killed(BaseException):
    """Stands for a kill."""


def dying(batches: Any) -> Iterator[Embedded]:
    yield from islice(in_process(ENCODER)(batches), 1)
    raise Killed


def index_of(folder: Path) -> str:
    """What tells the index in `folder` from others in the database: the same in all generations and unfinished builds."""
    (index,) = {json.loads(path.read_bytes())["cards_index"] for path in [*folder.glob("gen-*/manifest.json"), *folder.glob("*.json")]}
    return str(index)


def rows(url: str, folder: Path) -> dict[str, int]:
    """Cards of the index in `folder` in the database, by segment."""
    import psycopg

    with psycopg.connect(url) as server:
        found = server.execute(
            "SELECT segment, count(*) FROM sidenote_cards WHERE index_id = %s GROUP BY segment", (index_of(folder),)
        ).fetchall()
    return dict(found)


def asking(case: SourceCase, keyring: Keyring) -> Query:
    image, text = ENCODER.images([case.image])[0], ENCODER.texts([case.card.report])[0]
    return Query(image=image, text=text, as_of=date.max, key_check=keyring.check)


def test_it_answers_as_an_index_in_files_does_and_no_card_is_in_its_folder(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str
) -> None:
    cases = [make_case(n) for n in range(30)]
    info = build(cases, ENCODER, tmp_path / "postgres", keyring=keyring, cards_url=url)
    build(cases, ENCODER, tmp_path / "files", keyring=keyring)
    assert (info.cards, rows(url, tmp_path / "postgres")) == ("postgresql", {"seg-0001": 30})
    library = open_library(tmp_path / "postgres", ENCODER.fingerprint, cards_url=url)
    query = asking(make_case(70), keyring)
    assert library.search(query).neighbours == open_library(tmp_path / "files", ENCODER.fingerprint).search(query).neighbours
    library.close()
    assert check(tmp_path / "postgres", cards_url=url).cases == 30
    stored = b"".join(path.read_bytes() for path in (tmp_path / "postgres").rglob("*") if path.is_file())
    assert cases[3].card.report.encode() not in stored
    assert b"correct-horse" not in stored
    with pytest.raises(IndexUnusable, match="no URL"):
        open_library(tmp_path / "postgres", ENCODER.fingerprint)


@pytest.mark.fault(82)
@pytest.mark.fault(83)
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM sidenote_cards WHERE row = 29 AND index_id = %s",
        "DELETE FROM sidenote_cards WHERE row = 3 AND index_id = %s",
        "UPDATE sidenote_cards SET row_hash = repeat('0', 64) WHERE row = 3 AND index_id = %s",
    ],
)
def test_cards_that_are_not_those_that_were_written_are_refused_as_it_is_opened(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str, change: str
) -> None:
    import psycopg

    build([make_case(n) for n in range(30)], ENCODER, tmp_path / "library", keyring=keyring, cards_url=url)
    with psycopg.connect(url) as server:
        server.execute(change.encode(), (index_of(tmp_path / "library"),))
    with pytest.raises(IndexCorrupt):
        open_library(tmp_path / "library", ENCODER.fingerprint, cards_url=url)


def test_it_grows_and_what_is_removed_leaves_the_database_when_it_is_compacted(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str
) -> None:
    folder = tmp_path / "library"
    build([make_case(n) for n in range(30)], ENCODER, folder, keyring=keyring, cards_url=url)
    add([make_case(n) for n in range(30, 40)], ENCODER, folder, keyring=keyring, cards_url=url)
    remove(folder, reason="consent withdrawn", case_keys=[make_case(3).card.key], cards_url=url)
    assert rows(url, folder) == {"seg-0001": 30, "seg-0002": 10}
    following = Following(folder, ENCODER.fingerprint, cards_url=url, every=3600)
    query = asking(make_case(70), keyring)
    assert following.search(query).searched == 39
    info = compact(folder, cards_url=url)
    (segment,) = rows(url, folder)
    assert rows(url, folder) == {segment: 39}
    result = following.search(query)  # its cards are gone, but not the index
    assert (result.generation, result.searched) == (info.sha256, 39)
    following.close()
    assert check(folder, cards_url=url).cases == 39


@pytest.mark.fault(90)
def test_an_interrupted_build_goes_on_behind_what_the_database_has(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BLOCK", 64)

    cases, folder = [make_case(n) for n in range(100)], tmp_path / "library"
    with pytest.raises(Killed):
        build(cases, ENCODER, folder, keyring=keyring, source_fingerprint="f", embed=dying, cards_url=url)
    assert rows(url, folder) == {"seg-0001": 64}
    seen: list[int] = []
    build(cases, ENCODER, folder, keyring=keyring, source_fingerprint="f", progress=seen.append, cards_url=url)
    assert (seen, rows(url, folder)) == ([100], {"seg-0001": 100})
    library = open_library(folder, ENCODER.fingerprint, cards_url=url)
    np.testing.assert_array_equal(library.stack.columns.image_hash, [case.card.image_hash for case in cases])
    library.close()


def test_two_folders_with_the_same_keys_share_a_database_and_no_card(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each changes in every way while the other is in use: both stay whole, each card checked against its vector."""
    monkeypatch.setattr(intake, "BLOCK", 64)
    one, other, third = (tmp_path / name for name in ("one", "other", "third"))
    build([make_case(n) for n in range(30)], ENCODER, one, keyring=keyring, cards_url=url)
    build([make_case(n) for n in range(100, 120)], ENCODER, other, keyring=keyring, cards_url=url)
    with pytest.raises(Killed):
        build([make_case(n) for n in range(90)], ENCODER, third, keyring=keyring, source_fingerprint="f", embed=dying, cards_url=url)
    assert len({index_of(folder) for folder in (one, other, third)}) == 3
    add([make_case(30)], ENCODER, other, keyring=keyring, cards_url=url)
    add([make_case(31)], ENCODER, one, keyring=keyring, cards_url=url)
    remove(one, reason="wrong", case_keys=[make_case(3).card.key], cards_url=url)
    compact(one, cards_url=url)
    assert (check(one, cards_url=url).cases, check(other, cards_url=url).cases) == (30, 21)
    assert rows(url, other) == {"seg-0001": 20, "seg-0002": 1}
    build([make_case(n) for n in range(40)], ENCODER, other, keyring=keyring, cards_url=url)
    compact(other, cards_url=url)
    assert rows(url, third) == {"seg-0001": 64}
    seen: list[int] = []
    build([make_case(n) for n in range(90)], ENCODER, third, keyring=keyring, source_fingerprint="f", progress=seen.append, cards_url=url)
    assert seen == [90]
    assert [check(folder, cards_url=url).cases for folder in (one, other, third)] == [30, 40, 90]


def test_a_build_that_replaces_an_interrupted_one_leaves_nothing_of_it_in_the_database(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BLOCK", 64)
    folder = tmp_path / "library"
    with pytest.raises(Killed):
        build([make_case(n) for n in range(90)], ENCODER, folder, keyring=keyring, source_fingerprint="f", embed=dying, cards_url=url)
    begun = index_of(folder)
    build([make_case(n) for n in range(20)], ENCODER, folder, keyring=keyring, source_fingerprint="g", cards_url=url)
    assert (index_of(folder), rows(url, folder)) == (begun, {"seg-0001": 20})


def test_a_server_that_dies_once_a_generation_is_in_use_fails_nothing_and_forgets_at_the_next_change(
    tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = tmp_path / "library", str(postgres.url)
    build([make_case(n) for n in range(30)], ENCODER, folder, keyring=keyring, cards_url=url)
    remove(folder, reason="consent withdrawn", case_keys=[make_case(3).card.key], cards_url=url)

    def last_act(place: Path, sha256: str) -> Path:
        postgres.stop()
        return publish(place, sha256)

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "publish", last_act)
        info = compact(folder, cards_url=url)
    postgres.start()
    ((name, _),) = info.segments
    assert info.cards_left
    assert rows(url, folder) == {"seg-0001": 30, name: 29}
    assert check(folder, cards_url=url).cases == 29
    assert not add([make_case(40)], ENCODER, folder, keyring=keyring, cards_url=url).cards_left
    assert sorted(rows(url, folder).values()) == [1, 29]
    assert check(folder, cards_url=url).cases == 30

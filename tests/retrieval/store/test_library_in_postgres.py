"""A whole index whose cards are in PostgreSQL: it is built, resumed, grown, compacted, followed and refused as one in files is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import intake
from retrieval.build import build
from retrieval.cards import Query, SourceCase
from retrieval.embedding import Embedded, in_process
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt, IndexUnusable
from retrieval.following import Following
from retrieval.growth import add, compact, remove
from retrieval.keys import Keyring
from retrieval.library import check, open_library

ENCODER = HashEncoder(32)


@pytest.fixture
def ring(keyring: Keyring, tmp_path: Path) -> Keyring:
    """Each index in the database has a salt of its own."""
    return Keyring(keyring.secret, tmp_path.name.encode())


@pytest.fixture
def url(postgres: Any) -> str:
    return str(postgres.url)


def rows(url: str, ring: Keyring) -> dict[str, int]:
    """Cards in the database by segment."""
    import psycopg

    with psycopg.connect(url) as server:
        found = server.execute(
            "SELECT segment, count(*) FROM sidenote_cards WHERE index_id = %s GROUP BY segment", (ring.salt.hex(),)
        ).fetchall()
    return dict(found)


def asking(case: SourceCase, ring: Keyring) -> Query:
    image, text = ENCODER.images([case.image])[0], ENCODER.texts([case.card.report])[0]
    return Query(image=image, text=text, as_of=date.max, key_check=ring.check)


def test_it_answers_as_an_index_in_files_does_and_no_card_is_in_its_folder(
    tmp_path: Path, make_case: Callable[..., SourceCase], ring: Keyring, url: str
) -> None:
    cases = [make_case(n) for n in range(30)]
    info = build(cases, ENCODER, tmp_path / "postgres", keyring=ring, cards_url=url)
    build(cases, ENCODER, tmp_path / "files", keyring=ring)
    assert (info.cards, rows(url, ring)) == ("postgresql", {"seg-0001": 30})
    library = open_library(tmp_path / "postgres", ENCODER.fingerprint, cards_url=url)
    query = asking(make_case(70), ring)
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
    tmp_path: Path, make_case: Callable[..., SourceCase], ring: Keyring, url: str, change: str
) -> None:
    import psycopg

    build([make_case(n) for n in range(30)], ENCODER, tmp_path / "library", keyring=ring, cards_url=url)
    with psycopg.connect(url) as server:
        server.execute(change.encode(), (ring.salt.hex(),))
    with pytest.raises(IndexCorrupt):
        open_library(tmp_path / "library", ENCODER.fingerprint, cards_url=url)


def test_it_grows_and_what_is_removed_leaves_the_database_when_it_is_compacted(
    tmp_path: Path, make_case: Callable[..., SourceCase], ring: Keyring, url: str
) -> None:
    folder = tmp_path / "library"
    build([make_case(n) for n in range(30)], ENCODER, folder, keyring=ring, cards_url=url)
    add([make_case(n) for n in range(30, 40)], ENCODER, folder, keyring=ring, cards_url=url)
    remove(folder, reason="consent withdrawn", case_keys=[make_case(3).card.key], cards_url=url)
    assert rows(url, ring) == {"seg-0001": 30, "seg-0002": 10}
    following = Following(folder, ENCODER.fingerprint, cards_url=url, every=3600)
    query = asking(make_case(70), ring)
    assert following.search(query).searched == 39
    info = compact(folder, cards_url=url)
    (segment,) = rows(url, ring)
    assert rows(url, ring) == {segment: 39}
    result = following.search(query)  # its cards are gone, but not the index
    assert (result.generation, result.searched) == (info.sha256, 39)
    following.close()
    assert check(folder, cards_url=url).cases == 39


@pytest.mark.fault(90)
def test_an_interrupted_build_goes_on_behind_what_the_database_has(
    tmp_path: Path, make_case: Callable[..., SourceCase], ring: Keyring, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BLOCK", 64)

    class Killed(BaseException):
        """Stands for a kill."""

    def dying(batches: Any) -> Iterator[Embedded]:
        yield from islice(in_process(ENCODER)(batches), 1)
        raise Killed

    cases, folder = [make_case(n) for n in range(100)], tmp_path / "library"
    with pytest.raises(Killed):
        build(cases, ENCODER, folder, keyring=ring, source_fingerprint="f", embed=dying, cards_url=url)
    assert rows(url, ring) == {"seg-0001": 64}
    seen: list[int] = []
    build(cases, ENCODER, folder, keyring=ring, source_fingerprint="f", progress=seen.append, cards_url=url)
    assert (seen, rows(url, ring)) == ([100], {"seg-0001": 100})
    library = open_library(folder, ENCODER.fingerprint, cards_url=url)
    np.testing.assert_array_equal(library.stack.columns.image_hash, [case.card.image_hash for case in cases])
    library.close()

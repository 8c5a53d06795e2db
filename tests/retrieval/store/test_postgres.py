"""What only a server can do: not answer, refuse, come back, and keep the cards of many."""

from __future__ import annotations

import builtins
import threading
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building.build import build
from retrieval.cards import CaseCard, Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import CardsUnreachable, ExtraMissing, IndexCorrupt
from retrieval.keys import Keyring
from retrieval.library import open_library
from retrieval.store import forget_cards, open_cards, write_cards
from retrieval.store.postgres import connected


def said(error: BaseException) -> str:
    """All that a log could show of an error: its words, its causes, its arguments."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    "break_url",
    [
        pytest.param(lambda url: url.replace("correct-horse", "wrong-horse"), id="wrong password"),
        pytest.param(lambda url: url.replace("sidenote:", "nobody:"), id="unknown account"),
        pytest.param(lambda url: url.replace("/postgres?", "/missing?"), id="no such database"),
        pytest.param(lambda url: url + "-gone", id="nobody listens"),
        pytest.param(lambda url: url + "&no_such_option=correct-horse", id="a URL that is none"),
        pytest.param(lambda url: url.replace("@/", "@[/"), id="an address that is none"),
    ],
)
def test_no_error_tells_the_password(postgres: Any, break_url: Any) -> None:
    url = break_url(postgres.url)
    for use in (open_cards, write_cards, forget_cards):
        with pytest.raises(CardsUnreachable) as caught:
            use(url, "seg-0001")
        assert "horse" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "horse" not in said(caught.value)


def test_an_open_store_does_not_show_its_url(shop_in: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    store = shop_in("shown", cards, vectors)
    assert "correct-horse" not in repr(store)
    store.close()


def test_indexes_and_segments_in_one_database_do_not_mix(postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    one, other = shop_in("mixed 1", cards, vectors), shop_in("mixed 2", cards[::-1], vectors)
    assert one.card(0, vectors[0]) == cards[0]
    assert other.card(0, vectors[0]) == cards[5]
    with pytest.raises(IndexCorrupt):
        open_cards(postgres.url, "seg-0002", index="mixed 1")
    forget_cards(postgres.url, "seg-0001", index="mixed 1")
    assert other.card(5, vectors[5]) == cards[0]
    with pytest.raises(IndexCorrupt):
        one.card(0, vectors[0])
    one.close()
    other.close()


def test_a_store_connects_again_when_the_server_came_back_and_says_so_while_it_is_away(
    postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray
) -> None:
    store = shop_in("restarted", cards, vectors)
    postgres.stop()
    try:
        with pytest.raises(CardsUnreachable) as caught:
            store.card(0, vectors[0])
        assert "horse" not in said(caught.value)
    finally:
        postgres.start()
    assert store.card(0, vectors[0]) == cards[0]
    store.close()


def test_a_connection_that_was_cut_meanwhile_is_made_again(postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    store = shop_in("cut", cards, vectors)
    with connected(postgres.url) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND usename IS NOT NULL")
    assert store.card(2, vectors[2]) == cards[2]
    store.close()


def test_nothing_can_be_written_through_an_open_store(postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    import psycopg

    store = shop_in("read only", cards, vectors)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        store._connection.execute("DELETE FROM sidenote_cards")
    store.close()


def test_a_server_that_does_not_let_the_program_read_is_no_damaged_index(
    postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray
) -> None:
    shop_in("forbidden", cards, vectors).close()
    with connected(postgres.url) as server:
        server.execute("CREATE ROLE stranger LOGIN PASSWORD 'correct-horse'")
    with pytest.raises(CardsUnreachable):
        open_cards(postgres.url.replace("sidenote:", "stranger:"), "seg-0001", index="forbidden")


def test_a_digest_that_stops_at_a_gap_does_not_hold_the_connection(
    postgres: Any, shop_in: Any, cards: list[CaseCard], vectors: np.ndarray
) -> None:
    store = shop_in("gap", cards, vectors)
    with connected(postgres.url) as other:
        other.execute("DELETE FROM sidenote_cards WHERE row = 1 AND index_id = 'gap'")
    with pytest.raises(IndexCorrupt):
        store.digest()
    assert store.card(2, vectors[2]) == cards[2]
    store.close()


def test_segments_may_be_begun_at_once_in_an_empty_database(postgres: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    with connected(postgres.url, read_only=False) as server:
        server.execute("DROP TABLE IF EXISTS sidenote_cards, sidenote_card_segments")
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            writer = write_cards(postgres.url, f"seg-{number:04d}", index="at once")
            writer.add(cards, vectors)
            writer.finish()
        except Exception as error:  # noqa: BLE001 - the test says which
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    for number in range(6):
        store = open_cards(postgres.url, f"seg-{number:04d}", index="at once")
        assert store.count == 6
        store.close()


def test_without_psycopg_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("psycopg"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtraMissing, match=r"sidenote\[postgres\]"):
        write_cards("postgresql://me:hunter2@db/cards", "seg-0001")


@pytest.fixture
def shop_in(postgres: Any) -> Any:
    """`shop_in(index, cards, vectors)`: a finished segment, opened."""

    def made(index: str, cards: list[CaseCard], vectors: np.ndarray) -> Any:
        writer = write_cards(postgres.url, "seg-0001", index=index)
        writer.add(cards, vectors)
        writer.finish()
        return open_cards(postgres.url, "seg-0001", index=index)

    return made


@pytest.mark.fault(83)
def test_an_edit_in_the_database_is_noticed_by_a_library_that_is_open(
    postgres: Any, tmp_path: Path, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    encoder = HashEncoder(32)
    build([make_case(number) for number in range(60)], encoder, tmp_path / "library", keyring=keyring, cards_url=postgres.url)
    library = open_library(tmp_path / "library", encoder.fingerprint, cards_url=postgres.url)
    row = library.stack.vectors(np.array([7]))[0]
    query = Query(row[:32], row[32:], date(2030, 1, 1), key_check=keyring.check)
    assert library.search(query).neighbours[0].distance == 0
    with connected(postgres.url) as server:
        ours = (library.manifest.cards_index,)
        server.execute("UPDATE sidenote_cards SET report = 'of somebody else' WHERE row = 7 AND index_id = %s", ours)
    with pytest.raises(IndexCorrupt):
        library.search(query)
    library.close()

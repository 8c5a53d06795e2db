"""What both places promise: a card is given out only with the vector it was written with, and a kill leaves nothing half."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.cards import CaseCard
from retrieval.errors import BadCase, IndexBusy, IndexCorrupt, IndexUnusable
from retrieval.store import open_cards
from retrieval.store.row import NAMES, row_hash, values_of

ROOT = Path(__file__).parents[3]


def test_cards_come_back_as_they_were_written(full: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    store = full.open()
    assert [store.card(row, vectors[row]) for row in range(6)] == cards
    assert store.count == 6
    store.close()


def test_every_field_of_a_card_is_kept() -> None:
    assert set(NAMES) == {field.name for field in fields(CaseCard)}


@pytest.mark.fault(83)
def test_vectors_one_row_out_of_step_are_noticed_on_the_first_hit(full: Any, vectors: np.ndarray) -> None:
    store = full.open()
    for row in range(5):
        with pytest.raises(IndexCorrupt):
            store.card(row, vectors[row + 1])
    store.close()


@pytest.mark.fault(83)
def test_a_card_that_was_edited_in_any_one_column_is_refused(shop: Any, cards: list[CaseCard]) -> None:
    columns = [*NAMES, "row_hash"]
    vectors = np.eye(len(columns) + 1, dtype=np.float32)
    writer = shop.write()
    writer.add([cards[row % 6] for row in range(len(columns) + 1)], vectors)
    writer.finish()
    for row, name in enumerate(columns):
        shop.change(f"UPDATE CARDS SET {name} = ? WHERE row = {row} AND OURS", b"\x01" if name == "thumbnail_png" else "2020-01-01")
    store = shop.open()
    for row in range(len(columns)):
        with pytest.raises(IndexCorrupt):
            store.card(row, vectors[row])
    assert store.card(len(columns), vectors[-1])
    store.close()


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([f"UPDATE CARDS SET row = {to} WHERE row = {row} AND OURS" for row, to in ((2, 99), (3, 2), (99, 3))], id="swapped"),
        pytest.param([f"UPDATE CARDS SET row = {row + 1} WHERE row = {row} AND OURS" for row in range(5, -1, -1)], id="shifted by one"),
        pytest.param(["DELETE FROM CARDS WHERE row = 2 AND OURS"], id="deleted"),
        pytest.param(["UPDATE CARDS SET outcome = NULL WHERE row = 2 AND OURS"], id="emptied"),
    ],
)
def test_swapped_shifted_and_missing_cards_are_refused(full: Any, vectors: np.ndarray, changes: list[str]) -> None:
    for change in changes:
        full.change(change)
    store = full.open()
    with pytest.raises(IndexCorrupt):
        store.card(2, vectors[2])
    store.close()


@pytest.mark.fault(83)
def test_a_row_that_is_not_there_is_refused(full: Any, vectors: np.ndarray) -> None:
    store = full.open()
    for row in (-1, 6, 2**40):
        with pytest.raises(IndexCorrupt):
            store.card(row, vectors[0])
    store.close()


def test_the_digest_is_over_the_row_hashes_alone_and_notices_any_edit_of_one(full: Any) -> None:
    def digest() -> str:
        store = full.open()
        try:
            return str(store.digest())
        finally:
            store.close()

    before = digest()
    full.change("UPDATE CARDS SET row_hash = ? WHERE row = 5 AND OURS", "0" * 64)
    assert digest() != before
    full.change("DELETE FROM CARDS WHERE row = 4 AND OURS")
    with pytest.raises(IndexCorrupt):
        digest()


@pytest.mark.parametrize("sizes", [(6,), (1, 5), (2, 0, 4)])
def test_the_digest_does_not_depend_on_the_place_or_on_how_the_cards_came(
    shop: Any, cards: list[CaseCard], vectors: np.ndarray, sizes: tuple[int, ...]
) -> None:
    writer, start = shop.write(), 0
    for size in sizes:
        writer.add(cards[start : start + size], vectors[start : start + size])
        writer.commit(b"note")
        start += size
    writer.finish()
    store = shop.open()
    hashes = [row_hash(row, values_of(card), vectors[row]) for row, card in enumerate(cards)]
    assert store.digest() == hashlib.sha256("".join(f"{each}\n" for each in hashes).encode()).hexdigest()
    store.close()


def test_a_writer_that_is_opened_again_goes_on_behind_its_last_commit(shop: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    writer = shop.write()
    assert (writer.rows, writer.note()) == (0, None)
    writer.add(cards[:3], vectors[:3])
    writer.commit(b"three")
    writer.add(cards[3:4], vectors[3:4])
    writer.abandon()
    writer = shop.write()
    assert (writer.rows, writer.note()) == (3, b"three")
    writer.add(cards[3:], vectors[3:])
    writer.commit(b"six")
    assert writer.note() == b"six"
    writer.finish()
    store = shop.open()
    assert [store.card(row, vectors[row]) for row in range(6)] == cards
    store.close()


KILLED = """
import json, sys, numpy as np
from pathlib import Path
from datetime import date
from retrieval.cards import CaseCard
from retrieval.store import write_cards
place, index, commits = json.loads(sys.argv[1])
key = "0" * 32
card = CaseCard(key, key, key, date(2020, 1, 1), "CR", "CHEST", "PA", "60-69", "male", (), "report", key, 0, 0, "consent", "licence",
                thumbnail_png=bytes(100_000))
writer = write_cards(place if "://" in place else Path(place), "seg-0001", index=index)
for number in range(commits):
    writer.add([card] * 40, np.zeros((40, 6), np.float32))
    writer.commit(b"%d" % number)
writer.add([card] * 40, np.zeros((40, 6), np.float32))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.fault(90)
@pytest.mark.parametrize("commits", [0, 2])
def test_a_killed_writer_leaves_what_it_committed_and_nothing_half(shop: Any, commits: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, json.dumps([str(shop.place), shop.index, commits])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with pytest.raises(IndexCorrupt, match="not finished"):
        shop.open()
    writer = _reopened(shop)
    assert (writer.rows, writer.note()) == ((80, b"1") if commits else (0, None))
    writer.finish()
    store = shop.open()
    assert store.count == 40 * commits
    assert len(store.digest()) == 64
    store.close()


def _reopened(shop: Any) -> Any:
    """A server notices within moments, not at once, that a writer has died."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return shop.write()
        except IndexBusy:
            signal.sigtimedwait([], 0.02)
    return shop.write()


def test_two_do_not_write_one_segment(shop: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    writer = shop.write()
    writer.add(cards[:1], vectors[:1])
    with pytest.raises(IndexBusy):
        shop.write()
    writer.commit(b"")
    writer.abandon()
    shop.write().abandon()


def test_finished_cards_are_not_written_on(full: Any) -> None:
    with pytest.raises(IndexCorrupt, match="finished already"):
        full.write()


def test_cards_that_were_never_written_are_not_opened(shop: Any) -> None:
    with pytest.raises(IndexCorrupt):
        shop.open()


def test_forgotten_cards_are_gone_and_may_be_written_anew(full: Any) -> None:
    full.forget()
    full.forget()
    with pytest.raises(IndexCorrupt):
        full.open()
    writer = full.write()
    assert writer.rows == 0
    writer.abandon()


def test_abandoning_after_finishing_changes_nothing(shop: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    writer = shop.write()
    writer.add(cards, vectors)
    writer.finish()
    writer.abandon()
    store = shop.open()
    assert store.count == 6
    store.close()


@pytest.mark.parametrize("text", ["a\0b", "half of a pair \ud83d"])
def test_text_that_a_database_would_refuse_or_cut_is_refused_and_nothing_is_added(
    shop: Any, cards: list[CaseCard], vectors: np.ndarray, text: str
) -> None:
    writer = shop.write()
    with pytest.raises(BadCase):
        writer.add([cards[0], replace(cards[1], report=text)], vectors[:2])
    assert writer.rows == 0
    writer.add(cards, vectors)
    writer.finish()
    store = shop.open()
    assert store.count == 6
    store.close()


def test_cards_and_vectors_that_are_not_equally_many_are_not_written(shop: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    writer = shop.write()
    with pytest.raises(ValueError, match=r"shorter|longer"):
        writer.add(cards, vectors[:5])
    assert writer.rows == 0
    writer.abandon()


def test_several_threads_read_at_once(full: Any, cards: list[CaseCard], vectors: np.ndarray) -> None:
    store = full.open()
    rows = [row % 6 for row in range(300)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda row: store.card(row, vectors[row]), rows)) == [cards[row] for row in rows]
    store.close()


def test_a_place_that_is_neither_a_folder_nor_a_url_is_refused() -> None:
    with pytest.raises(IndexUnusable) as caught:
        open_cards("mysql://me:hunter2@db/cards", "seg-0001")
    assert "hunter2" not in str(caught.value)

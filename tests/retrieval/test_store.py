"""A card is given out only with the vector it was written with."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.errors import IndexCorrupt
from retrieval.store import CardStore, CardWriter, thumbnail

VECTORS = np.eye(6, dtype=np.float32)


@pytest.fixture
def cards(make_case: Callable[..., SourceCase]) -> list[CaseCard]:
    return [make_case(n, outcome="died" if n else None, thumbnail_png=b"png", image_hash=2**64 - 1 - n).card for n in range(6)]


@pytest.fixture
def path(tmp_path: Path, cards: list[CaseCard]) -> Path:
    writer = CardWriter(tmp_path / "cards.sqlite")
    writer.add(cards, VECTORS)
    writer.finish()
    return tmp_path / "cards.sqlite"


def test_cards_come_back_as_they_were_written(path: Path, cards: list[CaseCard]) -> None:
    store = CardStore(path)
    assert [store.card(row, VECTORS[row]) for row in range(6)] == cards
    columns = store.columns()
    assert columns.person.tolist() == [card.person for card in cards]
    assert columns.image_hash.tolist() == [card.image_hash for card in cards]


@pytest.mark.fault(83)
def test_vectors_one_row_out_of_step_are_noticed_on_the_first_hit(path: Path) -> None:
    store = CardStore(path)
    for row in range(5):
        with pytest.raises(IndexCorrupt):
            store.card(row, VECTORS[row + 1])


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE cards SET report = 'another text' WHERE row = 2",
        "UPDATE cards SET thumbnail_png = x'00' WHERE row = 2",
        "UPDATE cards SET outcome = NULL WHERE row = 2",
        "UPDATE cards SET (report, row_hash) = (SELECT report, row_hash FROM cards WHERE row = 3) WHERE row = 2",
        "DELETE FROM cards WHERE row = 2",
    ],
)
def test_a_changed_swapped_or_missing_card_is_refused(path: Path, change: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    with pytest.raises(IndexCorrupt):
        CardStore(path).card(2, VECTORS[2])


def test_a_gap_in_the_rows_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM cards WHERE row = 2")
    with pytest.raises(IndexCorrupt):
        CardStore(path).columns()


def test_the_same_cards_give_the_same_bytes(path: Path, tmp_path: Path, cards: list[CaseCard]) -> None:
    writer = CardWriter(tmp_path / "again.sqlite")
    writer.add(cards, VECTORS)
    writer.finish()
    assert (tmp_path / "again.sqlite").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("shape", [(512, 512), (700, 300), (40, 60)])
def test_a_thumbnail_is_a_small_grey_png(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    picture = Image.open(io.BytesIO(thumbnail(image)))
    assert (picture.format, picture.mode) == ("PNG", "L")
    assert max(picture.size) <= 128
    assert abs(picture.width / picture.height - shape[1] / shape[0]) < 0.05


def test_findings_keep_their_sides(tmp_path: Path, make_case: Callable[..., SourceCase]) -> None:
    card = make_case(1, findings=(CaseFinding("nodule", "right"), CaseFinding("cardiomegaly"))).card
    writer = CardWriter(tmp_path / "cards.sqlite")
    writer.add([card], VECTORS[:1])
    writer.finish()
    assert CardStore(tmp_path / "cards.sqlite").card(0, VECTORS[0]).findings == card.findings

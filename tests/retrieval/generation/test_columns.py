"""Columns of all cases, by row: made, written, read, put together, looked up."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.errors import IndexCorrupt
from retrieval.generation.columns import Coded, Columns, Lookup, concatenate, finding_set
from retrieval.keys import word
from retrieval.searching.variety import Trait

CODED = ("modality", "body_part", "view", "age_band", "sex", "site", "licence")


@pytest.fixture
def cards(make_case: Callable[..., SourceCase]) -> list[CaseCard]:
    """Cards of which some have linked identifiers, no finding, or a word the others have not."""
    two = (CaseFinding("nodule", "right"), CaseFinding("nodule", "left"), CaseFinding("cardiomegaly"))
    changes: dict[int, dict[str, Any]] = {
        1: {"linked": ("a" * 32, "b" * 32)},
        3: {"findings": two, "site": "a, \0 and \u00e9", "image_hash": 2**64 - 1},
        4: {"findings": (), "linked": ("a" * 32,), "report_sketch": 0},
    }
    return [make_case(n, **changes.get(n, {})).card for n in range(7)]


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    """Every row's values, so that columns can be compared."""
    made = []
    for row in range(columns.cases):
        values = {field.name: getattr(columns, field.name) for field in fields(columns)}
        here: dict[str, Any] = {"linked": sorted(values.pop("linked_key")[values.pop("linked_row") == row].tolist())}
        made.append(here | {name: value.at(row) if isinstance(value, Coded) else int(value[row]) for name, value in values.items()})
    return made


def loaded(columns: Columns, folder: Path) -> Columns:
    columns.save(folder / "columns.npz")
    return Columns.load((folder / "columns.npz").read_bytes())


def test_columns_say_of_each_row_what_its_card_says(cards: list[CaseCard]) -> None:
    for row, card in zip(rows_of(Columns.of(cards)), cards, strict=True):
        for name, key in (("key", card.key), ("person", card.person), ("study", card.study), ("report", card.report_hash)):
            assert row[name] == word(key) == int(key[:16], 16)
        assert row["linked"] == sorted(word(key) for key in card.linked)
        assert (row["image_hash"], row["sketch"], row["as_of"]) == (card.image_hash, card.report_sketch, card.as_of.toordinal())
        assert [row[name] for name in CODED] == [getattr(card, name) for name in CODED]
        assert row["findings"] == finding_set(card)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [((), ""), ((CaseFinding("nodule"),), "nodule"), ((CaseFinding("b"), CaseFinding("a", "left"), CaseFinding("a", "right")), "a,b")],
)
def test_findings_are_a_set_in_words(make_case: Callable[..., SourceCase], findings: tuple[CaseFinding, ...], expected: str) -> None:
    assert finding_set(make_case(1, findings=findings).card) == expected


def test_columns_come_back_from_their_file(cards: list[CaseCard], tmp_path: Path) -> None:
    columns = Columns.of(cards)
    assert rows_of(loaded(columns, tmp_path)) == rows_of(columns)
    none = Columns.of([])
    assert (loaded(none, tmp_path).cases, rows_of(none)) == (0, [])


def test_equal_columns_are_equal_bytes_without_a_date(cards: list[CaseCard], tmp_path: Path) -> None:
    Columns.of(cards).save(tmp_path / "one.npz")
    Columns.of(list(cards)).save(tmp_path / "other.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("sizes", [(7,), (0, 7), (3, 4), (1, 0, 2, 4), (0, 0, 7, 0)])
def test_segments_put_together_are_the_columns_of_all_their_cards(cards: list[CaseCard], sizes: tuple[int, ...]) -> None:
    ends = np.cumsum(sizes).tolist()
    parts = [Columns.of(cards[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    assert rows_of(concatenate(parts)) == rows_of(Columns.of(cards))


def test_no_segment_at_all_is_no_case() -> None:
    assert concatenate([]).cases == 0


def test_a_key_that_is_none_is_refused(cards: list[CaseCard]) -> None:
    for name in ("key", "person", "study", "report_hash"):
        with pytest.raises(ValueError, match="no salted hash"):
            Columns.of([replace(cards[0], **{name: "patient 17"})])
    with pytest.raises(ValueError, match="no salted hash"):
        Columns.of([replace(cards[0], linked=("a" * 31,))])


@pytest.mark.fault(84)
def test_a_person_is_found_by_any_identifier(cards: list[CaseCard]) -> None:
    columns = Columns.of(cards)
    assert columns.by_person.rows([word(cards[2].person)]).tolist() == [2, 3]
    assert columns.by_person.rows([word("a" * 32)]).tolist() == [1, 4]
    assert columns.by_person.rows([word("a" * 32), word("b" * 32), word(cards[2].person), word("f" * 32)]).tolist() == [1, 2, 3, 4]
    assert columns.by_person.rows([]).tolist() == []
    assert columns.by_key.rows([word(cards[5].key)]).tolist() == [5]
    assert columns.by_study.rows([word(cards[6].study)]).tolist() == [6]
    assert columns.by_report.rows([word(cards[0].report_hash)]).tolist() == [0]


@given(keys=st.lists(st.integers(0, 9)), asked=st.lists(st.integers(0, 12)))
def test_a_lookup_finds_what_a_comparison_of_all_finds(keys: list[int], asked: list[int]) -> None:
    lookup = Lookup.of(np.array([key << 60 for key in keys], dtype=np.uint64))
    assert lookup.rows(key << 60 for key in asked).tolist() == [row for row, key in enumerate(keys) if key in asked]


@given(words=st.lists(st.sampled_from(["PA", "AP", "", "\u00e9"])), wanted=st.frozensets(st.sampled_from(["PA", "AP", "", "none of them"])))
def test_what_is_unwanted_is_what_a_comparison_of_all_finds(words: list[str], wanted: frozenset[str]) -> None:
    column = Coded.of(words)
    assert column.unwanted(wanted).tolist() == [each not in wanted for each in words]
    assert [column.at(row) for row in range(len(words))] == words


def test_traits_are_what_variety_looks_at(cards: list[CaseCard]) -> None:
    (trait,) = Columns.of(cards).traits(np.array([3]))
    assert trait == Trait(word(cards[3].report_hash), 2**64 - 1, "cardiomegaly,nodule", cards[3].report_sketch)


def test_the_last_day_is_the_latest(cards: list[CaseCard]) -> None:
    assert Columns.of(cards[::-1]).last_day == max(card.as_of for card in cards).toordinal()
    assert Columns.of([]).last_day == 0


def arrays_of(columns: Columns, folder: Path) -> dict[str, np.ndarray]:
    columns.save(folder / "columns.npz")
    with np.load(folder / "columns.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"person": None}, id="a column is missing"),
        pytest.param({"findings_values": None}, id="words are missing"),
        pytest.param({"more": np.zeros(7, np.uint64)}, id="a column too many"),
        pytest.param({"person": np.zeros(6, np.uint64)}, id="a column is short"),
        pytest.param({"person": np.zeros((7, 1), np.uint64)}, id="a column has two dimensions"),
        pytest.param({"key": np.uint64(1)}, id="a column has none"),
        pytest.param({"person": np.zeros(7, np.int64)}, id="a column of another kind"),
        pytest.param({"as_of": np.zeros(7, np.int64)}, id="days of another kind"),
        pytest.param({"view": np.zeros(7, np.int64)}, id="codes of another kind"),
        pytest.param({"view": np.full(7, 2, np.int32)}, id="a code without a word"),
        pytest.param({"view": np.full(7, -1, np.int32)}, id="a negative code"),
        pytest.param({"view_values": np.frombuffer(b'{"PA": 1}', np.uint8)}, id="words are no list"),
        pytest.param({"view_values": np.frombuffer(b"[1, 2]", np.uint8)}, id="words are numbers"),
        pytest.param({"view_values": np.frombuffer(b"[", np.uint8)}, id="words are no JSON"),
        pytest.param({"linked_row": np.array([1, 1, 7])}, id="a linked identifier of no row"),
        pytest.param({"linked_row": np.array([1, -1, 4])}, id="a linked identifier of a negative row"),
        pytest.param({"linked_row": np.array([1])}, id="linked identifiers without rows"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(cards: list[CaseCard], tmp_path: Path, change: dict[str, Any]) -> None:
    arrays = arrays_of(Columns.of(cards), tmp_path)
    assert Columns.load(packed(arrays)).cases == 7
    changed = {name: value for name, value in (arrays | change).items() if value is not None}
    with pytest.raises(IndexCorrupt):
        Columns.load(packed(changed))


@pytest.mark.fault(82)
@pytest.mark.parametrize("name", ["key", "view", "view_values", "more"])
def test_a_member_that_is_no_array_is_refused(cards: list[CaseCard], tmp_path: Path, name: str) -> None:
    arrays = arrays_of(Columns.of(cards), tmp_path)
    arrays.pop(name, None)
    whole = io.BytesIO(packed(arrays))
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr(f"{name}.npy", b"no array")
    with pytest.raises(IndexCorrupt):
        Columns.load(whole.getvalue())


def npy_header(count: int) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<u8", "fortran_order": False, "shape": (count,)})
    return out.getvalue()


@pytest.mark.fault(82)
def test_columns_that_claim_more_than_they_hold_take_no_memory() -> None:
    packed_small = io.BytesIO()
    with zipfile.ZipFile(packed_small, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("key.npy", npy_header(5_000_000) + bytes(40_000_000))
    claims = io.BytesIO()
    with zipfile.ZipFile(claims, "w") as archive:
        archive.writestr("key.npy", npy_header(10**14))
    with pytest.raises(IndexCorrupt):
        Columns.load(claims.getvalue())
    tracemalloc.start()
    try:
        with pytest.raises(IndexCorrupt):
            Columns.load(packed_small.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_prepared_columns_have_sorted_what_a_search_looks_up(cards: list[CaseCard]) -> None:
    columns = Columns.of(cards)
    assert not {"by_person", "sketches"} & vars(columns).keys()
    columns.prepare()
    assert {"by_person", "by_study", "by_report", "images", "sketches", "last_day"} <= vars(columns).keys()


@pytest.mark.fault(86)
def test_a_pickle_among_the_columns_is_refused_and_not_run(cards: list[CaseCard], tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    arrays = arrays_of(Columns.of(cards), tmp_path)
    pickled = np.empty(1, dtype=object)
    pickled[0] = Runs()
    for name in ("person", "view_values", "more"):
        with pytest.raises(IndexCorrupt):
            Columns.load(packed(arrays | {name: pickled}))
    assert not (tmp_path / "ran").exists()


@pytest.mark.fault(82)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_are_columns_and_raise_nothing_else(data: st.DataObject, whole: bytes) -> None:
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for place in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=4)):
        if damaged:
            damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert Columns.load(bytes(damaged)).cases >= 0
    except IndexCorrupt:
        assert bytes(damaged) != whole


@pytest.fixture(scope="session")
def whole(make_case: Callable[..., SourceCase], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("columns") / "columns.npz"
    Columns.of([make_case(n).card for n in range(4)]).save(path)
    assert zipfile.is_zipfile(path)
    return path.read_bytes()

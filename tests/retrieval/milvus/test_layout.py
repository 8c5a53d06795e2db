"""A case as a record and back, and a seal that is whole or refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import SourceCase
from retrieval.errors import BadCase, IndexCorrupt, OtherSchema
from retrieval.generation.columns import Columns
from retrieval.generation.manifest import SCHEMA_VERSION
from retrieval.milvus.layout import CODED, LAYOUT, Seal, card_of, digest, number, read_seal, record, seal_rows, signed, unsigned, words

VECTOR = np.linspace(-1, 1, 64, dtype=np.float32)
CODES = dict.fromkeys(CODED, 0)


@pytest.fixture
def seal() -> Seal:
    return Seal(
        layout=LAYOUT,
        schema_version=SCHEMA_VERSION,
        generation="a" * 64,
        manifest="{}",
        cases=3,
        digest="b" * 64,
        linked=False,
        exact=True,
        values={name: ("one", 'two "quoted" \\ é') for name in CODED},
    )


def test_a_card_survives_its_record(make_case: Callable[..., SourceCase]) -> None:
    card = replace(make_case(3).card, thumbnail_png=b"\x00\xff" * 9, linked=("0" * 32,), outcome=None, report='A "quoted" \\ report — β\n')
    assert card_of(5, record(5, card, VECTOR, CODES)) == card


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    "change",
    [
        {"card": "[]"}, {"card": "{}"}, {"card": "null"}, {"card": ""}, {"thumbnail": "AAAA"}, {"thumbnail": "é"}, {"row_hash": "0" * 64},
        {"vector": VECTOR[::-1]}, {"vector": VECTOR[:-1]}, {"vector": ["x"]}, {"vector": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_that_was_changed_is_no_card(make_case: Callable[..., SourceCase], change: dict[str, Any]) -> None:
    made = record(5, make_case(3).card, VECTOR, CODES)
    with pytest.raises(IndexCorrupt):
        card_of(5, {**made, **change})
    with pytest.raises(IndexCorrupt):
        card_of(6, made)


def test_a_report_longer_than_milvus_keeps_is_refused_before_it_is_sent(make_case: Callable[..., SourceCase]) -> None:
    card = make_case(3).card
    assert len(record(0, replace(card, report="x" * 60_000), VECTOR, CODES)["card"]) > 60_000
    with pytest.raises(BadCase, match="longer than Milvus keeps"):
        record(0, replace(card, report="é" * 40_000), VECTOR, CODES)


@given(st.integers(0, 2**64 - 1))
def test_sixty_four_bits_survive_a_signed_field(bits: int) -> None:
    assert -(2**63) <= signed(bits) < 2**63
    assert unsigned(signed(bits)) == bits


@given(st.integers(0, 2**64 - 1))
def test_a_key_is_a_number_without_a_sign(first: int) -> None:
    assert 0 <= number(f"{first:016x}" + "0" * 16) < 2**63


def test_the_words_of_every_coded_column_are_kept(make_case: Callable[..., SourceCase]) -> None:
    columns = Columns.of([make_case(n).card for n in range(9)])
    assert words(columns)["modality"] == ("CR", "DX")
    assert set(words(columns)) == set(CODED)


def test_a_digest_tells_orders_and_rows_apart() -> None:
    one, other = "1" * 64, "2" * 64
    assert len({digest([(0, one), (1, other)]), digest([(0, other), (1, one)]), digest([(0, one), (2, other)]), digest([])}) == 4


def test_a_long_seal_is_cut_and_read_whatever_the_order(seal: Seal) -> None:
    long = seal.model_copy(update={"values": {**seal.values, "findings": tuple(f"finding {n}" for n in range(9_000))}})
    rows, sha256 = seal_rows(long, 64)
    assert len(rows) > 2
    assert all(len(row["card"].encode()) <= 65_535 and row["row"] < 0 for row in rows)
    assert read_seal(reversed(rows)) == (long, sha256)


@pytest.mark.parametrize("kept", [slice(0, 0), slice(1, None), slice(0, -1)])
@pytest.mark.fault(82)
def test_a_seal_that_is_missing_or_cut_short_is_refused(seal: Seal, kept: slice) -> None:
    rows, _ = seal_rows(seal.model_copy(update={"manifest": "x" * 150_000}), 64)
    with pytest.raises(IndexCorrupt, match="not sealed"):
        read_seal(rows[kept])


@pytest.mark.fault(82)
def test_every_changed_character_of_a_seal_is_refused(seal: Seal) -> None:
    ((row,), _) = (seal_rows(seal, 64)[0], None)
    for place in range(0, len(row["card"]), 7):
        text = row["card"]
        other = "x" if text[place] != "x" else "y"
        with pytest.raises(IndexCorrupt):
            read_seal([{**row, "card": text[:place] + other + text[place + 1 :]}])


@pytest.mark.parametrize("version", [{"layout": LAYOUT + 1}, {"schema_version": SCHEMA_VERSION + 1}, {"schema_version": 1}])
def test_a_seal_of_another_version_says_so(seal: Seal, version: dict[str, int]) -> None:
    rows, _ = seal_rows(seal.model_copy(update=version), 64)
    with pytest.raises(OtherSchema):
        read_seal(rows)


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "{", "", json.dumps({"layout": LAYOUT, "schema_version": SCHEMA_VERSION})])
def test_a_seal_that_is_none_is_refused_though_its_hash_is_right(seal: Seal, text: str) -> None:
    (row,) = seal_rows(seal, 64)[0]
    with pytest.raises(IndexCorrupt):
        read_seal([{**row, "card": text, "row_hash": hashlib.sha256(text.encode()).hexdigest()}])


def test_a_manifest_of_another_generation_is_refused(seal: Seal) -> None:
    with pytest.raises(IndexCorrupt, match="not the generation's"):
        seal.opened()

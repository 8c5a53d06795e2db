"""Which rows a query may find, decided before any distance."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import Query
from retrieval.exclusions import eligible
from retrieval.store import Columns

COLUMNS = Columns(
    person=np.array(["p0", "p0", "p1", "p2"]),
    study=np.array(["s0", "s1", "s2", "s3"]),
    as_of=np.array([date(2020, 1, day).toordinal() for day in (1, 2, 3, 4)]),
    modality=np.array(["DX", "DX", "CR", "DX"]),
    view=np.array(["PA", "AP", "PA", "PA"]),
    report_hash=np.array(["r0", "r1", "r1", "r3"]),
    image_hash=np.array([0, 0b111, 2**64 - 1, 0b111111 << 58], dtype=np.uint64),
)


def ask(bits: int = 5, **fields: Any) -> tuple[list[int], dict[str, int]]:
    found = eligible(COLUMNS, Query(image=None, text=None, **{"as_of": date(2030, 1, 1), **fields}), bits)
    return np.flatnonzero(found.keep).tolist(), dict(found.excluded)


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("fields", "kept", "excluded"),
    [
        ({}, [0, 1, 2, 3], {}),
        ({"persons": frozenset({"p0"})}, [2, 3], {"same person": 2}),
        ({"persons": frozenset({"p0", "p2", "nobody"})}, [2], {"same person": 3}),
        ({"persons": frozenset({"p"})}, [0, 1, 2, 3], {}),
        ({"studies": frozenset({"s3"})}, [0, 1, 2], {"same study": 1}),
        ({"image_hash": 0}, [2, 3], {"near-duplicate image": 2}),
        ({"image_hash": 2**64 - 1}, [0, 1, 3], {"near-duplicate image": 1}),
        ({"report_hash": "r1"}, [0, 3], {"equal report": 2}),
        ({"as_of": date(2020, 1, 2)}, [0, 1], {"later date": 2}),
        ({"modality": "CR"}, [2], {"other modality": 3}),
        ({"view": "AP"}, [1], {"other view": 3}),
        ({"as_of": date(2000, 1, 1)}, [], {"later date": 4}),
    ],
)
def test_leaves_out_what_leaks_and_what_was_filtered(fields: dict[str, Any], kept: list[int], excluded: dict[str, int]) -> None:
    assert ask(**fields) == (kept, excluded)


@pytest.mark.parametrize(("bits", "kept"), [(0, [1, 2, 3]), (2, [1, 2, 3]), (3, [2, 3]), (6, [2]), (64, [])])
def test_an_image_is_near_up_to_the_stated_number_of_bits(bits: int, kept: list[int]) -> None:
    assert ask(bits, image_hash=0)[0] == kept


def test_a_row_counts_under_the_first_reason_that_hit_it() -> None:
    kept, excluded = ask(persons=frozenset({"p0"}), studies=frozenset({"s0", "s2"}), modality="CR")
    assert kept == []
    assert excluded == {"same person": 2, "same study": 1, "other modality": 1}


@given(
    st.frozensets(st.sampled_from(["p0", "p1", "p2"])),
    st.frozensets(st.sampled_from(["s0", "s1", "s2", "s3"])),
    st.sampled_from([None, 0, 7, 2**64 - 1]),
    st.sampled_from([None, "r0", "r1"]),
    st.dates(date(2019, 12, 30), date(2020, 1, 6)),
)
def test_every_row_is_kept_or_counted_once(
    persons: frozenset[str], studies: frozenset[str], image_hash: int | None, report_hash: str | None, as_of: date
) -> None:
    kept, excluded = ask(persons=persons, studies=studies, image_hash=image_hash, report_hash=report_hash, as_of=as_of)
    assert len(kept) + sum(excluded.values()) == 4
    assert all(COLUMNS.person[row] not in persons and COLUMNS.study[row] not in studies for row in kept)
    assert all(COLUMNS.as_of[row] <= as_of.toordinal() for row in kept)

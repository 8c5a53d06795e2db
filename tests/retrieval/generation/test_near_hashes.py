"""Near hashes among many: the same rows as a comparison of all, however the hashes lie."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.generation.near_hashes import NearHashes


def compared(hashes: list[int], one: int, bits: int, without: int | None = None) -> list[int]:
    return [row for row, each in enumerate(hashes) if each != without and bin(each ^ one).count("1") <= bits]


def around(one: int, rng: random.Random, count: int) -> list[int]:
    """Hashes that differ from `one` in 0 to 14 bits, anywhere."""
    return [one ^ sum(1 << bit for bit in rng.sample(range(64), rng.randint(0, 14))) for _ in range(count)]


@pytest.fixture(scope="session")
def crowd() -> np.ndarray:
    """So many hashes that they are prepared, not scanned."""
    return np.random.default_rng(0).integers(0, 2**64, 20_000, dtype=np.uint64)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), one=st.integers(0, 2**64 - 1), bits=st.integers(0, 14), many=st.sampled_from([0, 5, 20_000]))
def test_no_near_hash_is_missed_and_no_other_is_found(crowd: np.ndarray, seed: int, one: int, bits: int, many: int) -> None:
    near = around(one, random.Random(seed), 40)
    hashes = np.concatenate((np.array(near, np.uint64), crowd[:many], np.array([one], np.uint64)))
    found = NearHashes.of(hashes).within(one, bits)
    others = [row for row in found.tolist() if 40 <= row < 40 + many]
    assert [row for row in found.tolist() if row not in others] == [*compared(near, one, bits), 40 + many]
    assert others == (np.flatnonzero(np.bitwise_count(crowd[:many] ^ np.uint64(one)) <= bits) + 40).tolist()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), bits=st.integers(0, 14), many=st.sampled_from([0, 20_000]))
def test_a_row_without_a_hash_is_never_found(crowd: np.ndarray, seed: int, bits: int, many: int) -> None:
    near = [*around(0, random.Random(seed), 30), *[0] * 10]
    hashes = np.concatenate((np.array(near, np.uint64), crowd[:many]))
    found = NearHashes.of(hashes, without=0).within(0b1, bits)
    assert found[found < 40].tolist() == compared(near, 0b1, bits, without=0)


@pytest.mark.parametrize("bits", [0, 3, 4, 5, 7, 8, 11, 12, 63, 64])
def test_bits_may_differ_all_in_one_block_or_spread_over_all(bits: int) -> None:
    heaped = (1 << bits) - 1
    spread = sum(1 << (16 * (place % 4) + place // 4) for place in range(bits))
    hashes = NearHashes.of(np.array([heaped, spread, *range(1 << 40, (1 << 40) + 20_000)], np.uint64))
    assert {0, 1} <= set(hashes.within(0, bits).tolist())
    assert not bits or not {0, 1} & set(hashes.within(0, bits - 1).tolist())


@pytest.mark.parametrize("bits", [5, 8])
def test_many_equal_hashes_are_all_found(bits: int) -> None:
    hashes = np.full(50_000, 7, np.uint64)
    hashes[::2] = 2**64 - 1
    assert NearHashes.of(hashes).within(7, bits).tolist() == list(range(1, 50_000, 2))


def test_without_any_hash_nothing_is_near() -> None:
    assert NearHashes.of(np.zeros(0, np.uint64)).within(0, 64).tolist() == []
    assert NearHashes.of(np.zeros(5, np.uint64), without=0).within(0, 5).tolist() == []
    assert NearHashes.of(np.zeros(5, np.uint64), without=0).within(0, 64).tolist() == []

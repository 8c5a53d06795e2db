"""Texts are embedded once, by whoever asks first, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tools.med_vlm.backends.matchers import remembered
from tools.med_vlm.backends.matchers.remembered import F32, Remembered


class Lengths:
    """Embeds a text as its length, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> F32:
        self.asked += texts
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_vectors_come_in_order_and_each_text_is_embedded_once() -> None:
    embed = Lengths()
    texts = Remembered(embed)
    assert texts(["aa", "b", "aa"]).tolist() == [[2], [1], [2]]
    assert texts(["b", "ccc"]).tolist() == [[1], [3]]
    assert embed.asked == ["aa", "b", "ccc"]


def test_threads_share_it() -> None:
    embed = Lengths()
    texts = Remembered(embed)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: float(texts(["x" * (number % 5)])[0, 0]), range(200)))
    assert made == [number % 5 for number in range(200)]
    assert sorted(embed.asked, key=len) == ["", "x", "xx", "xxx", "xxxx"]


def test_it_is_emptied_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    embed = Lengths()
    texts = Remembered(embed)
    texts(["a", "b"])
    assert texts(["a", "cc", "dd"]).tolist() == [[1], [2], [2]]
    texts(["cc"])
    assert embed.asked == ["a", "b", "a", "cc", "dd"]

"""Batches in, cards and vectors out, in their order; what cannot be embedded is named."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from retrieval.building.embedding import BATCH, UNUSABLE, batches, embed_batch, in_process
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadVector

ENCODER = HashEncoder(32)


class Changed(HashEncoder):
    """The fake, with a row of its image or text vectors changed."""

    changes: ClassVar[dict[str, tuple[int, float]]] = {}

    def images(self, batch: Any) -> np.ndarray:
        return self._changed("images", super().images(batch))

    def texts(self, batch: Any) -> np.ndarray:
        return self._changed("texts", super().texts(batch))

    def _changed(self, what: str, vectors: np.ndarray) -> np.ndarray:
        if what in self.changes:
            row, value = self.changes[what]
            vectors[row] *= np.float32(value)
        return vectors


def test_a_case_becomes_its_card_and_one_row_of_both_unit_vectors(make_case: Callable[..., SourceCase]) -> None:
    cases = [make_case(n) for n in range(5)]
    embedded = embed_batch(ENCODER, cases)
    assert [card.key for card in embedded.cards] == [case.card.key for case in cases]
    np.testing.assert_allclose(embedded.vectors[:, :32], ENCODER.images([case.image for case in cases]), atol=1e-6)
    np.testing.assert_allclose(embedded.vectors[:, 32:], ENCODER.texts([case.card.report for case in cases]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(embedded.vectors.reshape(10, 32), axis=1), 1, atol=1e-6)
    assert (embedded.skipped, embedded.seen, embedded.vectors.dtype) == ((), 5, np.float32)


@pytest.mark.fault(85)
@pytest.mark.parametrize("changes", [{"images": (1, np.nan)}, {"texts": (1, 0.0)}, {"images": (1, np.inf)}, {"texts": (1, 1.1)}])
def test_a_case_whose_vector_is_unusable_is_left_out_and_named_by_its_key(
    make_case: Callable[..., SourceCase], changes: dict[str, tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Changed, "changes", changes)
    cases = [make_case(n) for n in range(3)]
    embedded = embed_batch(Changed(32), cases)
    assert [card.key for card in embedded.cards] == [cases[0].card.key, cases[2].card.key]
    assert embedded.skipped == ((UNUSABLE, f"case key {cases[1].card.key}"),)
    assert (embedded.vectors.shape, embedded.seen) == ((2, 64), 3)


def test_a_text_that_says_nothing_has_no_vector_and_is_left_out(make_case: Callable[..., SourceCase]) -> None:
    assert embed_batch(ENCODER, [make_case(1, report="12 34")]).skipped[0][0] == UNUSABLE


def test_what_a_reader_rejected_is_counted_and_a_batch_of_nothing_else_reaches_no_encoder() -> None:
    embedded = embed_batch(ENCODER, [Rejected("not a case", "line 1"), Rejected("not a case", "line 2")])
    assert embedded.skipped == (("not a case", "line 1"), ("not a case", "line 2"))
    assert (embedded.cards, embedded.vectors.shape, embedded.seen) == ((), (0, 64), 2)


def test_an_answer_of_another_shape_is_no_answer(make_case: Callable[..., SourceCase]) -> None:
    class Short(HashEncoder):
        def images(self, batch: Any) -> np.ndarray:
            return super().images(batch)[:-1]

    with pytest.raises(BadVector):
        embed_batch(Short(32), [make_case(1)])


def test_a_card_that_brings_its_thumbnail_keeps_it_and_another_gets_one(make_case: Callable[..., SourceCase]) -> None:
    own = make_case(1)
    cards = embed_batch(ENCODER, [replace(own, card=replace(own.card, thumbnail_png=b"its own")), make_case(2)]).cards
    assert cards[0].thumbnail_png == b"its own"
    assert Image.open(io.BytesIO(cards[1].thumbnail_png)).size == (32, 32)


def test_batches_keep_the_order_and_the_last_may_be_shorter(make_case: Callable[..., SourceCase]) -> None:
    cases = [make_case(n) for n in range(10)]
    assert [len(batch) for batch in batches(iter(cases), 4)] == [4, 4, 2]
    assert [case for batch in batches(cases, 4) for case in batch] == cases
    assert [len(batch) for batch in batches([Rejected("x", "y")] * (BATCH + 1))] == [BATCH, 1]


def test_in_process_answers_each_batch_before_it_takes_the_next(make_case: Callable[..., SourceCase]) -> None:
    taken: list[int] = []

    def source() -> Any:
        for number in range(3):
            taken.append(number)
            yield [make_case(number)]

    for number, embedded in enumerate(in_process(ENCODER)(source())):
        assert embedded.cards[0].key == make_case(number).card.key
        assert taken == list(range(number + 1))

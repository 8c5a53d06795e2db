"""What holds of every encoder, the declared double and the real ones alike."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from retrieval.cards import Encoder
from retrieval.encoders.catalogue import open_encoder
from retrieval.errors import BadCase

F32 = np.ndarray
Made = Callable[[str], Path]

KINDS = ("hash", "compact", "clip", "siglip", "siglip2", "prompted", "open_clip", "dinov2", "dinov2+text")
EXACT = frozenset({"hash"})
"""Computes in float32 whatever the CPU can: the vectors of one by one and of a batch agree to rounding."""


def opened(kind: str, published: Made) -> Encoder:
    if kind == "hash":
        return open_encoder("hash")
    if kind == "compact":
        from tools.med_vlm.compact.encoder import CompactEncoder
        from tools.med_vlm.compact.reader import load_compact

        return CompactEncoder(load_compact())
    if kind.startswith("dinov2"):
        return open_encoder("images:" + "+".join(str(published(part)) for part in kind.split("+")))
    return open_encoder(f"{'open-clip' if kind == 'open_clip' else 'sentence-transformers'}:{published(kind)}")


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def encoder(kind: str, published: Made) -> Encoder:
    return opened(kind, published)


def nearly(one: F32, other: F32, kind: str) -> bool:
    """Equal to rounding; in bfloat16, whose products depend a little on how they are blocked, of cosine .9999."""
    if kind in EXACT:
        return bool(np.allclose(one, other, atol=1e-4))
    return bool(np.allclose(one, other, atol=6e-3) and ((one * other).sum(axis=1) > 0.9999).all())


def test_gives_unit_vectors_of_its_dimensions(encoder: Encoder, images: Sequence[F32], reports: Sequence[str]) -> None:
    for vectors, dimension in ((encoder.images(images), encoder.image_dimension), (encoder.texts(reports), encoder.text_dimension)):
        assert vectors.shape == (3, dimension)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_other_inputs_have_other_vectors(encoder: Encoder, images: Sequence[F32], reports: Sequence[str]) -> None:
    for vectors in (encoder.images(images), encoder.texts(reports)):
        assert (vectors @ vectors.T)[~np.eye(3, dtype=bool)].max() < 0.9999


def test_an_empty_batch_gives_no_vectors(encoder: Encoder) -> None:
    assert encoder.images([]).shape == (0, encoder.image_dimension)
    assert encoder.texts([]).shape == (0, encoder.text_dimension)


def test_a_text_that_says_nothing_is_a_row_of_zeros_and_disturbs_no_other(encoder: Encoder, kind: str, reports: Sequence[str]) -> None:
    vectors = encoder.texts(["", reports[0], " \n\t"])
    assert not vectors[[0, 2]].any()
    assert nearly(vectors[1:2], encoder.texts(reports[:1]), kind)


def test_one_by_one_and_in_a_batch_give_the_same_vectors_in_the_same_order(
    encoder: Encoder, kind: str, images: Sequence[F32], reports: Sequence[str]
) -> None:
    assert nearly(encoder.images(images), np.vstack([encoder.images([image]) for image in images]), kind)
    assert nearly(encoder.texts(reports), np.vstack([encoder.texts([text]) for text in reports]), kind)


def test_more_than_a_batch_at_once_keeps_the_order(encoder: Encoder, kind: str, reports: Sequence[str]) -> None:
    texts = [" ".join(reports[: 1 + number % 3]) for number in range(70)]
    assert nearly(encoder.texts(texts)[3:], encoder.texts(texts[:67]), kind)


def test_the_same_input_gives_the_same_vectors(encoder: Encoder, images: Sequence[F32], reports: Sequence[str]) -> None:
    assert np.array_equal(encoder.images(images), encoder.images(images))
    assert np.array_equal(encoder.texts(reports), encoder.texts(reports))


NO_IMAGES = {
    "one axis": np.zeros(256, np.float32),
    "three axes": np.zeros((80, 80, 3), np.float32),
    "NaN": np.full((80, 80), np.nan, np.float32),
    "infinite": np.full((80, 80), np.inf, np.float32),
}


@pytest.mark.parametrize("image", NO_IMAGES.values(), ids=NO_IMAGES)
def test_refuses_what_is_no_image(encoder: Encoder, images: Sequence[F32], image: F32) -> None:
    with pytest.raises(BadCase) as refused:
        encoder.images([images[0], image])
    assert not any(character.isdigit() for character in refused.value.reason.replace("0..1", ""))


def test_the_fingerprint_is_a_sha256_and_the_same_when_opened_again(encoder: Encoder, kind: str, published: Made) -> None:
    assert len(encoder.fingerprint) == 64
    assert set(encoder.fingerprint) <= set(string.hexdigits.lower())
    assert opened(kind, published).fingerprint == encoder.fingerprint


def test_no_two_encoders_have_one_fingerprint(published: Made) -> None:
    prints = [opened(kind, published).fingerprint for kind in ("hash", "clip", "prompted", "open_clip", "dinov2", "dinov2+text")]
    assert len(set(prints)) == len(prints)


def test_says_whether_a_picture_may_be_looked_for_by_words(encoder: Encoder, kind: str) -> None:
    assert encoder.one_space is (kind != "hash" and "dinov2" not in kind)
    assert encoder.one_space <= (encoder.image_dimension == encoder.text_dimension)

"""The declared double keeps the contract of an encoder, as the real one does."""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import Encoder
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadCase

REPORTS = (
    "Large left pleural effusion. The heart is enlarged.",
    "A moderate pleural effusion on the left.",
    "No focal consolidation. Heart size is normal. No pleural effusion or pneumothorax.",
)


def _compact() -> Encoder:
    from tools.med_vlm.compact.encoder import CompactEncoder
    from tools.med_vlm.compact.reader import load_compact

    return CompactEncoder(load_compact())


@pytest.fixture(scope="module", params=["hash", "compact"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return HashEncoder() if request.param == "hash" else _compact()


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    return [np.outer(ramp, ramp), np.outer(ramp[::-1], ramp)[:200], np.random.default_rng(0).random((128, 128), dtype=np.float32)]


def test_gives_unit_vectors_of_its_dimension(encoder: Encoder, images: list[np.ndarray]) -> None:
    for vectors in (encoder.images(images), encoder.texts(REPORTS)):
        assert vectors.shape == (3, encoder.dimension)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_an_empty_batch_gives_no_vectors(encoder: Encoder) -> None:
    assert encoder.images([]).shape == encoder.texts([]).shape == (0, encoder.dimension)


def test_one_by_one_and_in_a_batch_give_the_same_vectors_in_the_same_order(encoder: Encoder, images: list[np.ndarray]) -> None:
    assert np.allclose(encoder.images(images), np.vstack([encoder.images([image]) for image in images]), atol=1e-4)
    assert np.allclose(encoder.texts(REPORTS), np.vstack([encoder.texts([text]) for text in REPORTS]), atol=1e-4)


def test_the_same_input_gives_the_same_vectors(encoder: Encoder, images: list[np.ndarray]) -> None:
    assert np.array_equal(encoder.images(images), encoder.images(images))
    assert np.array_equal(encoder.texts(REPORTS), encoder.texts(REPORTS))


def test_similar_reports_are_nearer_than_others(encoder: Encoder) -> None:
    first, alike, other = encoder.texts(REPORTS)
    assert first @ alike > first @ other


def test_the_fingerprint_is_a_sha256(encoder: Encoder) -> None:
    assert len(encoder.fingerprint) == 64
    assert set(encoder.fingerprint) <= set(string.hexdigits.lower())


@pytest.mark.parametrize("other", [HashEncoder(64), HashEncoder(seed=1)])
def test_encoders_whose_vectors_must_not_meet_have_other_fingerprints(other: HashEncoder) -> None:
    assert other.fingerprint != HashEncoder().fingerprint
    assert HashEncoder().fingerprint == HashEncoder().fingerprint


def test_the_double_gives_a_text_without_words_a_vector_too() -> None:
    vector: Any = HashEncoder().texts(["", "123"])
    assert np.allclose(np.linalg.norm(vector, axis=1), 1)


@pytest.mark.parametrize("image", [np.zeros(256, np.float32), np.zeros((8, 8, 3), np.float32), np.full((32, 32), np.nan, np.float32)])
def test_the_double_refuses_what_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(BadCase):
        HashEncoder().images([image])


def test_the_double_sees_the_pattern_and_not_the_brightness_or_the_size() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    image = np.outer(ramp, ramp)
    same, dimmer, larger, turned = HashEncoder().images([image, image / 2, np.kron(image, np.ones((2, 2), np.float32)), image[::-1]])
    assert same @ dimmer > 0.999
    assert same @ larger > 0.99
    assert same @ turned < 0.9


def test_the_double_gives_an_image_of_one_grey_a_vector_too() -> None:
    (vector,) = HashEncoder().images([np.full((32, 32), 0.5, np.float32)])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@given(st.text(max_size=80))
def test_the_double_reads_words_whatever_stands_between_them(text: str) -> None:
    plain, spaced = HashEncoder(64).texts([text.lower(), " ".join(re.findall("[a-z]+", text.lower()))])
    assert np.array_equal(plain, spaced)
    assert np.isfinite(plain).all()

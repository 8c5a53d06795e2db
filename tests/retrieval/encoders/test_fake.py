"""The declared double: what it makes of patterns and words. The contract of all encoders stands in test_contract.py."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadCase


def test_reports_that_share_words_are_nearer_than_others() -> None:
    reports = ["Large left pleural effusion. The heart is enlarged.", "A moderate pleural effusion on the left.", "No pneumothorax."]
    first, alike, other = HashEncoder().texts(reports)
    assert first @ alike > first @ other


@pytest.mark.parametrize("other", [HashEncoder(64), HashEncoder(seed=1)])
def test_encoders_whose_vectors_must_not_meet_have_other_fingerprints(other: HashEncoder) -> None:
    assert other.fingerprint != HashEncoder().fingerprint
    assert HashEncoder().fingerprint == HashEncoder().fingerprint


def test_a_text_without_words_says_nothing() -> None:
    assert not HashEncoder().texts(["", "123"]).any()


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

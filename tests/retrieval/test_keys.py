"""Keys recognise without telling: salted hashes, age bands, fingerprints of reports and images."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval.errors import BadCase, WeakSecret
from retrieval.keys import NEAR_DUPLICATE_BITS, Keyring, age_band, difference_hash, hamming, normalised_report

SECRET = b"0123456789abcdef"
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(value=names, kinds=st.lists(st.sampled_from(["case", "person", "study", "report"]), min_size=2, max_size=2, unique=True))
def test_a_key_depends_on_kind_and_says_nothing_of_the_value(value: str, kinds: list[str]) -> None:
    ring = Keyring(SECRET, b"salt")
    keys = [ring.key(kind, value) for kind in kinds]
    assert keys[0] != keys[1]
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for key in keys)
    assert len(value) < 4 or value not in keys[0]


@given(value=names)
def test_equal_keyrings_agree_and_others_do_not(value: str) -> None:
    key = Keyring(SECRET, b"salt").person(value)
    assert key == Keyring(SECRET, b"salt").person(f" {value} ")
    assert key != Keyring(SECRET, b"other salt").person(value)
    assert key != Keyring(SECRET + b"!", b"salt").person(value)


def test_a_keyring_does_not_print_its_secret() -> None:
    assert "0123456789abcdef" not in repr(Keyring(SECRET, b"salt"))


def test_refuses_a_secret_short_enough_to_guess() -> None:
    with pytest.raises(WeakSecret):
        Keyring(b"short", b"salt")


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0-9"), (9, "0-9"), (10, "10-19"), (63, "60-69"), (89, "80-89"), (90, "90+"), (130, "90+"), (None, "unknown")]
)
def test_ages_become_bands_and_great_ages_one_band(age: int | None, band: str) -> None:
    assert age_band(age) == band


@pytest.mark.parametrize("age", [-1, 131])
def test_refuses_an_age_nobody_has(age: int) -> None:
    with pytest.raises(BadCase):
        age_band(age)


REPORT = "Compared with 12/03/2021: a 5 mm nodule in the right upper lobe. No effusion."


@pytest.mark.parametrize(
    "other",
    [
        "COMPARED WITH 12/03/2021: A 5 MM NODULE IN THE RIGHT UPPER LOBE. NO EFFUSION.",
        "Compared with 2019-11-30: a 14 mm nodule in the right upper lobe.\n\nNo effusion",
        "Compared with 3 March 2020, a 5.5 mm nodule in the right  upper lobe; no effusion.",
    ],
)
def test_reports_that_differ_in_numbers_dates_and_layout_are_equal(other: str) -> None:
    assert normalised_report(other) == normalised_report(REPORT)


@pytest.mark.parametrize(
    "other",
    [
        REPORT.replace("right", "left"),
        REPORT.replace("No effusion", "Effusion"),
        REPORT.replace("nodule", "mass"),
        REPORT + " Cardiomegaly.",
    ],
)
def test_reports_that_say_something_else_are_not_equal(other: str) -> None:
    assert normalised_report(other) != normalised_report(REPORT)


@settings(max_examples=50)
@given(text=st.text(max_size=80))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised_report(text)
    assert normalised_report(once) == once


@given(one=st.integers(0, 2**64 - 1), other=st.integers(0, 2**64 - 1))
def test_hamming_counts_the_bits_that_differ(one: int, other: int) -> None:
    assert hamming(np.array([one, other], np.uint64), other).tolist() == [(one ^ other).bit_count(), 0]


def _picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).random((12, 12), dtype=np.float32)
    return np.clip(np.asarray(Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)), 0, 1)


def _jpeg(image: np.ndarray) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray((image * 255).astype(np.uint8)).save(out, "JPEG", quality=70)
    return np.asarray(Image.open(out), dtype=np.float32) / 255


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(lambda image: np.asarray(Image.fromarray(image).resize((180, 180), Image.Resampling.BOX)), id="smaller"),
        pytest.param(
            lambda image: np.clip(image + np.random.default_rng(1).normal(0, 0.02, image.shape), 0, 1).astype(np.float32), id="noise"
        ),
        pytest.param(lambda image: image * np.float32(0.9), id="darker"),
        pytest.param(_jpeg, id="jpeg"),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_copy_of_an_image_is_a_near_duplicate_and_another_image_is_not(copy, seed: int) -> None:  # type: ignore[no-untyped-def]  # lambdas
    image = _picture(seed)
    original = np.array([difference_hash(image)], np.uint64)
    assert hamming(original, difference_hash(copy(image)))[0] <= NEAR_DUPLICATE_BITS
    assert hamming(original, difference_hash(_picture(seed + 100)))[0] > NEAR_DUPLICATE_BITS


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.full((32, 32), np.nan, np.float32), id="NaN"),
        pytest.param(np.full((32, 32), 0.5, np.float32), id="one grey"),
        pytest.param(np.linspace(0, 2, 1024, dtype=np.float32).reshape(32, 32), id="above 1"),
        pytest.param(np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10), id="too small"),
        pytest.param(np.zeros((32, 32, 3), np.float32), id="colour"),
    ],
)
def test_refuses_an_image_that_shows_nothing(image: np.ndarray) -> None:
    with pytest.raises(BadCase):
        difference_hash(image)

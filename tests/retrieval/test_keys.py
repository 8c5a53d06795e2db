"""Keys recognise without telling: salted hashes, age bands, fingerprints of reports and images."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval.errors import BadCase, WeakSecret
from retrieval.keys import (
    NEAR_DUPLICATE_BITS,
    NO_SKETCH,
    SKETCHED_WORDS,
    Keyring,
    age_band,
    difference_hash,
    hamming,
    near,
    near_reports,
    normalised_report,
    report_sketch,
    shared,
    spellings,
    word,
)  # fmt: skip

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


@given(hashes=st.lists(st.integers(0, 2**64 - 1)), one=st.integers(0, 2**64 - 1), bits=st.integers(0, 64))
def test_near_is_what_counting_bit_by_bit_finds(hashes: list[int], one: int, bits: int) -> None:
    expected = [row for row, each in enumerate(hashes) if bin(each ^ one).count("1") <= bits]
    assert near(np.array(hashes, np.uint64), one, bits).tolist() == expected


def test_near_looks_at_every_row_of_many() -> None:
    hashes = np.full(100_003, 2**64 - 1, np.uint64)
    wanted = [0, 32_767, 32_768, 65_536, 100_002]
    hashes[wanted] = 0b111
    assert near(hashes, 0, 3).tolist() == wanted
    assert near(hashes, 0, 2).tolist() == []


@pytest.mark.parametrize("key", ["", "patient 17", "0" * 31, "0" * 33, "0x" + "0" * 30, "A" * 32, "1_0" + "0" * 29, " " + "0" * 31])
def test_what_no_keyring_makes_has_no_word(key: str) -> None:
    with pytest.raises(ValueError, match="no salted hash"):
        word(key)


@given(value=names)
def test_a_word_is_the_beginning_of_its_key(value: str) -> None:
    key = Keyring(SECRET, b"salt").person(value)
    assert f"{word(key):016x}" == key[:16]


LONG = (
    "The heart is mildly enlarged. There is a moderate left pleural effusion with adjacent compressive atelectasis. "
    "The right lung is clear. No pneumothorax is seen. The visualised bones are intact."
)


def is_near(one: str, other: str) -> bool:
    return len(near_reports(np.array([report_sketch(one)], np.uint64), report_sketch(other))) > 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(LONG, id="itself"),
        pytest.param(LONG.upper() + " 12/03/2021", id="another layout"),
        pytest.param(LONG.replace("mildly", "slightly"), id="one word replaced"),
        pytest.param(LONG.replace("visualised ", ""), id="one word left out"),
        pytest.param("Addendum. " + LONG, id="one word put in"),
    ],
)
def test_a_lightly_edited_report_is_near(other: str) -> None:
    assert is_near(LONG, other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(REPORT, id="another report"),
        pytest.param(" ".join(reversed(LONG.split())), id="the same words in no order"),
        pytest.param(LONG + " " + " ".join(f"another{word} finding{word}" for word in "abcdefghij"), id="as long again"),
        pytest.param("", id="nothing"),
    ],
)
def test_another_report_is_not_near(other: str) -> None:
    assert not is_near(LONG, other)


def test_short_texts_have_no_sketch_and_are_near_to_nothing() -> None:
    words = [f"word{'abcdefghijkl'[n]}" for n in range(SKETCHED_WORDS)]
    assert report_sketch(" ".join(words)) != NO_SKETCH
    short = " ".join(words[1:])
    assert report_sketch(short) == NO_SKETCH
    assert not is_near(short, short)


@given(text=st.text(max_size=200))
def test_a_sketch_is_64_bits_and_depends_on_the_normalised_text_alone(text: str) -> None:
    sketch = report_sketch(text)
    assert 0 <= sketch < 2**64
    assert report_sketch(normalised_report(text)) == sketch


def edited(text: str, rng: random.Random, words: list[str]) -> str:
    """`text` with one word left out, replaced or put in."""
    made, place = text.split(), rng.randrange(len(text.split()))
    left_out, put_in = rng.choice([(1, 0), (1, 1), (0, 1)])
    made[place : place + left_out] = rng.choices(words, k=put_in)
    return " ".join(made)


@pytest.mark.parametrize(
    ("name", "fields", "share"),
    [("texts/roco_captions_ccby.jsonl", ("caption",), 0.0), ("nc/texts/iu_xray_reports.jsonl", ("findings", "impression"), 0.03)],
)
def test_of_real_texts_copies_are_near_and_few_others_are(kit: Path, name: str, fields: tuple[str, ...], share: float) -> None:
    lines = [json.loads(line) for line in (kit / name).read_text("utf-8").splitlines()[::6]]
    texts = list({normalised_report(text): text for text in (" ".join(line[field] for field in fields) for line in lines)}.values())
    sketches = np.array([report_sketch(text) for text in texts], np.uint64)
    others = [len(near_reports(sketches, sketch)) - 1 for sketch in sketches.tolist() if sketch != NO_SKETCH]
    assert max(others) <= share * len(texts)
    rng, words = random.Random(0), sorted({word for text in texts for word in text.split()})
    long = [text for text in texts if len(normalised_report(text).split()) >= 20][:300]
    assert sum(is_near(text, edited(text, rng, words)) for text in long) >= 0.8 * len(long)


def test_short_normal_reports_of_one_pattern_exclude_nothing_by_likeness() -> None:
    rng = random.Random(0)
    parts = (("No", "There is no"), ("acute", "new"), ("cardiopulmonary", "pulmonary"), ("abnormality", "disease"), ("seen.", "today."))
    reports = [" ".join(rng.choice(part) for part in parts) for _ in range(300)]
    sketches = np.array([report_sketch(report) for report in reports], np.uint64)
    assert all(len(near_reports(sketches, sketch)) == 0 for sketch in sketches.tolist())


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


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("archive", "chart"),
    [
        ("SITE|P-1", "http://site/mrn|P-1"),
        ("|0012", "urn:mrn|12"),
        ("0012", "urn:mrn|0012"),
        ("urn:mrn| M1", "urn:mrn|M1 "),
        ("urn:mrn|ab-1", "urn:mrn|AB1"),
    ],
)
def test_a_person_is_recognised_however_a_number_is_written(archive: str, chart: str) -> None:
    ring = Keyring(b"a secret of the tests, long enough", b"salt")
    assert ring.persons(archive) & ring.persons(chart)
    assert ring.person(archive) in ring.persons(archive)
    assert not ring.persons(archive) & ring.persons(chart + "9")


@pytest.mark.parametrize("nothing", ["urn:mrn|---", "urn:mrn|000", "urn:mrn| ", "-", ""])
def test_a_number_that_says_nothing_does_not_make_one_person_of_many(nothing: str) -> None:
    assert "|" not in spellings(nothing)


def test_a_number_without_a_system_is_known_as_such_by_its_key() -> None:
    ring = Keyring(b"a secret of the tests, long enough", b"salt")
    assert {shared(ring.person(name)) for name in ("|7", " |7")} == {True}
    assert {shared(ring.person(name)) for name in ("urn:mrn|7", "Patient/7", "7")} == {False}
    assert ring.person("|7") != ring.person("|8")


def test_a_study_is_one_study_as_dicom_and_as_fhir_write_it() -> None:
    ring = Keyring(b"a secret of the tests, long enough", b"salt")
    assert ring.study("urn:oid:1.2.840.1") == ring.study(" 1.2.840.1")

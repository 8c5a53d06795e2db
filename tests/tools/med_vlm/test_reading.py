"""The contract of a `Reader`, run on the real one and on both doubles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydantic import ValidationError

from fhir.codes import FINDING, FINDINGS
from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.doubles.fake import FixedReader, SeededReader
from tools.med_vlm.reading import FindingReading, Reader, Reading

F32 = NDArray[np.float32]

FIXED = Reading(
    model="fixed double 1",
    fingerprint="0" * 64,
    abstained=False,
    reason="",
    ood_score=0.1,
    ood_threshold=1.0,
    findings=tuple(FindingReading(key=finding.key, presence="absent", probability=0.1) for finding in FINDINGS),
)


@pytest.fixture(params=["compact", "fixed", "seeded"])
def any_reader(request: pytest.FixtureRequest, reader: CompactReader) -> Reader:
    readers: dict[str, Reader] = {"compact": reader, "fixed": FixedReader(FIXED), "seeded": SeededReader()}
    return readers[str(request.param)]


def test_a_reading_names_its_model_and_weights(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    reading = any_reader.read(asked_of(phantoms[0].image))
    assert reading.model == any_reader.name
    assert reading.fingerprint == any_reader.fingerprint
    assert len(reading.fingerprint) == 64


def test_a_reading_holds_all_findings_in_order_or_abstains_with_a_reason(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    for example in phantoms[:8]:
        reading = any_reader.read(asked_of(example.image))
        if reading.abstained:
            assert reading.reason
            assert reading.findings == ()
        else:
            assert reading.reason == ""
            assert [finding.key for finding in reading.findings] == [finding.key for finding in FINDINGS]


def test_sides_are_given_only_where_a_finding_has_one(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    findings = [finding for example in phantoms[:8] for finding in any_reader.read(asked_of(example.image)).findings]
    assert all(finding.side is None for finding in findings if not FINDING[finding.key].lateral)


def test_the_same_image_gives_the_same_reading(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    assert any_reader.read(asked_of(phantoms[1].image)) == any_reader.read(asked_of(phantoms[1].image.copy()))


def test_reading_leaves_the_image_as_it_was(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    image = phantoms[2].image.copy()
    image.setflags(write=False)
    any_reader.read(asked_of(image))
    assert np.array_equal(image, phantoms[2].image)


def test_probabilities_are_of_every_finding_and_of_the_image_alone(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    made = any_reader.probabilities(asked_of(phantoms[0].image))
    assert list(made) == list(any_reader.profile.findings)
    assert all(0 <= value <= 1 for value in made.values())
    assert any_reader.probabilities(Asked((Image(phantoms[0].image),), question="Anything?")) == made


def test_a_reading_survives_json(any_reader: Reader, phantoms: tuple[TrainingExample, ...]) -> None:
    reading = any_reader.read(asked_of(phantoms[3].image))
    assert Reading.model_validate_json(reading.model_dump_json()) == reading


ODD = st.one_of(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, max_side=80), elements=st.floats(width=32)),
    st.tuples(st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.0, 1.0, np.nan, np.inf, -1.0, 1e30])).map(
        lambda shape: np.full(shape[:2], shape[2], dtype=np.float32)
    ),
    st.tuples(st.integers(60, 200), st.integers(60, 200), st.integers(0, 9)).map(
        lambda shape: np.random.default_rng(shape[2]).random(shape[:2], dtype=np.float32)
    ),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(image=ODD)
def test_odd_arrays_are_read_or_refused_and_never_break_the_reader(any_reader: Reader, image: F32) -> None:
    reading = any_reader.read(asked_of(image))
    assert reading.abstained == bool(reading.reason)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((128, 128), np.float32),
        np.full((128, 128), np.nan, np.float32),
        np.zeros((3, 90, 90), np.float32),
        np.zeros((0, 5), np.float32),
    ],
    ids=["constant", "NaN", "three axes", "empty"],
)
def test_what_is_no_image_is_abstained_on(any_reader: Reader, image: F32) -> None:
    assert any_reader.read(asked_of(image)).abstained


def test_a_reading_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        FIXED.abstained = True  # type: ignore[misc]  # the refusal is what is tested

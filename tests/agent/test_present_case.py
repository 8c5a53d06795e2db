"""The present case in the library's words, from what the reading, the report, the image and the record say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from agent.nodes.study import Facts, Seen
from agent.present_case import kind_words, of_its_kind, present_case
from fhir.chart import chart_of
from fhir.study import Picture, Study
from retrieval.cards import Filter, Present
from tools.med_vlm.reading import FindingReading, Reading

NOW = datetime(2027, 6, 1, tzinfo=UTC)
RADIOGRAPHS = frozenset({"CR", "DX", "DR", "RG"})


def study(*modality: str, regions: frozenset[str] = frozenset()) -> Study:
    return Study("ImagingStudy/s", None, None, modality, None, None, None, None, (), (), (), regions=regions)


def seen(what: Study | None = None, *pictures: dict[str, str]) -> Seen:
    made = tuple(Picture(np.zeros((4, 4), np.float32), "a", "dicom", MappingProxyType(tags)) for tags in pictures)
    return Seen(what, Facts(None), made)


def reading(*findings: FindingReading) -> Reading:
    return Reading(model="m", fingerprint="f", abstained=False, reason="", ood_score=0, ood_threshold=1, findings=findings)


def known(what: Seen | None = None, report: str = "", read: Reading | None = None, **patient: Any) -> Present:
    return present_case(chart_of({"resourceType": "Patient", "id": "p", **patient}), what or seen(), read, report, NOW)


def test_findings_are_those_of_the_reading_and_of_the_report() -> None:
    read = reading(
        FindingReading(key="nodule", presence="present", probability=0.9, side="left"),
        FindingReading(key="pneumothorax", presence="uncertain", probability=0.5),
    )
    found = known(report="Right lower lobe consolidation. No effusion. Possible fracture.", read=read)
    assert found.findings == {"nodule", "consolidation"}
    assert found.sides == {("nodule", "left"), ("consolidation", "right")}
    assert found.locations == {("consolidation", "lower lobe")}


@pytest.mark.parametrize(
    ("patient", "age_band", "sex"),
    [
        ({"birthDate": "1960-01-01", "gender": "female"}, "60-69", "female"),
        ({"birthDate": "1930-01-01", "gender": "other"}, "90+", "other"),
        ({"birthDate": "1800-01-01", "gender": "unknown"}, None, None),
        ({"birthDate": "2040-01-01", "gender": 7}, None, None),
        ({}, None, None),
    ],
)
def test_age_and_sex_are_bands_or_not_known(patient: dict[str, Any], age_band: str | None, sex: str | None) -> None:
    found = known(**patient)
    assert (found.age_band, found.sex) == (age_band, sex)


def test_what_reading_or_report_doubt_is_in_doubt() -> None:
    read = reading(FindingReading(key="pneumothorax", presence="uncertain", probability=0.5))
    assert known(read=read, report="Possible consolidation. No effusion.").doubted == {"pneumothorax", "consolidation"}


def test_view_and_modality_are_of_the_frontal_image_before_the_study() -> None:
    lateral, frontal = {"ViewPosition": "LL", "Modality": "CR"}, {"ViewPosition": "AP", "Modality": "DX"}
    assert (known(seen(study("CR"), lateral, frontal)).view, known(seen(study("CR"), lateral, frontal)).modality) == ("AP", "DX")
    assert (known(seen(study("CR", "SR"))).view, known(seen(study("CR", "SR"))).modality) == (None, "CR")
    assert known(seen(study("CR", "CT"))).modality is None
    assert known() == Present()


@pytest.mark.parametrize(
    ("what", "modalities"),
    [
        (seen(study("CR")), RADIOGRAPHS),
        (seen(study("DX", "SR", "PR")), RADIOGRAPHS),
        (seen(study("CT")), {"CT"}),
        (seen(study("CT", "DX")), RADIOGRAPHS | {"CT"}),
        (seen(study("CT"), {"Modality": "DX"}), RADIOGRAPHS),
        (seen(study("X-RAY")), None),
        (seen(study("SR")), None),
        (seen(study()), None),
        (seen(), None),
    ],
)
def test_a_neighbour_is_of_the_same_kind_of_imaging(what: Seen, modalities: frozenset[str] | None) -> None:
    assert of_its_kind(what).modalities == modalities


@pytest.mark.parametrize(
    ("what", "inside", "outside"),
    [
        (seen(study(regions=frozenset({"chest"}))), {"CHEST", "THORAX", "UNKNOWN"}, {"HEAD", "ABDOMEN"}),
        (seen(study(regions=frozenset({"chest", "abdomen"}))), {"CHEST", "ABDOMEN"}, {"HEAD"}),
        (seen(study(regions=frozenset({"chest"})), {"BodyPartExamined": "HAND"}), {"CHEST"}, {"HAND"}),
        (seen(study(), {"BodyPartExamined": "HAND"}), {"HAND"}, {"CHEST"}),
    ],
)
def test_a_neighbour_shows_the_same_part_of_the_body_or_does_not_say(what: Seen, inside: set[str], outside: set[str]) -> None:
    kept = of_its_kind(what).body_parts
    assert kept is not None
    assert kept >= inside
    assert not kept & outside


@pytest.mark.parametrize("regions", [frozenset(), frozenset({"tail"}), frozenset({"chest", "tail"})])
def test_a_region_that_a_library_has_no_term_for_filters_nothing(regions: frozenset[str]) -> None:
    assert of_its_kind(seen(study(regions=regions))) == Filter()
    assert kind_words(seen(study(regions=regions))) == ()


def test_the_filter_is_told_in_words() -> None:
    assert kind_words(seen(study("CT", regions=frozenset({"chest", "abdomen"})))) == ("modality CT", "body part abdomen or chest")


def test_every_region_of_the_record_has_a_term() -> None:
    from fhir.regions import SNOMED_REGIONS

    assert all(of_its_kind(seen(study(regions=frozenset({one})))).body_parts for one in set(SNOMED_REGIONS.values()))

"""The imaging list, and which picture a number names."""

from __future__ import annotations

from typing import Any

from sandbox.chart.imaging import imaging, picture
from sandbox.chart.record import record_of
from sandbox.ehr.serve import Running
from sandbox.ehr.store import Store
from sandbox.patients import chests
from sandbox.patients.story import CLOCK


def test_a_study_is_listed_with_its_image_and_what_its_report_comes_to(ward: Running) -> None:
    chart = record_of(ward.store, "tension-ptx")
    assert chart is not None
    (study,) = imaging(chart, CLOCK)
    assert (study.title, study.modality, study.ago, study.images) == ("Chest radiograph AP", "DX", "43 min ago", (0,))
    (report,) = study.reports
    assert report.document.status == "preliminary"
    assert report.conclusion
    assert report.conclusion in report.document.text.replace("\n", " ")


def test_studies_stand_newest_first_and_an_attached_image_is_one_of_the_study() -> None:
    store = Store(dict(resource) for resource in chests.heart_failure_with_effusion().resources)
    chart = record_of(store, "heart-failure")
    assert chart is not None
    assert [study.ago for study in imaging(chart, CLOCK)] == ["19 h ago", "6 months ago"]
    for study in imaging(chart, CLOCK):
        found = picture(chart, study.id, 0)
        assert found is not None
        assert found.content_type == "application/dicom"


def test_no_picture_is_found_under_another_number_or_study(ward: Running) -> None:
    chart = record_of(ward.store, "tension-ptx")
    assert chart is not None
    (study,) = imaging(chart, CLOCK)
    found: Any = picture(chart, study.id, 0)
    assert found.instance is not None
    assert picture(chart, study.id, 1) is None
    assert picture(chart, "another", 0) is None

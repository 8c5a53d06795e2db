"""The patient list."""

from __future__ import annotations

from typing import Any

from sandbox.chart.patients import patient_list
from sandbox.ehr.store import Store
from sandbox.patients.story import CLOCK


def test_everybody_is_listed_with_visit_study_and_story(resources: tuple[dict[str, Any], ...]) -> None:
    first, second = patient_list(Store(resources), {"tension-ptx": "What to see"}, CLOCK)
    assert (first.identity.name, first.ward, first.here, first.complaint, first.story) == (
        "Okafor, Chidi",
        "Outpatient",
        False,
        "Weight loss, change of bowel habit",
        "",
    )
    assert (second.ward, second.here, second.study, second.study_ago, second.story) == (
        "Emergency",
        True,
        "Chest radiograph AP",
        "43 min ago",
        "What to see",
    )


def test_somebody_of_whom_nothing_is_known_is_listed_too() -> None:
    (only,) = patient_list(Store([{"resourceType": "Patient", "id": "p"}]), {}, CLOCK)
    assert (only.identity.name, only.ward, only.complaint, only.study) == ("Name not on record", "", "", "")

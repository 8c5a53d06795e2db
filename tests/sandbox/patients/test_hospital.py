"""The pretend hospital: every story whole, valid, and the same every time."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from fhir.models import validate
from sandbox.patients.hospital import STORIES, image_file, stories, write_hospital
from sandbox.patients.story import Story

TOLD = {story.person.id: story for story in stories()}
WANTED = (
    "ckd4-contrast",
    "metformin-egfr35",
    "contrast-reaction",
    "pregnancy-pelvis",
    "apixaban-biopsy",
    "platelets-biopsy",
    "tension-ptx",
    "heart-failure",
    "pneumonia-prior",
    "child",
    "pacemaker-mri",
    "laterality",
    "wrong-patient",
    "injected-note",
    "unremarkable",
)


def test_tells_every_wanted_story() -> None:
    assert set(WANTED) <= set(TOLD)
    assert len(TOLD) == len(STORIES)


@pytest.mark.parametrize("story", TOLD.values(), ids=TOLD)
def test_every_resource_validates_and_belongs_to_the_patient(story: Story) -> None:
    for resource in story.resources:
        assert validate(resource["resourceType"], resource) == ()
        subject = resource.get("subject") or resource.get("patient") or {"reference": f"Patient/{resource['id']}"}
        assert subject["reference"] == f"Patient/{story.person.id}"


@pytest.mark.parametrize("story", TOLD.values(), ids=TOLD)
def test_every_reference_inside_a_chart_resolves(story: Story) -> None:
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in story.resources}
    assert len(known) == len(story.resources)
    assert set(references(story.resources)) <= known


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in references(item)]
    return []


@pytest.mark.parametrize("story", [story for story in TOLD.values() if story.images], ids=lambda story: story.person.id)
def test_the_images_tags_name_the_patient_unless_that_is_the_story(story: Story) -> None:
    for image in story.images:
        tags = pydicom.dcmread(io.BytesIO(image_file(image)), stop_before_pixels=True)
        assert (tags.PatientID == story.person.mrn) == (story.person.id != "wrong-patient")
        assert tags.StudyInstanceUID == image.study_uid
        assert tags.AccessionNumber == image.accession_number


def test_the_same_files_every_time(tmp_path: Path) -> None:
    def prints(folder: Path) -> dict[str, str]:
        write_hospital(folder)
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()
        }

    assert prints(tmp_path / "a") == prints(tmp_path / "b")


def test_no_two_people_share_a_name_or_a_number() -> None:
    for field in ("id", "mrn", "family"):
        assert max(Counter(getattr(story.person, field) for story in TOLD.values()).values()) == 1

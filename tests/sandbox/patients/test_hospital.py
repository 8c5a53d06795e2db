"""The pretend hospital: every story whole, valid, told, and the same every time; chests, contrast, procedures and traps alike."""

from __future__ import annotations

import base64
import hashlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pydicom
import pytest

from fhir.codes import FINDING
from fhir.models import validate
from fhir.time import When, parse_when
from sandbox.patients import chests, contrast, procedures, traps
from sandbox.patients.hospital import STORIES, stories, write_hospital
from sandbox.patients.story import CLOCK, Story
from sandbox.phantoms.spec import PhantomSpec
from sandbox.phantoms.truth import truth

RULES = Path(__file__).parents[3] / "policies" / "rules"
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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital's files."""
    folder = tmp_path_factory.mktemp("hospital")
    write_hospital(folder)
    return folder


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
def test_the_images_tags_name_the_patient_unless_that_is_the_story(story: Story, written: Path) -> None:
    for image in story.images:
        tags = pydicom.dcmread(written / image.path, stop_before_pixels=True)
        assert (tags.PatientID == story.person.mrn) == (story.person.id != "wrong-patient")
        assert tags.StudyInstanceUID == image.study_uid
        assert tags.AccessionNumber == image.accession_number


def test_the_same_files_every_time(written: Path, tmp_path: Path) -> None:
    def prints(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()
        }

    write_hospital(tmp_path)
    assert len(prints(written)) > len(STORIES)
    assert prints(tmp_path) == prints(written)


def test_no_two_people_share_a_name_or_a_number() -> None:
    for field in ("id", "mrn", "family"):
        assert max(Counter(getattr(story.person, field) for story in TOLD.values()).values()) == 1


SOURCES = (chests, contrast, procedures, traps)


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_story_of_a_module_is_told(module: ModuleType) -> None:
    makers = [each for each in vars(module).values() if inspect.isfunction(each) and each.__module__ == module.__name__]
    assert makers
    assert [maker.__name__ for maker in makers if maker not in STORIES] == []


@pytest.mark.parametrize("story", TOLD.values(), ids=TOLD)
def test_a_story_expects_only_policies_that_there_are_and_never_what_it_says(story: Story) -> None:
    expected = story.expected
    assert {name for name in expected.fired if not (RULES / f"{name}.yaml").is_file()} == set()
    assert {key for key, _ in expected.reads} <= set(FINDING)
    assert not {words.lower() for words in expected.says} & {words.lower() for words in expected.never}
    assert expected.status == "presented" or expected.fired, "an end other than presented has a policy's name to it"


@pytest.mark.parametrize("story", [story for story in TOLD.values() if story.images], ids=lambda story: story.person.id)
def test_what_the_model_must_read_is_what_was_drawn(story: Story) -> None:
    spec = story.images[-1].spec
    drawn = set() if spec is None else set(truth(spec))
    assert set(story.expected.reads) <= drawn


@pytest.mark.parametrize("story", TOLD.values(), ids=TOLD)
def test_nothing_in_a_chart_is_of_the_future_or_of_before_the_birth(story: Story) -> None:
    for resource in story.resources:
        for moment in times(resource):
            assert moment.earliest <= CLOCK, resource["id"]
            assert moment.text[:10] >= story.person.birth_date, resource["id"]


def times(value: object) -> Iterator[When]:
    """Every date of a resource."""
    if isinstance(value, dict):
        for item in value.values():
            yield from times(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from times(item)
    elif isinstance(value, str) and "-" in value and (when := parse_when(value)) is not None:
        yield when


EDGES: tuple[tuple[str, Callable[[Story], bool]], ...] = (
    ("child", lambda story: story.person.age < 18),
    ("pregnancy-unknown", lambda story: 12 <= story.person.age <= 55 and not of_type(story, "Condition")),
    (
        "renal-unknown",
        lambda story: not any("GFR" in str(lab["code"]) or "reatinine" in str(lab["code"]) for lab in of_type(story, "Observation")),
    ),
    ("wrong-patient", lambda story: story.images[0].tagged_for.mrn != story.person.mrn),
    ("not-a-chest", lambda story: story.images[0].spec is None),
    ("injected-note", lambda story: b"ignore all previous instructions" in b"".join(notes(story))),
    ("tension-ptx", lambda story: [report["status"] for report in of_type(story, "DiagnosticReport")] == ["preliminary"]),
    ("heart-failure", lambda story: len(of_type(story, "ImagingStudy")) == len(story.images) == 2),
    ("unremarkable", lambda story: story.images[0].spec is not None and not truth(story.images[0].spec)),
    (
        "laterality",
        lambda story: {"left", "right"} <= set(re.findall("left|right", str(story.resources).lower() + str(truth(must(story))))),
    ),
)


@pytest.mark.parametrize(("name", "holds"), EDGES, ids=[name for name, _ in EDGES])
def test_the_point_of_a_story_stands_in_its_chart(name: str, holds: Callable[[Story], bool]) -> None:
    assert holds(TOLD[name])


def of_type(story: Story, resource_type: str) -> list[Any]:
    return [resource for resource in story.resources if resource["resourceType"] == resource_type]


def notes(story: Story) -> list[bytes]:
    return [
        base64.b64decode(content["attachment"]["data"])
        for note in of_type(story, "DocumentReference")
        for content in note["content"]
        if "data" in content["attachment"]
    ]


def must(story: Story) -> PhantomSpec:
    spec = story.images[0].spec
    assert spec is not None
    return spec

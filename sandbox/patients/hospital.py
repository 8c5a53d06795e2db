"""The pretend hospital: all its stories, and its files on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fhir.jsontext import dumps
from sandbox.patients import chests, contrast, procedures, traps
from sandbox.patients.builder import bundle
from sandbox.patients.story import ISSUER, Person, Story, StoryImage
from sandbox.phantoms.dicom import DicomPatient, DicomStudy, to_dicom
from sandbox.phantoms.render import render
from sandbox.phantoms.spec import Phantom, PhantomSpec, Subject

STORIES = (
    chests.tension_pneumothorax,
    contrast.ckd_stage_4,
    contrast.metformin_egfr_35,
    contrast.severe_contrast_reaction,
    contrast.shellfish_label,
    contrast.unknown_renal_function,
    procedures.pregnancy_and_pelvic_ct,
    procedures.pregnancy_unknown,
    procedures.apixaban_before_biopsy,
    procedures.platelets_40_before_biopsy,
    procedures.inr_before_biopsy,
    procedures.pacemaker_and_mri,
    chests.heart_failure_with_effusion,
    chests.pneumonia_with_prior,
    chests.child,
    traps.laterality_mismatch,
    traps.image_of_someone_else,
    traps.instructions_in_a_note,
    traps.not_a_radiograph,
    chests.unremarkable,
)
"""Every story, in the order the demo tells them."""

IMAGE_SIZE = 768


def stories() -> tuple[Story, ...]:
    """All patients of the pretend hospital. The same every time."""
    return tuple(tell() for tell in STORIES)


def image_file(image: StoryImage) -> bytes:
    """The DICOM file of a story's image: the same bytes every time."""
    phantom = _noise() if image.spec is None else render(image.spec, size=IMAGE_SIZE)
    study = DicomStudy(
        study_uid=image.study_uid,
        series_uid=f"{image.study_uid}.1",
        sop_uid=f"{image.study_uid}.1.1",
        accession_number=image.accession_number,
        study_date=f"{image.taken:%Y%m%d}",
        study_time=f"{image.taken:%H%M%S}",
        modality="DX",
        description="Chest radiograph",
    )
    return to_dicom(phantom, patient=_tags(image.tagged_for), study=study)


def write_hospital(folder: Path) -> tuple[Story, ...]:
    """Write one Bundle a patient and all images under `folder`, so that a source can be opened there."""
    told = stories()
    for story in told:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / f"{story.person.id}.json").write_bytes(dumps(bundle(story.resources)))
        for image in story.images:
            (folder / image.path).write_bytes(image_file(image))
    return told


def _tags(person: Person) -> DicomPatient:
    return DicomPatient(
        patient_id=person.mrn,
        issuer=ISSUER,
        family=person.family,
        given=person.given,
        birth_date=person.birth_date.replace("-", ""),
        sex="F" if person.sex == "female" else "M",
    )


def _noise() -> Phantom:
    """White noise over a grid: decodes, and shows nobody's chest."""
    rng = np.random.Generator(np.random.PCG64(4404))
    pixels = rng.integers(0, 4096, (IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint16)
    pixels[::32, :] = 4095
    return Phantom(PhantomSpec(Subject(36, "female", "average", 4404)), pixels, 12, 0.4)

"""Folders of DICOM files and reports, as a radiology department might hand them over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from fhir.pixels import close_workers
from retrieval.keys import Keyring
from sandbox.phantoms.dicom import DicomPatient, DicomStudy, to_dicom
from sandbox.phantoms.spec import Phantom, PhantomSpec, Subject

TERMS = {"consent": "broad consent 2019", "licence": "CC-BY-4.0"}
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.fixture(scope="session", autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    close_workers()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(b"a secret of the tests, long enough", b"salt")


def radiograph(number: int, patient: str = "P-1", **changes: Any) -> bytes:
    """A small radiograph of a study `2.25.<number>` that shows nothing. `changes` are DICOM keywords; None deletes one."""
    pixels = np.random.default_rng(number).integers(0, 4096, (32, 24), dtype=np.uint16)
    phantom = Phantom(PhantomSpec(Subject(63, "female", "average", number)), pixels, 12, 0.4)
    who = DicomPatient(patient, "SITE", "Doe", "Jane", "19600203", "F")
    study = DicomStudy(f"2.25.{number}", f"2.25.{number}.1", f"2.25.{number}.1.1", f"ACC{number}", "20230508", "101500", "DX")
    dataset = pydicom.dcmread(BytesIO(to_dicom(phantom, patient=who, study=study)))
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return _bytes(dataset)


def structured_report(number: int, text: str, **changes: Any) -> bytes:
    """A basic text SR of study `2.25.<number>` with one section (DICOM PS3.3 A.35.1)."""
    dataset = pydicom.dcmread(BytesIO(radiograph(number)))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "ViewPosition"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = BASIC_TEXT_SR
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number}.9.1"
    dataset.Modality, dataset.CompletionFlag = "SR", "COMPLETE"
    name, said, section = Dataset(), Dataset(), Dataset()
    name.RelationshipType, name.ValueType, name.PersonName = "HAS OBS CONTEXT", "PNAME", "Roe^Richard"
    said.RelationshipType, said.ValueType, said.TextValue = "CONTAINS", "TEXT", text
    section.RelationshipType, section.ValueType, section.ContentSequence = "CONTAINS", "CONTAINER", [said]
    heading = Dataset()
    heading.CodeValue, heading.CodingSchemeDesignator, heading.CodeMeaning = "121070", "DCM", "Findings"
    section.ConceptNameCodeSequence = [heading]
    dataset.ValueType, dataset.ContentSequence = "CONTAINER", [name, section]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return _bytes(dataset)


def _bytes(dataset: Dataset) -> bytes:
    sink = BytesIO()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


@dataclass(frozen=True)
class Made:
    """How tests make files."""

    radiograph: Callable[..., bytes] = radiograph
    structured_report: Callable[..., bytes] = structured_report

    @staticmethod
    def folder(place: Path, files: Mapping[str, bytes | str], *reports: Mapping[str, Any]) -> Path:
        """`place` with these files, and `reports.jsonl` when reports are given."""
        place.mkdir(exist_ok=True)
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content.encode() if isinstance(content, str) else content)
        if reports:
            (place / "reports.jsonl").write_text("\n".join(map(json.dumps, reports)))
        return place


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()

"""A hospital with a few small images: two of them and a cine loop of one patient, one of another, one that the record does not know."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from sandbox.ehr.config import Config
from sandbox.ehr.dicomweb.endpoint import name_images
from sandbox.ehr.dicomweb.images import Images
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

MINE, OTHERS, UNKNOWN = "1.2.3", "1.2.4", "1.2.9"


def _file(study: str, series: int, number: int, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> bytes:
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8) * 50 + number
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.{series}"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", f"{study}.{series}.{number}"
    dataset.PatientID, dataset.PatientName, dataset.AccessionNumber = f"MRN-{study}", "Ames^Ada", f"A-{study}"
    dataset.StudyDate, dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "20240310", "DX", series, number
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 6, 8, 16, 12, 11
    dataset.PixelRepresentation, dataset.PixelData = 0, pixels.tobytes()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta = meta
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture(scope="session")
def dicom_file() -> Callable[..., bytes]:
    """A file of study, series number and instance number, with further keywords as tags."""
    return _file


@pytest.fixture(scope="session")
def files() -> tuple[bytes, ...]:
    cine = {"NumberOfFrames": 2, "PixelData": np.arange(96, dtype=np.uint16).tobytes(), "Modality": "XA"}
    return (
        _file(MINE, 1, 1),
        _file(MINE, 1, 2),
        _file(MINE, 2, 1, **cine),
        _file(OTHERS, 1, 1, StudyDate="20230101", PatientName="Birch^Ben"),
        _file(UNKNOWN, 1, 1),
    )


@pytest.fixture
def images(files: tuple[bytes, ...]) -> Images:
    held = Images()
    for file in files:
        held.add(file)
    return held


def _study(name: str, patient: str, uid: str) -> dict[str, Any]:
    return {
        "resourceType": "ImagingStudy",
        "id": name,
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        "subject": {"reference": f"Patient/{patient}"},
    }


@pytest.fixture(scope="session")
def records() -> list[dict[str, Any]]:
    return [
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Patient", "id": "p2"},
        _study("i1", "p1", MINE),
        _study("i2", "p2", OTHERS),
    ]


def _serving(records: list[dict[str, Any]], files: tuple[bytes, ...], config: Config) -> Iterator[Running]:
    with running(Store(records), config) as server:
        for file in files:
            server.hospital.images.add(file)
        name_images(server.hospital)
        yield server


@pytest.fixture(scope="session")
def open_pacs(records: list[dict[str, Any]], files: tuple[bytes, ...]) -> Iterator[Running]:
    """An image server that asks for no token."""
    yield from _serving(records, files, Config())


@pytest.fixture(scope="session")
def pacs(records: list[dict[str, Any]], files: tuple[bytes, ...]) -> Iterator[Running]:
    """An image server that needs tokens."""
    yield from _serving(records, files, Config(requires_token=True))


@pytest.fixture
def get(pacs: Running, connections: httpx.Client) -> Iterator[Callable[..., httpx.Response]]:
    """Ask for a path as the bearer of a token of p1, or with `scope` and `patient` as given; `scope=None` sends no token."""

    def ask(path: str, scope: str | None = "patient/ImagingStudy.rs", patient: str | None = "p1", **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if scope is not None:
            headers["Authorization"] = f"Bearer {pacs.auth.issue(scope, patient=patient)}"
        return connections.get(f"{pacs.hospital.dicomweb}{path}", headers=headers, **options)

    yield ask
    pacs.faults.clear()

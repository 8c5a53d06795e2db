"""Small records and image files of our own, built on the fly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

Body = dict[str, Any]


@pytest.fixture
def patient() -> Body:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:mrn", "value": "MRN-1"}],
        "gender": "female",
        "birthDate": "1960-05-17",
    }


@pytest.fixture
def observation() -> Callable[..., Body]:
    def make(name: str, subject: str = "Patient/p1", **more: Any) -> Body:
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}], "text": "Creatinine"},
            "subject": {"reference": subject},
            "effectiveDateTime": "2024-03-01T10:00:00Z",
            **more,
        }

    return make


@pytest.fixture
def bundle() -> Callable[..., bytes]:
    """Bytes of a collection Bundle of the given resources; a pair (fullUrl, resource) names its entry."""

    def make(*resources: Body | tuple[str, Body], **more: Any) -> bytes:
        entries = [{"fullUrl": one[0], "resource": one[1]} if isinstance(one, tuple) else {"resource": one} for one in resources]
        return json.dumps({"resourceType": "Bundle", "type": "collection", **more, "entry": entries}).encode()

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def make(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return make


@pytest.fixture
def dicom() -> Callable[..., bytes]:
    """Bytes of a small DICOM image; `pixels` uint8 or uint16 [rows, columns], further keywords as tags."""

    def make(pixels: Any = None, syntax: str = ExplicitVRLittleEndian, *, preamble: bool = True, **tags: Any) -> bytes:
        data = np.arange(64, dtype=np.uint16).reshape(8, 8) if pixels is None else pixels
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", generate_uid()
        dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "CR", "MONOCHROME2", 1
        dataset.Rows, dataset.Columns = data.shape[-2:]
        dataset.BitsAllocated = dataset.BitsStored = data.dtype.itemsize * 8
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
        dataset.PixelData = data.tobytes()
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta = meta
        out = io.BytesIO()
        if preamble:
            dataset.save_as(out, enforce_file_format=True)
        else:
            dataset.save_as(out, implicit_vr=False, little_endian=True)
        return out.getvalue()

    return make


@pytest.fixture
def picture_file() -> Callable[..., bytes]:
    """Bytes of a PNG or JPEG of an array."""

    def make(pixels: Any, form: str = "PNG", **options: Any) -> bytes:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, form, **options)
        return out.getvalue()

    return make

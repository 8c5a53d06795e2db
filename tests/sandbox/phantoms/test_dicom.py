"""DICOM and PNG files: valid, complete, deterministic."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image

from sandbox.phantoms.dicom import DicomPatient, DicomStudy, to_dicom, to_png, uid
from sandbox.phantoms.errors import FormatRefused
from sandbox.phantoms.render import render
from sandbox.phantoms.spec import Phantom, PhantomSpec

PATIENT = DicomPatient("MRN-1", "PRETEND", "Ångström", "Zoë", "19600102", "F")
STUDY = DicomStudy(uid("study"), uid("series"), uid("image"), "ACC-1", "20260105", "101500")


@pytest.fixture
def phantom(study: Callable[..., PhantomSpec]) -> Phantom:
    return render(study(), size=128)


@pytest.mark.parametrize("modality", ["DX", "CR"])
@pytest.mark.parametrize("bits", [12, 16])
def test_round_trips_through_pydicom_with_all_tags(modality: str, bits: int, study: Callable[..., PhantomSpec]) -> None:
    phantom = render(study(), size=128, bits=bits)
    named = replace(STUDY, modality=modality, laterality="L")  # type: ignore[arg-type]  # parametrize gives str
    data = to_dicom(phantom, patient=PATIENT, study=named)
    assert data[128:132] == b"DICM"
    ds = pydicom.dcmread(io.BytesIO(data))
    assert np.array_equal(ds.pixel_array, phantom.pixels)
    expected = {
        "PatientName": "Ångström^Zoë",
        "PatientID": "MRN-1",
        "IssuerOfPatientID": "PRETEND",
        "PatientBirthDate": "19600102",
        "PatientSex": "F",
        "StudyInstanceUID": STUDY.study_uid,
        "SeriesInstanceUID": STUDY.series_uid,
        "SOPInstanceUID": STUDY.sop_uid,
        "AccessionNumber": "ACC-1",
        "StudyDate": "20260105",
        "StudyTime": "101500",
        "Modality": modality,
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 128,
        "Columns": 128,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "BurnedInAnnotation": "NO",
        "WindowWidth": 1 << bits,
        "WindowCenter": 1 << (bits - 1),
    }
    assert {name: ds.get(name) for name in expected} == expected
    assert ds.get("ImageLaterality" if modality == "DX" else "Laterality") == "L"
    assert float(ds.PixelSpacing[0]) == pytest.approx(phantom.pixel_spacing_mm, abs=1e-4)
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID


def test_the_same_input_gives_the_same_bytes(phantom: Phantom) -> None:
    digests = {hashlib.sha256(to_dicom(phantom, patient=PATIENT, study=STUDY)).hexdigest() for _ in range(2)}
    assert len(digests) == 1
    assert to_png(phantom) == to_png(phantom)


def test_monochrome1_holds_the_inverse(phantom: Phantom) -> None:
    ds = pydicom.dcmread(io.BytesIO(to_dicom(phantom, patient=PATIENT, study=STUDY, photometric="MONOCHROME1")))
    assert ds.PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(4095 - ds.pixel_array, phantom.pixels)


def test_a_lateral_view_is_named_so(study: Callable[..., PhantomSpec]) -> None:
    ds = pydicom.dcmread(io.BytesIO(to_dicom(render(study(view="LATERAL"), size=96), patient=PATIENT, study=STUDY)))
    assert ds.ViewPosition == "LL"
    assert ds.ViewCodeSequence[0].CodeMeaning == "left lateral"


def test_uids_are_derived_valid_and_distinct() -> None:
    assert uid("a", "b") == uid("a", "b") != uid("ab")
    assert pydicom.uid.UID(uid("a")).is_valid
    assert uid("a").startswith("2.25.")


@pytest.mark.parametrize(("bits", "shift"), [(8, 4), (16, 0)])
def test_a_png_holds_the_pixels(bits: int, shift: int, phantom: Phantom) -> None:
    image = np.asarray(Image.open(io.BytesIO(to_png(phantom, bits=bits))))  # type: ignore[arg-type]  # parametrize gives int
    assert np.array_equal(image, phantom.pixels >> shift if bits == 8 else phantom.pixels << 4)


def test_refuses_formats_it_does_not_write(phantom: Phantom) -> None:
    with pytest.raises(FormatRefused):
        to_png(phantom, bits=12)  # type: ignore[arg-type]  # the refusal is the point
    with pytest.raises(FormatRefused):
        to_dicom(phantom, patient=PATIENT, study=STUDY, photometric="RGB")  # type: ignore[arg-type]  # the refusal is the point

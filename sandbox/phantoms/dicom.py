"""Writes phantoms as DICOM (Digital X-Ray or Computed Radiography images) and as PNG: the same input, the same bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from sandbox.phantoms.errors import FormatRefused
from sandbox.phantoms.spec import Phantom

Modality = Literal["DX", "CR"]
Photometric = Literal["MONOCHROME2", "MONOCHROME1"]
SOP_CLASS = {"DX": DigitalXRayImageStorageForPresentation, "CR": ComputedRadiographyImageStorage}
IMPLEMENTATION = "2.25.295104218690314"
VIEW_CODE = {"PA": ("272479007", "postero-anterior"), "AP": ("399348003", "antero-posterior"), "LATERAL": ("399173006", "left lateral")}
"""SNOMED CT views of DICOM CID 4010."""
ORIENTATION = {"PA": ["L", "F"], "AP": ["L", "F"], "LATERAL": ["P", "F"]}


@dataclass(frozen=True, slots=True)
class DicomPatient:
    """Who the image says it is of. Dates are DICOM DA (YYYYMMDD); `birth_date` and `issuer` may be empty."""

    patient_id: str
    issuer: str
    family: str
    given: str
    birth_date: str
    sex: Literal["F", "M", "O", ""]


@dataclass(frozen=True, slots=True)
class DicomStudy:
    """Which study, series and image it is. `study_date` is DA (YYYYMMDD), `study_time` TM (HHMMSS)."""

    study_uid: str
    series_uid: str
    sop_uid: str
    accession_number: str
    study_date: str
    study_time: str
    modality: Modality = "DX"
    laterality: Literal["R", "L"] | None = None
    description: str = "Chest radiograph"


def uid(*parts: str) -> str:
    """A UID under 2.25 derived from a name: the same parts, the same UID (DICOM PS3.5 B.2)."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _file_meta(sop_class: str, sop_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "SIDENOTE_PHANTOM"
    return meta


def _identify(ds: Dataset, patient: DicomPatient, study: DicomStudy) -> None:
    """The patient, study, series and instance modules."""
    ds.SOPClassUID = SOP_CLASS[study.modality]
    ds.SOPInstanceUID = study.sop_uid
    ds.StudyInstanceUID = study.study_uid
    ds.SeriesInstanceUID = study.series_uid
    ds.PatientName = f"{patient.family}^{patient.given}"
    ds.PatientID = patient.patient_id
    ds.IssuerOfPatientID = patient.issuer
    ds.PatientBirthDate = patient.birth_date
    ds.PatientSex = patient.sex
    ds.AccessionNumber = study.accession_number
    ds.StudyID = study.accession_number[-16:]
    for name in ("Study", "Series", "Acquisition", "Content"):
        setattr(ds, f"{name}Date", study.study_date)
        setattr(ds, f"{name}Time", study.study_time)
    ds.StudyDescription = study.description
    ds.SeriesDescription = study.description
    ds.Modality = study.modality
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    ds.ReferringPhysicianName = ""


def _coded(value: str, meaning: str) -> Sequence[Dataset]:
    """A code sequence of one SNOMED CT concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


def _describe(ds: Dataset, phantom: Phantom, study: DicomStudy) -> None:
    """How the image was taken."""
    view = phantom.spec.view
    ds.Manufacturer = "Sidenote"
    ds.ManufacturerModelName = "Phantom radiograph"
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = {"PA": "PA", "AP": "AP", "LATERAL": "LL"}[view]
    ds.PatientOrientation = ORIENTATION[view]
    ds.BurnedInAnnotation = "NO"
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.AnatomicRegionSequence = _coded("816094009", "Thorax")
    ds.ViewCodeSequence = _coded(*VIEW_CODE[view])
    ds.AcquisitionContextSequence = []
    ds.LossyImageCompression = "00"
    ds.PresentationLUTShape = "IDENTITY"
    if study.modality == "DX":
        ds.PresentationIntentType = "FOR PRESENTATION"
        ds.ImageLaterality = study.laterality or "U"
        ds.ImagerPixelSpacing = _spacing(phantom)
        ds.PixelIntensityRelationship = "LOG"
        ds.PixelIntensityRelationshipSign = -1
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    elif study.laterality:
        ds.Laterality = study.laterality


def _spacing(phantom: Phantom) -> list[str]:
    return [f"{phantom.pixel_spacing_mm:.5f}"] * 2


def _fill(ds: Dataset, phantom: Phantom, photometric: Photometric) -> None:
    """The pixel module."""
    top = (1 << phantom.bits) - 1
    pixels = phantom.pixels if photometric == "MONOCHROME2" else np.asarray(top - phantom.pixels, dtype=np.uint16)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = pixels.shape
    ds.PixelSpacing = _spacing(phantom)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, phantom.bits, phantom.bits - 1
    ds.PixelRepresentation = 0
    ds.WindowCenter, ds.WindowWidth = str((top + 1) // 2), str(top + 1)
    ds.PixelData = pixels.astype("<u2").tobytes()
    if photometric == "MONOCHROME1":
        ds.PresentationLUTShape = "INVERSE"


def to_dicom(phantom: Phantom, *, patient: DicomPatient, study: DicomStudy, photometric: Photometric = "MONOCHROME2") -> bytes:
    """The phantom as a DICOM Part 10 file, explicit VR little endian, uncompressed.

    Raises:
        FormatRefused: an unknown modality or photometric interpretation.
    """
    if study.modality not in SOP_CLASS or photometric not in ("MONOCHROME2", "MONOCHROME1"):
        raise FormatRefused("a phantom is written as DX or CR, MONOCHROME2 or MONOCHROME1")
    ds = FileDataset("", Dataset(), preamble=b"\0" * 128, file_meta=_file_meta(SOP_CLASS[study.modality], study.sop_uid))
    ds.SpecificCharacterSet = "ISO_IR 192"
    _identify(ds, patient, study)
    _describe(ds, phantom, study)
    _fill(ds, phantom, photometric)
    out = io.BytesIO()
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def to_png(phantom: Phantom, *, bits: Literal[8, 16] = 8) -> bytes:
    """The phantom as a grayscale PNG without any text or time in it.

    Raises:
        FormatRefused: `bits` is neither 8 nor 16.
    """
    if bits == 8:
        image = Image.fromarray((phantom.pixels >> (phantom.bits - 8)).astype(np.uint8))
    elif bits == 16:
        image = Image.fromarray(phantom.pixels << np.uint16(16 - phantom.bits))
    else:
        raise FormatRefused("a PNG has 8 or 16 bits")
    out = io.BytesIO()
    image.save(out, format="PNG", compress_level=6)
    return out.getvalue()

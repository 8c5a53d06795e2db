"""One imaging study: what it is, how to get its pixels, and whether they belong to this patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fhir.codes import Side
from fhir.time import When

IMAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of an image file at most, unless a caller wants fewer."""

Outcome = Literal["match", "mismatch", "unknown"]


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where the pixels of one instance are: an attachment's URL (relative to the source) or inline data."""

    reference: str
    """The FHIR resource that names it, e.g. `DocumentReference/doc-1`."""
    content_type: str | None
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    hash_sha1: str | None = None
    """`attachment.hash`: base64 of the SHA-1 of the data, when given."""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """An ImagingStudy of the chart, with its reports and image sources."""

    reference: str
    study_uid: str | None
    """StudyInstanceUID without `urn:oid:`."""
    accession_number: str | None
    modality: tuple[str, ...]
    """DCM codes of the study and its series, sorted, e.g. ("CR",)."""
    body_part: str | None
    """SNOMED or text of `series.bodySite`, else of the procedure; None when the record does not say."""
    description: str | None
    started: When | None
    series_laterality: Side | None
    orders: tuple[str, ...]
    """References of the ServiceRequests it is based on."""
    reports: tuple[str, ...]
    """References of its DiagnosticReports, newest first."""
    images: tuple[ImageSource, ...]


@dataclass(frozen=True)
class Picture:
    """A decoded image and the identity it carries. Pixels are for display: MONOCHROME2, VOI window applied."""

    pixels: NDArray[np.float32]
    """[rows, columns], 0 (black, air) .. 1."""
    sha256: str
    """Of the file as received."""
    kind: Literal["dicom", "png", "jpeg"]
    tags: Mapping[str, str] = field(repr=False)
    """DICOM keyword -> text for the allow-list of keywords read; empty for PNG and JPEG."""
    notes: tuple[str, ...] = ()
    """How it was rendered: window used, photometric interpretation, rescale, frame taken."""


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """Whether an image's identity fits the bound patient: the keywords compared and how each ended."""

    outcome: Outcome
    fields: tuple[tuple[str, Outcome], ...]
    """(DICOM keyword, outcome), e.g. ("PatientID", "mismatch"). Never the values."""

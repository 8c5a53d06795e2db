"""One imaging study: what it is, how to get its pixels, and whether they belong to this patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fhir.codes import Side
from fhir.errors import NotThere
from fhir.time import When

IMAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of an image file at most, unless a caller wants fewer."""

Outcome = Literal["match", "mismatch", "unknown"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM instance on a DICOMweb server: how `ImageSource` says that WADO-RS has it."""

    address: str
    """`Endpoint.address`: the base of the server's DICOMweb service, as the record gives it."""
    study_uid: str
    series_uid: str
    instance_uid: str
    """StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, without `urn:oid:`."""
    sop_class: str | None = None
    """SOP Class UID, when known."""
    frames: int | None = None
    """NumberOfFrames, when known."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where the pixels of one instance are: an attachment's URL (relative to the source), inline data, or a DICOMweb server."""

    reference: str
    """The FHIR resource that names it, e.g. `DocumentReference/doc-1`."""
    content_type: str | None
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    hash_sha1: str | None = None
    """`attachment.hash`: base64 of the SHA-1 of the data, when given."""
    size: int | None = None
    instance: Instance | None = None
    """Where WADO-RS has it; None for an attachment."""
    tags: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """What the image server's metadata say of it, as `Picture.tags`; empty when they were not asked for."""
    patient: str | None = None
    """`Patient/id` of whose chart it is; a Binary that says it is of somebody else's is refused."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The images of a study that are worth fetching, and what is left out."""

    images: tuple[ImageSource, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, in words of ours."""
    refused: tuple[str, ...] = ()
    """Codes of the errors for which images that should be there could not be listed."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a study, as the record gives it."""

    uid: str
    """SeriesInstanceUID without `urn:oid:`."""
    modality: str | None
    """DCM code, e.g. "DX"."""
    body_part: str | None
    laterality: Side | None
    number_of_instances: int | None
    """As stated; None when the record does not say."""


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
    """Attachments: pictures that the record itself holds or names."""
    status: str | None = None
    """`ImagingStudy.status`: registered (nothing to see yet), available, unknown."""
    regions: frozenset[str] = frozenset()
    """Keys of `fhir.regions` that the body part, the procedure or the description names; empty when they name none."""
    series: tuple[Series, ...] = ()
    """In the order of their numbers."""
    endpoints: tuple[str, ...] = ()
    """Addresses of the DICOMweb services that have it, usable ones alone, in the record's order."""
    unknown_endpoints: int = 0
    """How many endpoints it names that the record does not hold: an image server that nobody can find."""
    instances: tuple[ImageSource, ...] = ()
    """The instances that the record lists and says where to find, in the order of series and instance numbers."""

    @property
    def pictured(self) -> bool:
        """Whether the record knows of a picture: one attached, or an image server that has it."""
        return bool(self.images or self.endpoints)

    @property
    def out_of_reach(self) -> Listed | None:
        """What is listed of a study whose only image server is named and not described; None for any other study."""
        if self.pictured or not self.unknown_endpoints:
            return None
        return Listed((), ("the record names an image server and does not say where it is",), (NotThere.code,))


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

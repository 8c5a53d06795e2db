"""What QIDO-RS is asked (DICOM PS3.18 10.6), and whether what comes back is what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from fhir.dicomweb.attributes import Attributes
from fhir.errors import RequestRefused

_UID = re.compile(r"[0-9.]{1,64}")
INCLUDED = {
    "studies": ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "ModalitiesInStudy"),
    "series": ("Modality", "BodyPartExamined", "Laterality", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    "instances": ("SOPClassUID", "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
}
"""Attributes asked for beside those that a server must return anyway."""


def uid_of(text: str) -> str:
    """A UID as it may stand in a URL, without `urn:oid:` (DICOM PS3.5 9.1).

    Raises:
        RequestRefused: it is none: whatever else it holds could lead to another resource.
    """
    plain = text.removeprefix("urn:oid:")
    if not _UID.fullmatch(plain) or ".." in plain or plain.startswith("."):
        raise RequestRefused("a DICOM UID that is none")
    return plain


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """Which studies. What is None is not asked; a study must fit everything else, to the letter."""

    patient_id: str | None = field(default=None, repr=False)
    accession_number: str | None = field(default=None, repr=False)
    study_uid: str | None = None
    modality: str | None = None
    """One that the study has among others (`ModalitiesInStudy`)."""
    since: date | None = None
    until: date | None = None
    """StudyDate, both days included; either alone leaves the other side open."""

    def parameters(self) -> dict[str, str]:
        """The matching parameters by their keyword.

        Raises:
            RequestRefused: a UID that is none, or an empty text, which QIDO-RS would take for "any".
        """
        dates = f"{self.since:%Y%m%d}-" if self.since else "-" if self.until else ""
        found = {
            "PatientID": self.patient_id,
            "AccessionNumber": self.accession_number,
            "StudyInstanceUID": None if self.study_uid is None else uid_of(self.study_uid),
            "ModalitiesInStudy": self.modality,
            "StudyDate": dates + (f"{self.until:%Y%m%d}" if self.until else "") or None,
        }
        if not all(value is None or value.strip() for value in found.values()):
            raise RequestRefused("an empty text is no key to search by")
        return {keyword: value for keyword, value in found.items() if value is not None}


def query_string(level: str, parameters: Mapping[str, str], limit: int, offset: int) -> str:
    """The query of one page. Each attribute to be included has a parameter of its own: not every server splits lists."""
    pairs = [*parameters.items(), *(("includefield", keyword) for keyword in INCLUDED[level])]
    return urlencode([*pairs, ("limit", str(limit)), *([("offset", str(offset))] if offset else [])])


def answers(found: Attributes, parameters: Mapping[str, str]) -> bool:
    """Whether a match is one: servers ignore parameters they do not know, and read `*` and `?` as wildcards."""
    return all(_fits(found, keyword, value) for keyword, value in parameters.items())


def _fits(found: Attributes, keyword: str, value: str) -> bool:
    given = found.texts(keyword)
    if keyword == "StudyDate":
        since, _, until = value.partition("-")
        return all((since or "0") <= text <= (until or "9") for text in given) and bool(given)
    # a server need not know the modalities of a study
    return value.strip() in given or (keyword == "ModalitiesInStudy" and not given)

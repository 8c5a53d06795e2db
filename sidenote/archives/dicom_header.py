"""A DICOM header in the words of a case: who, how old, which sex, when, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from retrieval.archive.case_line import UNSTATED
from sidenote.archives.headers import Header

_SEX = {"M": "male", "F": "female", "O": "other"}
_AGE = re.compile(r"([0-9]{3})([DWMY])")
_IN_A_YEAR = {"D": 365, "W": 52, "M": 12, "Y": 1}
_DAY = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TERM = re.compile(r"[A-Z]{2,16}")
_OID = re.compile(r"[0-2](?:\.\d+)+")
OLDEST = 130


def names(header: Header, system: str | None) -> Iterator[str]:
    """The names a health record may know the patient by, written `system|value` as `agent.nodes.retrieve` writes them.

    DICOM names an issuer by a local word or an OID, FHIR by a URI: only the site knows which is which. The number is given under
    `system`, under its issuer, under the issuer as `urn:oid:`, and under no system at all.

    Args:
        header: Of one file.
        system: `Identifier.system` under which the site's record knows these numbers; None when it was not said.
    """
    numbers = [(header.tag("PatientID"), header.tag("IssuerOfPatientID")), *header.others]
    for position, (number, issuer) in enumerate(numbers):
        if not number:
            continue
        if system and position == 0:
            yield f"{system}|{number}"
        if issuer:
            yield f"{issuer}|{number}"
        if _OID.fullmatch(issuer):
            yield f"urn:oid:{issuer}|{number}"
        yield f"|{number}"


def day(text: str) -> date | None:
    """A DA value (PS3.5 6.2: YYYYMMDD, of old YYYY.MM.DD) as a date; None for anything else."""
    parts = _DAY.fullmatch(text)
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def age(header: Header, at: date | None) -> int | None:
    """Completed years at the study: Patient's Age (AS, `063Y`), else from the birth date; None when neither tells."""
    stated = _AGE.fullmatch(header.tag("PatientAge"))
    if stated is not None:
        years = int(stated[1]) // _IN_A_YEAR[stated[2]]
    else:
        born = day(header.tag("PatientBirthDate"))
        if born is None or at is None:
            return None
        years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    return years if 0 <= years <= OLDEST else None


def sex(text: str) -> str:
    """Patient's Sex (0010,0040) as FHIR's administrative gender."""
    return _SEX.get(text.upper(), "unknown")


def term(text: str) -> str:
    """A code string such as a modality, body part or view, in capitals; UNKNOWN for none, and for what is no such code."""
    capital = text.upper().replace(" ", "").replace("_", "")
    return capital if _TERM.fullmatch(capital) else UNSTATED

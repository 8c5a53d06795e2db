"""Whether a DICOM image belongs to the bound patient and study: the wrong-patient guard.

Every keyword is compared in three values. A keyword that the image or the record does not give is unknown and never a match:
PNG and JPEG carry no identity, so they are always unknown. DICOM PS3.3 C.7.1.1 (Patient), C.7.2.1 (General Study).

A number that is written otherwise (leading zeros, hyphens, case) may be the same or not: it is unknown. A number is of an issuer: the
same digits from another hospital are another patient, where image and record both say whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from fhir.chart import Fact
from fhir.study import IdentityCheck, Outcome, Study
from fhir.views import member, objects

_DECIDING = frozenset(
    {"PatientID", "OtherPatientIDs", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"}
)
_SUPPORTING = _DECIDING - {"PatientSex", "IssuerOfPatientID"}
"""Keywords that speak for an image when they match: sex and issuer tell nobody apart, and can only speak against it."""
_SEX = {"M": "male", "F": "female", "O": "other"}


def compare_identity(tags: Mapping[str, str], patient: Fact, study: Study | None, others: Collection[Study]) -> IdentityCheck:
    """Compare an image's tags with the patient and the study, or with every study of the chart when none is given.

    Returns:
        "mismatch" when any identifying keyword says another patient or study; "match" when PatientID matches, or two other
        keywords besides sex and issuer do; "unknown" otherwise.
    """
    body = patient.body
    others = others if study is None else (study,)
    fields: tuple[tuple[str, Outcome], ...] = (
        ("PatientID", _patient_id(tags, patient)),
        ("OtherPatientIDs", _other_ids(tags, patient)),
        ("IssuerOfPatientID", _issuer(tags, body)),
        ("PatientBirthDate", _birth_date(tags.get("PatientBirthDate", ""), str(body.get("birthDate", "")))),
        ("PatientSex", _sex(tags.get("PatientSex", ""), str(body.get("gender", "")))),
        ("StudyInstanceUID", _one_of(tags.get("StudyInstanceUID", ""), study, [(one, one.study_uid) for one in others])),
        ("AccessionNumber", _one_of(tags.get("AccessionNumber", ""), study, [(one, one.accession_number) for one in others])),
    )
    return IdentityCheck(_outcome(fields), fields)


def _outcome(fields: tuple[tuple[str, Outcome], ...]) -> Outcome:
    deciding = {name: outcome for name, outcome in fields if name in _DECIDING}
    if "mismatch" in deciding.values():
        return "mismatch"
    matches = sum(outcome == "match" for name, outcome in deciding.items() if name in _SUPPORTING)
    return "match" if deciding["PatientID"] == "match" or matches >= 2 else "unknown"


def _identifiers(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in objects(body.get("identifier")) if one.get("value")]


def _numbers(patient: Fact) -> set[str]:
    """What the record calls the patient. An id of digits alone is a server's row, which may be anybody's number elsewhere."""
    own = set() if patient.id.isdecimal() else {patient.id}
    return own | {str(one["value"]).strip() for one in _identifiers(patient.body)}


def _patient_id(tags: Mapping[str, str], patient: Fact) -> Outcome:
    """Unknown, and no mismatch, also when another number of the image is the patient's: after two records were made one."""
    tag = tags.get("PatientID", "").strip()
    if not tag:
        return "unknown"
    known = _numbers(patient)
    if tag in known:
        return "match"
    perhaps = _bare(tag) in {_bare(number) for number in known | {patient.id}}
    return "unknown" if perhaps or _others(tags) & known else "mismatch"


def _other_ids(tags: Mapping[str, str], patient: Fact) -> Outcome:
    """Whether another number that the image gives is the patient's. One that is not says nothing: people have many."""
    return "match" if _others(tags) & _numbers(patient) else "unknown"


def _others(tags: Mapping[str, str]) -> set[str]:
    return {number for one in tags.get("OtherPatientIDs", "").split("\\") if (number := one.strip())}


def _bare(number: str) -> str:
    """A number without what one system writes and the next leaves out.

    >>> _bare("0012-34a")
    '1234A'
    """
    return re.sub(r"[^0-9A-Z]", "", number.upper()).lstrip("0")


def _issuer(tags: Mapping[str, str], body: Mapping[str, Any]) -> Outcome:
    """Whether the image's number is of the issuer it names.

    Sites write issuers in many ways, so one that the record does not know says nothing. One that it knows, by a number of the patient
    that is not the image's, says that the image is of somebody else.
    """
    issuer, tag = tags.get("IssuerOfPatientID", "").strip(), tags.get("PatientID", "").strip()
    theirs = [str(one["value"]).strip() for one in _identifiers(body) if issuer in _issuers(one)]
    if not issuer or not tag or not theirs:
        return "unknown"
    if tag in theirs:
        return "match"
    return "unknown" if _bare(tag) in map(_bare, theirs) or _others(tags) & set(theirs) else "mismatch"


def _issuers(identifier: Mapping[str, Any]) -> set[str]:
    """How an Identifier names who gave it: its system, also without `urn:oid:`, and its assigner."""
    system = str(identifier.get("system") or "")
    named = {system, system.removeprefix("urn:oid:"), str(member(identifier.get("assigner"), "display") or "").strip()}
    return named - {""}


def _birth_date(tag: str, recorded: str) -> Outcome:
    """`YYYYMMDD` against a FHIR date; equal as far as a partial date goes is unknown, not a match."""
    digits, given = tag.replace(".", "").replace("-", ""), recorded.replace("-", "")
    if len(digits) != 8 or not digits.isdecimal() or not given:
        return "unknown"
    if digits[: len(given)] != given:
        return "mismatch"
    return "match" if len(given) == 8 else "unknown"


def _sex(tag: str, gender: str) -> Outcome:
    """M and F against male and female; every other pair says nothing, unless both say other."""
    said = _SEX.get(tag.upper())
    if said is None or gender not in _SEX.values():
        return "unknown"
    if said == gender:
        return "match"
    return "unknown" if "other" in (said, gender) else "mismatch"


def _one_of(tag: str, study: Study | None, values: list[tuple[Study, str | None]]) -> Outcome:
    """The tag against the value of the given study, or against those of all when none is given."""
    tag, known = tag.strip(), {value.strip() for one, value in values if value and study in (None, one)}
    if not tag or not known:
        return "unknown"
    if tag in known:
        return "match"
    return "unknown" if study is None else "mismatch"

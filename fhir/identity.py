"""Whether a DICOM image belongs to the bound patient and study: the wrong-patient guard.

Every keyword is compared in three values. A keyword that the image or the record does not give is unknown and never a match:
PNG and JPEG carry no identity, so they are always unknown. DICOM PS3.3 C.7.1.1 (Patient), C.7.2.1 (General Study).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fhir.chart import Fact
from fhir.study import IdentityCheck, Outcome, Study
from fhir.views import member, objects

_DECIDING = frozenset({"PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"})
_SEX = {"M": "male", "F": "female", "O": "other"}


def compare_identity(tags: Mapping[str, str], patient: Fact, study: Study | None, others: Collection[Study]) -> IdentityCheck:
    """Compare an image's tags with the patient and the study, or with every study of the chart when none is given.

    Returns:
        "mismatch" when any identifying keyword says another patient or study; "match" when PatientID matches, or two other
        keywords besides sex do; "unknown" otherwise.
    """
    body = patient.body
    others = others if study is None else (study,)
    fields: tuple[tuple[str, Outcome], ...] = (
        ("PatientID", _patient_id(tags.get("PatientID", ""), patient)),
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
    # sex tells nobody apart: it can speak against an image, and not for it
    matches = sum(outcome == "match" for name, outcome in deciding.items() if name != "PatientSex")
    return "match" if deciding["PatientID"] == "match" or matches >= 2 else "unknown"


def _identifiers(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in objects(body.get("identifier")) if one.get("value")]


def _patient_id(tag: str, patient: Fact) -> Outcome:
    if not tag:
        return "unknown"
    known = {patient.id, *(str(one["value"]).strip() for one in _identifiers(patient.body))}
    return "match" if tag in known else "mismatch"


def _issuer(tags: Mapping[str, str], body: Mapping[str, Any]) -> Outcome:
    """Whether the identifier that equals PatientID is of the issuer the image names. Sites write issuers in many ways: it never decides."""
    issuer = tags.get("IssuerOfPatientID", "")
    same = [one for one in _identifiers(body) if str(one["value"]).strip() == tags.get("PatientID")]
    if not issuer or not same:
        return "unknown"
    assigners = {str(one.get("system", "")) for one in same} | {str(member(one.get("assigner"), "display") or "") for one in same}
    return "match" if issuer in assigners else "unknown"


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
    known = {value.strip() for one, value in values if value and study in (None, one)}
    if not tag or not known:
        return "unknown"
    if tag in known:
        return "match"
    return "unknown" if study is None else "mismatch"

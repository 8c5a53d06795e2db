"""What can be wrong with a record, as types.

RecordError
  SourceError            the source cannot be read as FHIR R4
    SourceMissing        no such file, folder or base
    Unreachable          the server did not answer (retryable)
    AccessRefused        the server refused (401, 403)
    NotFhir              it answered with something that is not FHIR (an HTML login page, plain text)
    BadJson              truncated, duplicate keys, NaN, wrong encoding, too deep
    WrongRelease         FHIR, but not R4
    EmptySource          nothing in it
    ConflictingCopies    one resource twice in the same version, with different content
  PatientError
    UnknownPatient       the asked patient is not in the source
    AnotherPatient       the source mixes patients where one was asked for
  ImagingError
    FileRejected         a file that is not what it says, or is too large to be safe
    UnknownStudy         the asked study is not in the chart
    WrongPatientImage    the image carries another patient's identity
  DraftInvalid           a resource we wrote does not validate

Raised in this folder; caught at a door, which turns `code` into problem+json. Messages never carry PHI.
"""

from __future__ import annotations

from typing import ClassVar


class RecordError(Exception):
    """Base of every error of the record. `case_id` names the patient or file asked for, as the caller gave it."""

    code: ClassVar[str] = "record_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str | None = None) -> None:
        """Keep `message` (no PHI) and `where`: a position such as `line 7` or `entry 12`, never content."""
        super().__init__(message if where is None else f"{message} ({where})")
        self.where = where


class SourceError(RecordError):
    """The source cannot be read as FHIR R4."""

    code = "source_error"


class SourceMissing(SourceError):
    """No such file, folder or base URL."""

    code = "source_missing"


class Unreachable(SourceError):
    """The server did not answer in time."""

    code = "fhir_unreachable"
    retryable = True


class AccessRefused(SourceError):
    """The server refused: 401 or 403."""

    code = "fhir_access_refused"


class NotFhir(SourceError):
    """The answer or file is not FHIR JSON at all."""

    code = "not_fhir"


class BadJson(SourceError):
    """Not strict JSON: truncated, a key twice in one object, NaN or Infinity, wrong encoding, nested too deep."""

    code = "bad_json"


class WrongRelease(SourceError):
    """FHIR of another release than R4."""

    code = "wrong_release"


class EmptySource(SourceError):
    """A well-formed source without any resource."""

    code = "empty_source"


class ConflictingCopies(SourceError):
    """One resource stands in the source twice, in the same version, with different content: neither can be believed."""

    code = "conflicting_copies"


class PatientError(RecordError):
    """The asked patient and the source do not fit."""

    code = "patient_error"


class UnknownPatient(PatientError):
    """The asked patient is not in the source."""

    code = "unknown_patient"


class AnotherPatient(PatientError):
    """A resource of another patient stands where only the bound patient's may stand."""

    code = "another_patient"


class ImagingError(RecordError):
    """Something is wrong with a study or its pixels."""

    code = "imaging_error"


class FileRejected(ImagingError):
    """A file that is not what it says it is, cannot be decoded, or is too large to be decoded safely."""

    code = "file_rejected"


class UnknownStudy(ImagingError):
    """The asked study is not in the chart."""

    code = "unknown_study"


class WrongPatientImage(ImagingError):
    """The image's identifying tags name another patient."""

    code = "image_wrong_patient"


class DraftInvalid(RecordError):
    """A resource written by Sidenote failed validation; nothing was written."""

    code = "draft_invalid"

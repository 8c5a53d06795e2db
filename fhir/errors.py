"""What can be wrong with a record, as types.

RecordError
  SourceError            the source cannot be read as FHIR R4
    SourceMissing        no such file, folder or base
    Unreachable          the server did not answer (retryable)
      DeadlinePassed     not within the time a question is given
      BreakerOpen        it failed so often that it is left alone for a while
      Overloaded         it says that it is too busy (429, 503), for longer than we wait
    AccessRefused        the server refused (401, 403)
    ElsewhereRefused     a URL leads to a host that is not on the list
    NotThere             the server does not have it (404)
      Deleted            it had it once (410)
    RequestRefused       the server does not take what it was sent (400, 409, 412, 422 and so on)
      VersionConflict    it holds another version than the one that was changed
    NotFhir              it answered with something that is not FHIR (an HTML login page, plain text)
    NotDicomweb          an image server answered with something that is not DICOMweb
    BadJson              truncated, duplicate keys, NaN, wrong encoding, too deep
    WrongRelease         FHIR, but not R4
    ExportFailed         a bulk export that the server ended, lost, or described so that it cannot be followed
    ExportIncomplete     an export of which something asked for did not come
    EmptySource          nothing in it
    PagingEndless        the pages of a search lead back to themselves, or never end
    ConflictingCopies    one resource twice in the same version, with different content
    RecordTooLarge       more than may be held, even after all that may be left out is left out
  PatientError
    UnknownPatient       the asked patient is not in the source
    AnotherPatient       the source mixes patients where one was asked for
    PatientReplaced      the asked patient's record was merged into another
  ImagingError
    FileRejected         a file that is not what it says, or is too large to be safe
    UnknownStudy         the asked study is not in the chart
    WrongPatientImage    the image carries another patient's identity
  DraftInvalid           a resource we wrote does not validate
  AuthorizationError     no token is to be had, or what came with one cannot be trusted
    RegistrationInvalid  how we are registered with a server is written down wrongly
    IssuerUnknown        a launch names a server that is not on the list
    DiscoveryInvalid     what a server says of its own endpoints cannot be used
      CapabilityMissing  it says that it lacks something we need
    LaunchInvalid        a launch or its callback is not one that this browser began, or began too long ago
    AuthorizationDenied  the server or the user said no
    TokenRefused         the token endpoint said no
    TokenInvalid         its answer lacks what it must hold, or contradicts the launch
    IdTokenInvalid       the id_token is forged, for somebody else, or out of its time
      ClockSkewed        the server's clock and ours are too far apart
    KeysUnavailable      the server's public keys cannot be had now (retryable)
    LaunchAgain          the session is over and only a new launch helps

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


class DeadlinePassed(Unreachable):
    """The answer did not come within the time that was given; what was under way is cancelled."""

    code = "deadline_passed"
    retryable = True


class BreakerOpen(Unreachable):
    """The server failed so often in a row that it is left alone for a while."""

    code = "breaker_open"
    retryable = True


class Overloaded(Unreachable):
    """The server says that it is too busy.

    `retry_after` is how long it wants to be left alone, in seconds, when it said so.
    """

    code = "server_overloaded"
    retryable = True

    def __init__(self, message: str, *, where: str | None = None, retry_after: float | None = None) -> None:
        """As every error of the record, and how long to wait."""
        super().__init__(message, where=where)
        self.retry_after = retry_after


class AccessRefused(SourceError):
    """The server refused: 401 or 403."""

    code = "fhir_access_refused"


class ElsewhereRefused(SourceError):
    """A URL leads to a host that is not on the list: nothing was asked there, no token was sent."""

    code = "elsewhere_refused"


class NotThere(SourceError):
    """The server does not have what was asked for."""

    code = "not_there"


class Deleted(NotThere):
    """What was asked for was deleted on the server."""

    code = "deleted"


class RequestRefused(SourceError):
    """The server does not take what it was sent.

    `issues` are the codes of its OperationOutcome, without its words.
    """

    code = "request_refused"

    def __init__(self, message: str, *, where: str | None = None, issues: tuple[str, ...] = ()) -> None:
        """As every error of the record, and what the server named."""
        super().__init__(message, where=where)
        self.issues = issues


class VersionConflict(RequestRefused):
    """The server holds another version than the one that was changed: read it again, decide again."""

    code = "version_conflict"


class NotFhir(SourceError):
    """The answer or file is not FHIR JSON at all."""

    code = "not_fhir"


class NotDicomweb(SourceError):
    """An image server answered with what DICOM PS3.18 does not allow: no multipart, no DICOM JSON, an HTML page."""

    code = "not_dicomweb"


class BadJson(SourceError):
    """Not strict JSON: truncated, a key twice in one object, NaN or Infinity, wrong encoding, nested too deep."""

    code = "bad_json"


class WrongRelease(SourceError):
    """FHIR of another release than R4."""

    code = "wrong_release"


class ExportFailed(SourceError):
    """A bulk export that the server ended or lost, whose answers cannot be followed, or whose folder holds another one."""

    code = "export_failed"


class ExportIncomplete(SourceError):
    """An export is in its folder, and something that was asked for is missing from it: `export.json` there says what."""

    code = "export_incomplete"


class EmptySource(SourceError):
    """A well-formed source without any resource."""

    code = "empty_source"


class PagingEndless(SourceError):
    """The pages of a search lead back to themselves, or are more than anybody reads."""

    code = "paging_endless"


class ConflictingCopies(SourceError):
    """One resource stands in the source twice, in the same version, with different content: neither can be believed."""

    code = "conflicting_copies"


class RecordTooLarge(SourceError):
    """What must never be left out of a chart (allergies, problems, active medications) is more than a chart may hold."""

    code = "record_too_large"


class PatientError(RecordError):
    """The asked patient and the source do not fit."""

    code = "patient_error"


class UnknownPatient(PatientError):
    """The asked patient is not in the source."""

    code = "unknown_patient"


class AnotherPatient(PatientError):
    """A resource of another patient stands where only the bound patient's may stand."""

    code = "another_patient"


class PatientReplaced(PatientError):
    """The asked patient's record was merged into another: what it holds is no longer the whole, or no longer right."""

    code = "patient_replaced"


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


class AuthorizationError(RecordError):
    """No token is to be had, or what came with one cannot be trusted."""

    code = "authorization_error"


class RegistrationInvalid(AuthorizationError):
    """How we are registered with a server is written down wrongly: its base, our scopes, key or redirect URI."""

    code = "registration_invalid"


class IssuerUnknown(AuthorizationError):
    """A launch names a FHIR server that is not among the configured ones: nothing was asked of it."""

    code = "issuer_unknown"


class DiscoveryInvalid(AuthorizationError):
    """The SMART configuration of a server cannot be used: endpoints missing, elsewhere, or not safe."""

    code = "discovery_invalid"


class CapabilityMissing(DiscoveryInvalid):
    """The server says of itself that it lacks something we need. `missing` are the SMART names of it."""

    code = "capability_missing"

    def __init__(self, message: str, *, where: str | None = None, missing: tuple[str, ...] = ()) -> None:
        """As every error of the record, and what is missing."""
        super().__init__(message, where=where)
        self.missing = missing


class LaunchInvalid(AuthorizationError):
    """A launch, or the callback that ends it, is malformed, was used already, is too old, or began in another browser."""

    code = "launch_invalid"


class AuthorizationDenied(AuthorizationError):
    """The authorization server, or the user there, said no.

    `error` is one of the codes of RFC 6749 4.1.2.1. `description` is the server's text without control characters, for a door that
    escapes it; it is not part of the message.
    """

    code = "authorization_denied"

    def __init__(self, message: str, *, where: str | None = None, error: str = "", description: str = "") -> None:
        """As every error of the record, and what the server said."""
        super().__init__(message, where=where)
        self.error, self.description = error, description


class TokenRefused(AuthorizationError):
    """The token endpoint said no. `error` is its code of RFC 6749 5.2, when it is one of those."""

    code = "token_refused"

    def __init__(self, message: str, *, where: str | None = None, error: str = "") -> None:
        """As every error of the record, and the code."""
        super().__init__(message, where=where)
        self.error = error


class TokenInvalid(AuthorizationError):
    """A token response lacks what it must hold, or contradicts the launch: no chart is shown with it."""

    code = "token_invalid"


class IdTokenInvalid(AuthorizationError):
    """The id_token is forged, malformed, for somebody else, or out of its time."""

    code = "id_token_invalid"


class ClockSkewed(IdTokenInvalid):
    """The server's clock and this machine's are too far apart to judge when a token begins and ends."""

    code = "clock_skewed"


class KeysUnavailable(AuthorizationError):
    """The server's public keys cannot be had now, and those we had are too old."""

    code = "keys_unavailable"
    retryable = True


class LaunchAgain(AuthorizationError):
    """The session is over and cannot be renewed: it takes a new launch from the EHR."""

    code = "launch_again"

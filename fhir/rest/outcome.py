"""What an answer's status and OperationOutcome mean, as typed errors. A server's words are not repeated: they may quote the record."""

from __future__ import annotations

from fhir.errors import AccessRefused, BadJson, Deleted, NotFhir, NotThere, RequestRefused, VersionConflict
from fhir.issues import issues_in
from fhir.jsontext import loads
from fhir.release import refuse_version
from fhir.wire.exchange import Answer

_FHIR = frozenset({"application/fhir+json", "application/json", "text/json", "application/json+fhir", ""})


def issue_codes(body: bytes) -> tuple[str, ...]:
    """`OperationOutcome.issue.code` of a body, in order, each once; () when it is no OperationOutcome."""
    try:
        outcome = loads(body)
    except BadJson:
        return ()
    if outcome.get("resourceType") != "OperationOutcome":
        return ()
    return tuple(dict.fromkeys(code for _, code in issues_in(outcome) if code))


def require_success(answer: Answer) -> Answer:
    """The answer, when it is 200, 201, 202 or 204.

    Raises:
        AccessRefused: 401 or 403.
        NotThere: 404, and Deleted: 410.
        VersionConflict: 409 or 412.
        RequestRefused: any other 4xx, or 501.
        NotFhir: a redirect, or a status that is no answer.
    """
    status = answer.status
    if status in (200, 201, 202, 204):
        return answer
    if status in (401, 403):
        raise AccessRefused("the server refused access")
    if status == 404:
        raise NotThere("the server does not have it")
    if status == 410:
        raise Deleted("it was deleted on the server")
    issues = issue_codes(answer.body)
    if status in (409, 412):
        raise VersionConflict("the server holds another version, or more than one match", issues=issues)
    if 400 <= status < 500 or status == 501:
        named = f": {', '.join(issues)}" if issues else ""
        raise RequestRefused(f"the server does not take the request, status {status}{named}", issues=issues)
    raise NotFhir("the server answered with a redirect or another status that is no answer")


def require_fhir(answer: Answer) -> bytes:
    """The body of a successful answer that has one, when its media type is FHIR JSON of R4.

    Raises:
        RequestRefused: 201, 202 or 204: what was asked for is not in it, and an empty answer is no answer of nothing.
        NotFhir: HTML (a login page, most often), XML or another media type.
        WrongRelease: the media type names another release.
        Others: see `require_success`.
    """
    if require_success(answer).status != 200:
        raise RequestRefused(f"the server does not answer with what was asked for, status {answer.status}")
    if answer.media_type in ("text/html", "application/xhtml+xml"):
        raise NotFhir("the server answered with an HTML page")
    if answer.media_type not in _FHIR:
        raise NotFhir("the server answered with another media type than FHIR JSON")
    refuse_version(answer.parameter("fhirVersion"))
    return answer.body

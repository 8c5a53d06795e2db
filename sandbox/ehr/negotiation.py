"""Media types: what a request accepts and what its body is (FHIR R4 http.html#mime-type, #general)."""

from __future__ import annotations

from starlette.requests import Request

from fhir.errors import RecordError
from fhir.jsontext import check, loads
from sandbox.ehr.outcome import FHIR_JSON, Refusal

_ANSWERED = frozenset(("*/*", "application/*", FHIR_JSON, "application/json", "json"))
_READ = frozenset((FHIR_JSON, "application/json"))
FORM = "application/x-www-form-urlencoded"


def media_type(header: str) -> str:
    """The type without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def require_acceptable(request: Request) -> None:
    """Refuse a request that does not accept FHIR JSON; `_format` goes before the Accept header.

    Raises:
        Refusal: 406.
    """
    asked = request.query_params.get("_format")
    accepted = [asked] if asked else request.headers.get("accept", "*/*").split(",")
    if not any(_answers(each) for each in accepted):
        raise Refusal(406, "this server answers application/fhir+json only")


def _answers(accepted: str) -> bool:
    kind, *parameters = [part.strip().lower() for part in accepted.split(";")]
    release = next((part.partition("=")[2] for part in parameters if part.startswith("fhirversion=")), "4.0")
    return kind in _ANSWERED and release == "4.0" and "q=0" not in parameters


async def read_form(request: Request) -> list[tuple[str, str]]:
    """The pairs of a form body.

    Raises:
        Refusal: 415 for another media type.
    """
    if media_type(request.headers.get("content-type", "")) != FORM:
        raise Refusal(415, f"the body must be {FORM}")
    form = await request.form()
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def read_resource(request: Request) -> dict[str, object]:
    """The resource in the body, parsed strictly.

    Raises:
        Refusal: 415 for another media type; 400 for what is not strict JSON or has no `resourceType`.
    """
    if media_type(request.headers.get("content-type", "")) not in _READ:
        raise Refusal(415, "the body must be application/fhir+json")
    text = await request.body()
    try:
        check(text)
        body = loads(text)
    except RecordError as error:
        raise Refusal(400, "the body is not strict JSON") from error
    if not isinstance(body.get("resourceType"), str):
        raise Refusal(400, "the body is no resource: resourceType is missing")
    return body

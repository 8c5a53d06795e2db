"""OperationOutcome: how the server says no. Every error it answers with is one (FHIR R4 http.html 3.1.0.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from fhir.jsontext import dumps

FHIR_JSON = "application/fhir+json"
MEDIA_TYPE = f"{FHIR_JSON}; charset=utf-8; fhirVersion=4.0"

ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
}
"""HTTP status -> code of http://hl7.org/fhir/issue-type."""


class Refusal(Exception):
    """The server refuses a request: status, reason, and headers that go with it."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the answer is made of."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


def operation_outcome(status: int, reason: str, severity: str = "error") -> dict[str, Any]:
    """The resource for one issue; `status` chooses its code."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": ISSUES.get(status, "processing"), "diagnostics": reason}],
    }


def fhir_response(body: Mapping[str, Any] | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in the FHIR media type; `bytes` go out as they are."""
    content = body if isinstance(body, bytes) else dumps(body)
    return Response(content, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def refused(refusal: Refusal) -> Response:
    """The answer to a refused request."""
    return fhir_response(operation_outcome(refusal.status, refusal.reason), refusal.status, refusal.headers)

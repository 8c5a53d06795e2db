"""Beginning an export (Bulk Data Access 2.0, "Bulk Data Kick-off Request")."""

from __future__ import annotations

from typing import Literal

from fhir.bulk.request import ExportRequest
from fhir.errors import ExportFailed
from fhir.rest.outcome import require_success
from fhir.rest.query import FHIR_JSON
from fhir.wire.exchange import Answer, Ask
from fhir.wire.origins import Origins, joined

_HEADERS = {"Accept": FHIR_JSON, "Prefer": "respond-async"}
_LIMIT = 1 << 20


def kick_off(base: str, request: ExportRequest, method: Literal["GET", "POST"] = "GET") -> Ask:
    """The question that begins an export; single patients go by POST whatever `method` says.

    It is never repeated by itself: whoever lost the answer may have begun an export that goes on.
    """
    url = f"{base.rstrip('/')}/{request.path}"
    if method == "GET" and not request.patients:
        return Ask("GET", f"{url}?{request.query()}", _HEADERS, limit=_LIMIT, repeatable=False)
    return Ask("POST", url, {**_HEADERS, "Content-Type": FHIR_JSON}, request.body(), limit=_LIMIT, repeatable=False)


def status_url(answer: Answer, allowed: Origins) -> str:
    """Where the export that has begun tells how far it is.

    Raises:
        AccessRefused, NotThere, RequestRefused: the server does not begin one, with the codes of its OperationOutcome.
        ExportFailed: it says neither no nor where to ask (a kick-off can "succeed" without Content-Location).
        ElsewhereRefused: it sends us to a host that is not on the list.
    """
    require_success(answer)
    location = answer.headers.get("content-location", "").strip()
    if answer.status != 202 or not location:
        raise ExportFailed("the server began no export: it did not answer 202 with a Content-Location")
    url = joined(answer.url, location)
    allowed.require(url)
    return url

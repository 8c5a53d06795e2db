"""Who is in a group: so that a patient who does not come with its export is told, never overlooked."""

from __future__ import annotations

import re

from fhir.bulk.request import ExportRequest
from fhir.errors import RecordError, Unreachable
from fhir.jsontext import check, loads
from fhir.rest.outcome import require_fhir
from fhir.rest.query import FHIR_JSON
from fhir.views import member, objects
from fhir.wire.exchange import Ask
from fhir.wire.wire import Wire

_PATIENT = re.compile(r"(?:^|/)Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$", re.ASCII)


async def members_of(wire: Wire, base: str, request: ExportRequest) -> tuple[str, ...] | None:
    """Ids of the patients an export is asked for, sorted; None when nobody can say who they are.

    A server may export a group that it does not let anybody read, whose members it defines, or of whom it names one in words.

    Raises:
        Unreachable: the server did not answer.
    """
    if request.patients:
        return tuple(sorted(set(request.patients)))
    if request.group is None:
        return None
    try:
        answer = await wire.ask(Ask("GET", f"{base.rstrip('/')}/Group/{request.group}", {"Accept": FHIR_JSON}))
        body = require_fhir(answer)
        check(body)
    except Unreachable:
        raise
    except RecordError:
        return None
    group = loads(body)
    if group.get("resourceType") != "Group" or not group.get("member"):
        return None
    named = [str(member(one.get("entity"), "reference") or "") for one in objects(group["member"]) if one.get("inactive") is not True]
    if "" in named:  # who is named by an identifier or in words may be anybody
        return None
    found = (_PATIENT.search(reference) for reference in named)
    return tuple(sorted({match[1] for match in found if match}))

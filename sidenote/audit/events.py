"""What is told of: one frozen row an event, with what R4 AuditEvent needs (http://hl7.org/fhir/R4/auditevent.html).

`sidenote.audit.resource` makes the AuditEvent of a row. Codes are codes: no row holds a message, and none holds a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

Name = Literal["launch", "launch_denied", "exchange", "shown", "asked", "denied", "decided", "wrote", "ended"]
Action = Literal["C", "R", "U", "D", "E"]
"""http://hl7.org/fhir/audit-event-action: create, read, update, delete, execute."""
Outcome = Literal["0", "4", "8"]
"""http://hl7.org/fhir/audit-event-outcome: success, minor failure (refused), serious failure (broken)."""
Role = Literal["resource", "query", "report", "claim", "route"]
LONGEST = 16_000
"""Characters of one text of a row. A search is far below; a longer one is kept up to here."""
BREAK_GLASS = "break_glass"
"""Code of a launch into emergency access."""
_CODE = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, on whose chart, in which session of ours. `session` is the id that may be told, never the handle."""

    ehr: str
    """Name of the EHR, the tenant."""
    user: str = field(repr=False)
    """The user as the EHR names one (`fhirUser`); empty where it does not say."""
    patient: str = field(repr=False)
    """Id of the patient in that EHR."""
    session: str
    emergency: bool = field(default=False, repr=False)
    """Whether the EHR says that its access was an emergency's (break the glass)."""


NOBODY = Who("", "", "", "")
"""Where there is no session: a denial at the door."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that an event is about."""

    role: Role
    value: str = field(repr=False)
    """A reference, a search, an id or a route template, as `role` says."""
    detail: str = ""
    """A resource's type, a report's SHA-256."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event."""

    event: Name
    action: Action
    outcome: Outcome
    code: str
    """Why, or how, as a code: `http_403`, `session_over`, `approve`."""
    who: Who
    interaction: str = ""
    """Code of http://hl7.org/fhir/restful-interaction, or the DICOMweb service, of an exchange."""
    review: str = ""
    entities: tuple[Entity, ...] = ()
    more: int = 0
    """How many like it came since the one before, and were not told one by one."""
    recorded: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    def fields(self) -> dict[str, Any]:
        """Plain values, as they are stored; `emergency` only where it is true. Text that is no Unicode (a lone surrogate) is replaced."""
        found: dict[str, Any] = _plain(asdict(self))
        if not self.who.emergency:
            del found["who"]["emergency"]
        return found


def row_of(fields: Mapping[str, Any]) -> Row:
    """The row that `Row.fields` wrote.

    Raises:
        TypeError, KeyError: it is none.
    """
    entities = tuple(Entity(**one) for one in fields["entities"])
    return Row(**{**fields, "who": Who(**fields["who"]), "entities": entities})


def launched(who: Who) -> Row:
    """A session began with the EHR's word on who is here, whose chart is open, and whether that is an emergency."""
    return Row("launch", "E", "0", BREAK_GLASS if who.emergency else "", who)


def launch_denied(ehr: str, code: str) -> Row:
    """A launch did not come to a session. `ehr` is empty for one that is not configured."""
    return Row("launch_denied", "E", "4", _code(code), Who(ehr, "", "", ""))


def exchanged(who: Who, action: Action, interaction: str, status: int | None, entities: Sequence[Entity]) -> Row:
    """One question to a server and the status of its answer; None where none came."""
    outcome: Outcome = "8" if status is None or status >= 500 else "4" if status >= 400 else "0"
    code = "no_answer" if status is None else f"http_{status}"
    return Row("exchange", action, outcome, code, who, interaction, entities=tuple(entities))


def shown(who: Who, review_id: str, sha256: str) -> Row:
    """A review was put before the user: the bytes with this SHA-256."""
    return Row("shown", "R", "0", "", who, review=review_id, entities=(Entity("report", review_id, sha256),))


def asked(who: Who, review_id: str) -> Row:
    """A question was answered from a review's snapshot."""
    return Row("asked", "E", "0", "", who, review=review_id, entities=(Entity("report", review_id),))


def denied(who: Who | None, route: str, code: str) -> Row:
    """A request to us was refused. `route` is a template, such as `/api/reviews/{id}`, never the path that was asked for."""
    return Row("denied", "E", "4", _code(code), who or NOBODY, entities=(Entity("route", route),))


def decided(who: Who, review_id: str, claim: str, action: str) -> Row:
    """A person approved, edited or rejected a claim of a review."""
    entities = (Entity("report", review_id), Entity("claim", f"{review_id}/{claim}"))
    return Row("decided", "E", "0", _code(action), who, review=review_id, entities=entities)


def wrote(who: Who, references: Sequence[str], outcome: str) -> Row:
    """An approved draft was written to the EHR (`outcome` is `written`), or not: then it is a code that says why."""
    grade: Outcome = "0" if outcome == "written" else "8"
    return Row("wrote", "C", grade, _code(outcome), who, "create", entities=tuple(Entity("resource", one) for one in references))


def ended(who: Who, reason: str) -> Row:
    """A session is over, for a reason of `sidenote.web.wire.stream.EndReason`."""
    return Row("ended", "E", "0", _code(reason), who)


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else "unnamed"


def _plain(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value[:LONGEST].encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in cast("tuple[Any, ...]", value)]

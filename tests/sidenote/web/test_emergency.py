"""Emergency access (break the glass): it works as any session does, says what it is in every row, and only the EHR can say so."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir.models import validate
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.audit.events import Row, row_of
from sidenote.audit.reading import CHAIN
from sidenote.audit.resource import as_resource
from sidenote.audit.verify import verify
from sidenote.decisions.write_back import needed_scopes
from sidenote.ehrs import READ_SCOPES

PATIENT = "ckd4-contrast"
RECORD = next(story for story in stories() if story.person.id == PATIENT).resources
EVENTS = {"launch", "exchange", "shown", "asked", "decided", "wrote", "denied", "ended"}
pytestmark = pytest.mark.fault(109)


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A door of an EHR that drafts are written to."""
    options = {"stores": {"lindenhof": list(RECORD)}, "ehr": {"write_back": True}, "now": lambda: CLOCK}
    scopes = f"{READ_SCOPES} launch/patient {needed_scopes()}"
    with open_door(tmp_path_factory.mktemp("emergency"), "lindenhof", scopes=scopes, **options) as opened:
        yield opened


def rows(door: Any, session: str) -> list[Row]:
    """Rows of a session as they stand in the audit's file."""
    with closing(sqlite3.connect(f"file:{door.parts.settings.store_file}?mode=ro", uri=True)) as db:
        lines = [json.loads(line) for (line,) in db.execute("SELECT line FROM audit WHERE session = ? ORDER BY seq", (session,))]
    return [row_of({key: value for key, value in line.items() if key not in CHAIN}) for line in lines]


def everything(door: Any, **context: Any) -> tuple[dict[str, Any], list[Row]]:
    """Open a session, read its review, ask, decide, be refused, sign out: what was opened, and every row of it."""
    opened = door.session(patient=PATIENT, **context)
    session = door.on_loop(lambda: door.parts.sessions.of(opened["handle"]))
    path = f"/api/reviews/{opened['review_id']}"
    door.settle()
    with door.client() as client:
        client.headers["Authorization"] = f"Bearer {opened['handle']}"
        answer = reviewed(client, path)
        view = answer.json()
        claim = next(card["claim"] for part in ("first", "consider", "seen") for card in view[part] if card["decidable"])
        decision = {"claim": claim, "action": "approve", "shown_sha256": hashlib.sha256(answer.content).hexdigest()}
        assert client.post(f"{path}/questions", json={"text": "What about the kidneys?"}).status_code == 200
        assert client.post(f"{path}/decisions", json=decision).json()["write"] == "written"
        assert client.get("/api/reviews/00000000-0000-4000-8000-000000000000").status_code == 404
        assert client.delete("/api/session").status_code == 204
    return opened, rows(door, session.id)


def reviewed(client: httpx.Client, path: str) -> httpx.Response:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer


def test_every_row_of_an_emergency_is_an_audit_event_that_says_so(door: Any) -> None:
    opened, found = everything(door, intent="break-glass")
    assert opened["emergency"] is True
    assert {row.event for row in found} == EVENTS
    made = [as_resource(row, "a" * 64) for row in found]
    assert [validate("AuditEvent", one) for one in made] == [()] * len(made)
    assert {one["purposeOfEvent"][0]["coding"][0]["code"] for one in made} == {"BTG"}
    assert [row.code for row in found if row.event == "launch"] == ["break_glass"]
    assert verify(door.parts.settings.store_file).whole


@pytest.mark.parametrize("intent", [None, "review"])
def test_without_the_word_that_was_agreed_a_session_is_a_usual_one(door: Any, intent: str | None) -> None:
    opened, found = everything(door, intent=intent)
    assert opened["emergency"] is False
    assert {row.event for row in found} == EVENTS
    assert [row for row in found if "purposeOfEvent" in as_resource(row)] == []
    assert [row.code for row in found if row.event == "launch"] == [""]


def test_a_page_cannot_make_an_emergency_of_its_session(door: Any) -> None:
    """What the browser sends has no place for it: the word comes with the token, from server to server."""
    base, window = door.hospitals["lindenhof"].base, "w" * 43
    query = f"{door.query(patient=PATIENT)}&intent=break-glass&emergency=true"
    callback = {"ehr": "lindenhof", "query": query, "window": window}
    with door.client() as client:
        for more in ({"intent": "break-glass"}, {"emergency": True}):
            assert client.post("/api/launch", json={"iss": base, "window": "v" * 43, **more}).status_code == 422
            assert client.post("/api/session", json={**callback, **more}).status_code == 422
        opened = client.post("/api/session", json=callback)
    assert (opened.status_code, opened.json()["emergency"]) == (201, False)


def test_an_emergency_reaches_what_the_token_reaches_and_nothing_more(open_door: Callable[..., Any], tmp_path: Path) -> None:
    narrow = "launch openid fhirUser patient/Patient.rs patient/Observation.rs"
    with open_door(tmp_path, stores={"lindenhof": list(RECORD)}, granted=narrow, now=lambda: CLOCK) as door:
        seen = []
        for intent in (None, "break-glass"):
            opened = door.session(patient=PATIENT, intent=intent)
            door.settle()
            with door.client() as client:
                client.headers["Authorization"] = f"Bearer {opened['handle']}"
                view = reviewed(client, f"/api/reviews/{opened['review_id']}").json()
            seen.append((opened["off"], opened["may_write"], view["missing"]))
    usual, urgent = seen
    assert usual == urgent
    assert {"what": "searching MedicationRequest", "reach": "none"} in usual[0]


def test_the_emergency_is_counted(door: Any) -> None:
    before = counted(door)
    door.session(patient=PATIENT, intent="break-glass")
    door.session(patient=PATIENT)
    assert {access: counted(door)[access] - before[access] for access in before} == {"emergency": 1, "usual": 1}


def counted(door: Any) -> dict[str, float]:
    found = door.parts.metrics.registry.get_sample_value
    return {access: found("sidenote_launches_total", {"access": access}) or 0 for access in ("emergency", "usual")}

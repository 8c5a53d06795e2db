"""Decisions through the door: who may decide on what, once, and what of it comes into the EHR."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.errors import FlightRecordError
from agent.gate import Held, build_gate
from sandbox.ehr.auth.clients import User
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.decisions.write_back import WRITTEN_TYPES, needed_scopes
from sidenote.ehrs import READ_SCOPES
from sidenote.web import deciding
from sidenote.web.deciding import finish_left, wait_for_people

PATIENT = "ckd4-contrast"
SCOPES = f"{READ_SCOPES} launch/patient {needed_scopes()}"
RECORD = next(story for story in stories() if story.person.id == PATIENT).resources


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deciding")


@pytest.fixture(scope="module")
def opened(open_door: Callable[..., Any], home: Path) -> Iterator[Any]:
    """A door of an EHR that drafts are written to."""
    options = {"stores": {"lindenhof": list(RECORD)}, "ehr": {"write_back": True}, "now": lambda: CLOCK}
    with open_door(home, "lindenhof", scopes=SCOPES, **options) as door:
        yield door


class Chair:
    """A clinician before a finished review."""

    def __init__(self, door: Any, window: str = "w" * 43) -> None:
        body = door.session(patient=PATIENT, window=window)
        self.door, self.may_decide, self.may_write, self.review_id = door, body["may_decide"], body["may_write"], body["review_id"]
        self.handle, self.client = body["handle"], door.client()
        self.client.headers["Authorization"] = f"Bearer {self.handle}"
        door.settle()  # opening a session writes beside what was left before it, and its review has claims put to wait: nobody is met there
        self.path = f"/api/reviews/{self.review_id}"
        answer = self.client.get(self.path)
        assert answer.status_code == 200, answer.text
        self.review, self.shown = answer.json(), hashlib.sha256(answer.content).hexdigest()
        cards = [*self.review["first"], *self.review["consider"], *self.review["seen"]]
        self.texts = {card["claim"]: card["text"] for card in cards}
        self.decidable = [card["claim"] for card in cards if card["decidable"]]
        self.others = [card["claim"] for card in cards if not card["decidable"]]

    def ask(self, claim: str, action: str = "approve", **more: Any) -> dict[str, Any]:
        return {"claim": claim, "action": action, "shown_sha256": self.shown, **more}

    def decide(self, *asked: Any, **more: Any) -> httpx.Response:
        answer: httpx.Response = self.client.post(f"{self.path}/decisions", json=self.ask(*asked, **more))
        return answer

    def decisions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{self.path}/decisions").json()
        return found


@pytest.fixture
def door(opened: Any) -> Any:
    opened.hospitals["lindenhof"].faults.clear()
    return opened


@pytest.fixture
def seated() -> Iterator[Callable[..., Chair]]:
    """Sits clinicians down before finished reviews."""
    with ExitStack() as stack:

        def sit(door: Any, **more: Any) -> Chair:
            made = Chair(door, **more)
            stack.callback(made.client.close)
            return made

        yield sit


@pytest.fixture
def chair(door: Any, seated: Callable[..., Chair]) -> Chair:
    return seated(door)


def in_ehr(door: Any, review_id: str) -> list[Any]:
    """What was written of a review."""
    record = [one.body for name in WRITTEN_TYPES for one in door.hospitals["lindenhof"].store.of_type(name)]
    with sqlite3.connect(f"file:{door.parts.settings.store_file}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT written FROM decision_writes WHERE review_id = ?", (review_id,)).fetchall()
    named = {reference for (row,) in rows for reference in json.loads(row)}
    return [body for body in record if f"{body['resourceType']}/{body['id']}" in named]


def audited(door: Any, event: str, review_id: str = "") -> list[Any]:
    with sqlite3.connect(f"file:{door.parts.settings.store_file}?mode=ro", uri=True) as db:
        lines = db.execute("SELECT line FROM audit WHERE event = ? AND (? IN (review, '')) ORDER BY seq", (event, review_id)).fetchall()
    return [json.loads(line) for (line,) in lines]


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.std("E7")
@pytest.mark.std("E8")
def test_an_approval_stands_and_its_draft_is_in_the_ehr(chair: Chair, door: Any) -> None:
    assert chair.may_write
    claim = chair.decidable[0]
    answer = chair.decide(claim)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {**body, "written": (), "write_words": ""} == {
        "claim": claim,
        "action": "approve",
        "text": chair.texts[claim],
        "reason": "",
        "by": "Practitioner/dr-sandbox",
        "at": "2026-11-20T09:00:00Z",
        "write": "written",
        "write_words": "",
        "written": (),
    }
    assert [f"{one['resourceType']}/{one['id']}" for one in in_ehr(door, chair.review_id)] == body["written"]
    assert chair.decisions() == [body]
    (row,) = audited(door, "decided", chair.review_id)
    assert (row["code"], row["who"]["user"], row["who"]["patient"]) == ("approve", "Practitioner/dr-sandbox", PATIENT)
    assert {one["value"] for one in audited(door, "wrote")[-1]["entities"]} == set(body["written"])


def test_what_a_person_writes_is_kept_as_it_is_shown_without_hidden_characters(chair: Chair, door: Any) -> None:
    text = "Ask \u202efirst\u200b <b>now</b>\u0007"
    answer = chair.decide(chair.decidable[0], "edit", text=text).json()
    assert answer["text"] == "Ask \\u202efirst\\u200b <b>now</b>\\u0007"
    written = json.dumps(in_ehr(door, chair.review_id)[0], ensure_ascii=False)
    assert "Ask \\\\u202efirst" in written
    assert "&lt;b&gt;now" in written
    again = chair.decide(chair.decidable[0], "edit", text=answer["text"])
    assert again.json()["first"]["text"] == answer["text"], "what the page sends again is the same word"


def test_a_decision_stands_though_its_thread_cannot_go_on(chair: Chair, door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> Any:
        raise FlightRecordError("the disk is full")

    approved, rejected = chair.decidable[:2]
    with monkeypatch.context() as patch:
        patch.setattr("sidenote.decisions.carrying_out.release", broken)
        answers = [chair.decide(approved), chair.decide(rejected, "reject", reason="Known.")]
    assert [(one.status_code, one.json()["write"]) for one in answers] == [(201, "failed"), (201, "off")]
    assert [one["claim"] for one in chair.decisions()] == [approved, rejected]
    assert chair.decide(approved).json()["write"] == "written", "the same word once more"


def test_nobody_decides_in_a_session_that_ends_before_the_decision_stands(chair: Chair, door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted, claim = deciding._draft, chair.decidable[0]

    def ending(session: Any, *rest: Any) -> Any:
        made = drafted(session, *rest)
        door.on_loop(lambda: door.parts.sessions.end(session, "another_launch"))
        return made

    monkeypatch.setattr(deciding, "_draft", ending)
    assert refused(chair.decide(claim)) == (401, "session_over")
    assert door.on_loop(lambda: door.parts.decisions.of_review("lindenhof", chair.review_id)) == ()
    assert audited(door, "decided", chair.review_id) == []


def test_an_edit_is_written_in_the_persons_words_and_a_rejection_not_at_all(chair: Chair, door: Any) -> None:
    edited, rejected = chair.decidable[:2]
    assert chair.decide(edited, "edit", text="Ask the renal team first.").json()["text"] == "Ask the renal team first."
    answer = chair.decide(rejected, "reject", reason="Known.").json()
    assert (answer["write"], answer["reason"], answer["written"]) == ("off", "Known.", [])
    assert "Ask the renal team first." in json.dumps(in_ehr(door, chair.review_id)[0])
    assert len(in_ehr(door, chair.review_id)) == 2


@pytest.mark.fault(51)
def test_of_two_at_once_one_decides_and_the_other_is_shown_the_first(door: Any, seated: Callable[..., Chair]) -> None:
    for number in range(2):
        chair = seated(door)
        claims = chair.decidable
        with ThreadPoolExecutor(4) as pool:
            for claim in claims:
                tries = [pool.submit(chair.decide, claim, *act) for act in (("approve",), ("approve",))]
                tries += [pool.submit(chair.decide, claim, "reject", reason=f"No {number}.") for _ in range(2)]
                answers = [one.result() for one in tries]
                (won,) = [one for one in answers if one.status_code == 201]
                late = [one for one in answers if one.status_code == 409]
                assert len(late) == 3
                assert {one.headers["content-type"] for one in late} == {"application/problem+json"}
                assert all(one.json()["first"]["action"] == won.json()["action"] for one in late)
        written = sum(one["write"] == "written" for one in chair.decisions())
        assert (len(chair.decisions()), len(in_ehr(door, chair.review_id))) == (len(claims), 2 * written)


def test_the_same_again_is_late_too_once_it_is_done(chair: Chair) -> None:
    claim = chair.decidable[0]
    first = chair.decide(claim).json()
    again = chair.decide(claim)
    assert refused(again) == (409, "decided_already")
    assert again.json()["first"] == first
    assert again.json()["retryable"] is False


@pytest.mark.parametrize(("status", "words"), [(503, "too busy"), (422, "does not take"), (403, "does not let")])
def test_what_could_not_be_written_is_tried_again_by_the_same_word_alone(chair: Chair, door: Any, status: int, words: str) -> None:
    claim = chair.decidable[0]
    door.hospitals["lindenhof"].faults.answer(status, times=None, path="/fhir/Provenance/")
    first = chair.decide(claim)
    assert (first.status_code, first.json()["write"]) == (201, "failed")
    assert words in first.json()["write_words"]
    assert refused(chair.decide(claim, "reject", reason="No.")) == (409, "decided_already")
    door.hospitals["lindenhof"].faults.clear()
    again = chair.decide(claim)
    assert (again.status_code, again.json()["write"]) == (201, "written")
    assert len(in_ehr(door, chair.review_id)) == 2
    assert len(audited(door, "decided", chair.review_id)) == 1


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"shown_sha256": "0" * 64}, (409, "shown_changed")),
        ({"claim": "C999"}, (404, "not_found")),
        ({"action": "edit"}, (422, "input_invalid")),
        ({"text": "more"}, (422, "input_invalid")),
        ({"reason": "more"}, (422, "input_invalid")),
        ({"action": "sign"}, (422, "input_invalid")),
        ({"claim": "C1; DROP"}, (422, "input_invalid")),
    ],
)
def test_what_cannot_be_decided_so_is_refused_and_nothing_stands(chair: Chair, change: dict[str, str], refusal: tuple[int, str]) -> None:
    answer = chair.client.post(f"{chair.path}/decisions", json={**chair.ask(chair.decidable[0]), **change})
    assert refused(answer) == refusal
    assert chair.decisions() == []


def test_a_statement_that_nobody_is_asked_about_is_not_decided_on(chair: Chair) -> None:
    assert chair.others
    assert refused(chair.decide(chair.others[0])) == (409, "not_decidable")


@pytest.mark.fault(104)
def test_the_review_of_another_session_is_not_there(chair: Chair, door: Any, seated: Callable[..., Chair]) -> None:
    other = seated(door, window="v" * 43)
    mine, theirs, random = chair.path, other.path, "/api/reviews/00000000-0000-4000-8000-000000000000"
    for method, body in (("GET", None), ("POST", chair.ask(chair.decidable[0]))):
        answers = [chair.client.request(method, f"{path}/decisions", json=body) for path in (theirs, random)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert chair.client.get(f"{mine}/decisions").status_code == 200
    assert other.decisions() == []


def test_without_a_session_nobody_decides(chair: Chair) -> None:
    del chair.client.headers["Authorization"]
    assert refused(chair.decide("C1")) == (401, "session_over")
    assert refused(chair.client.get(f"{chair.path}/decisions")) == (401, "session_over")


@pytest.mark.fault(50)
def test_a_page_of_another_site_decides_nothing(chair: Chair) -> None:
    chair.client.headers["Sec-Fetch-Site"] = "cross-site"
    assert refused(chair.decide(chair.decidable[0])) == (403, "cross_site")


@pytest.mark.fault(116)
def test_without_an_audit_nobody_decides(chair: Chair, door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sidenote.audit.errors import AuditDown

    async def down(*_: Any) -> None:
        raise AuditDown("the audit is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(door.parts.audit), "append", down)
        assert refused(chair.decide(chair.decidable[0])) == (503, "audit_down")
    assert chair.decisions() == []


@pytest.mark.parametrize("user", ["Patient/ckd4-contrast", "RelatedPerson/r1"])
def test_a_patient_reads_and_does_not_decide(open_door: Any, tmp_path: Path, seated: Any, user: str) -> None:
    options = {"stores": {"lindenhof": list(RECORD)}, "now": lambda: CLOCK, "hospital": {"users": (User("p", user),)}}
    with open_door(tmp_path, "lindenhof", scopes=SCOPES, **options) as door:
        chair = seated(door)
        assert (chair.may_decide, chair.may_write) == (False, False)
        assert refused(chair.decide(chair.decidable[0])) == (403, "nobody_known")
        assert chair.decisions() == []


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("ehr", "granted"), [({}, SCOPES), ({"write_back": True}, f"{READ_SCOPES} launch/patient")], ids=["not by the site", "not by the EHR"]
)
def test_where_writing_is_off_the_decision_stands_and_nothing_is_written(
    open_door: Any, tmp_path: Path, seated: Any, ehr: dict[str, Any], granted: str
) -> None:
    options = {"stores": {"lindenhof": list(RECORD)}, "now": lambda: CLOCK, "ehr": ehr, "granted": granted}
    with open_door(tmp_path, "lindenhof", scopes=SCOPES, **options) as door:
        chair = seated(door)
        body = chair.decide(chair.decidable[0]).json()
        assert (chair.may_decide, chair.may_write, body["write"], body["written"]) == (True, False, "off", [])
        assert door.hospitals["lindenhof"].faults.count("DetectedIssue") == 0


def test_what_was_left_unwritten_is_written_when_the_clinician_comes_back_to_the_chart(chair: Chair, door: Any) -> None:
    door.hospitals["lindenhof"].faults.answer(503, times=None, path="/fhir/DetectedIssue/")
    assert chair.decide(chair.decidable[0]).json()["write"] == "failed"
    door.hospitals["lindenhof"].faults.clear()
    handle = door.session(patient=PATIENT)["handle"]
    session = door.on_loop(lambda: door.parts.sessions.of(handle))
    door.settle()
    assert len(in_ehr(door, chair.review_id)) == 2
    door.on_loop(lambda: finish_left(session, door.parts))
    assert len(in_ehr(door, chair.review_id)) == 2


def test_what_was_left_unwritten_for_too_long_is_not_written_by_itself(chair: Chair, door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    door.hospitals["lindenhof"].faults.answer(503, times=None, path="/fhir/DetectedIssue/")
    assert chair.decide(chair.decidable[0]).json()["write"] == "failed"
    door.hospitals["lindenhof"].faults.clear()
    monkeypatch.setattr(deciding, "LEFT_FOR", timedelta(seconds=-1))
    handle = door.session(patient=PATIENT)["handle"]
    session = door.on_loop(lambda: door.parts.sessions.of(handle))
    door.settle()
    door.on_loop(lambda: finish_left(session, door.parts))
    assert in_ehr(door, chair.review_id) == []


def test_every_statement_that_is_asked_about_waits_at_the_gate_and_the_others_do_not(chair: Chair, door: Any) -> None:
    session = door.on_loop(lambda: door.parts.sessions.of(chair.handle))
    shown = session.runs[chair.review_id].require_shown()
    door.on_loop(lambda: wait_for_people(session, door.parts, shown))
    checkpoints = door.parts.parts_with(session.source).checkpoints

    async def waiting(claim: str) -> bool:
        thread = Held("lindenhof", chair.review_id, claim, chair.shown).thread
        return bool((await build_gate(checkpoints).aget_state({"configurable": {"thread_id": thread}})).next)

    asked, others = chair.decidable, chair.others
    assert [door.on_loop(lambda claim=claim: waiting(claim)) for claim in (*asked, *others)] == [True] * len(asked) + [False] * len(others)
    chair.decide(asked[0])
    assert not door.on_loop(lambda: waiting(asked[0]))


@pytest.mark.fault(110)
def test_no_word_of_the_decision_is_in_a_refusal_or_a_log(chair: Chair, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        chair.decide(chair.decidable[0], "edit", text="CANARY-TEXT")
        late = chair.client.post(f"{chair.path}/decisions", json=chair.ask("C1", "reject", reason="CANARY-REASON", shown_sha256="CANARY"))
    assert "CANARY" not in late.text
    assert "CANARY" not in caplog.text

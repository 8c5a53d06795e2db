"""A patient nobody else is, and secrets nobody else has, through every path of the door: then whatever was left behind is searched.

What holds PHI by design is named in `HOLDS_PHI`; secrets are held nowhere at all.
"""

from __future__ import annotations

import base64
import functools
import gc
import hashlib
import io
import json
import sqlite3
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.audit.verify import verify
from sidenote.telemetry.logs import installed

OF_A_TEXT = ("fhir.units.", "fhir.value_sets.", "policies.grounding.", "urllib.parse.")
"""Where functions of one text remember what they answered. The key is the whole text: whoever finds an answer brought the same text
along, so nothing passes from one patient to another. They are bounded, and outlive a session in memory alone."""
PERSON = "zq-canary-person"
PHI = {
    "id": PERSON,
    "MRN": "ZQMRN-90417733",
    "family": "Zyqquorth",
    "given": "Velquemina",
    "birth date": "1907-03-19",
    "birth date in words": "19 Mar 1907",
    "question": "zqquestion",
    "reason": "zqreason",
    "user": "zq-canary-clinician",
}
"""What is unique to this test."""
HOLDS_PHI = {
    "store.sqlite: audit": "the audit names user and patient, and what was searched for (mode 0600)",
    "store.sqlite: decisions": "a decision is a person's words (mode 0600)",
    "store.sqlite: decision_writes": "a draft waits here until it is written (mode 0600)",
    "records/": "the flight record holds the chart, so that a review can be replayed (mode 0600)",
}
"""Where PHI is by design, and why."""
STORY = "metformin-egfr35"


def chart() -> list[dict[str, Any]]:
    """A story's chart, of somebody with a name that is found nowhere else."""
    story = next(one for one in stories() if one.person.id == STORY)
    person, text = story.person, json.dumps(list(story.resources))
    for old, new in (
        (f'"Patient/{person.id}"', f'"Patient/{PHI["id"]}"'),
        (f'"Patient", "id": "{person.id}"', f'"Patient", "id": "{PHI["id"]}"'),
        (person.mrn, PHI["MRN"]),
        (person.family, PHI["family"]),
        (person.given, PHI["given"]),
        (person.birth_date, PHI["birth date"]),
    ):
        text = text.replace(old, new)
    found: list[dict[str, Any]] = json.loads(text)
    return found


@dataclass
class Left:
    """Everything that was left behind, by where."""

    home: Path
    temporary: Path
    texts: dict[str, str] = field(default_factory=dict)
    """Where -> all that was said there."""
    secrets: dict[str, str] = field(default_factory=dict)
    review: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    connected: set[tuple[str, int]] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    remember: dict[str, int | None] = field(default_factory=dict)
    """Function of ours, of anything at all, with a cache -> how many answers it keeps at most; None: all."""
    reached: dict[str, list[str]] = field(default_factory=dict)
    """What lives as long as the process -> who was found there while the session was open."""

    def add(self, where: str, text: str) -> None:
        self.texts[where] = self.texts.get(where, "") + text + "\n"

    def took(self, response: Any) -> None:
        self.add("URLs", str(response.request.url))
        self.add("response headers", "\n".join(f"{name}: {value}" for name, value in response.headers.items()))
        if response.status_code >= 400:
            response.read()
            document = response.json()
            document.pop("first", None)  # of `decided_already`: the decision that stands, which this session may see
            self.add("problems", json.dumps(document))


CONNECTED: list[set[tuple[str, int]]] = []
"""Sets that hear of each connection; an audit hook cannot be taken away again."""


def _hear(event: str, arguments: Any) -> None:
    if CONNECTED and event == "socket.connect" and isinstance(arguments[1], tuple):
        for one in CONNECTED:
            one.add((str(arguments[1][0]), int(arguments[1][1])))


sys.addaudithook(_hear)


@pytest.fixture(scope="module")
def left(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A launch, a review, a question, a decision, and each way to be refused; all of it once."""
    from sandbox.ehr.auth.clients import User

    found = Left(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary"))
    users = (User(PHI["user"], f"Practitioner/{PHI['user']}", PHI["family"]),)
    logs, printed = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", printed)
        patch.setattr(sys, "stdout", printed)
        patch.setattr(tempfile, "tempdir", str(found.temporary))
        CONNECTED.append(found.connected)
        with installed(logs) as sweep:
            options = {"stores": {"lindenhof": chart()}, "now": lambda: CLOCK, "hospital": {"users": users}}
            with open_door(found.home, **options) as door:
                sweep()
                found.ports = {urlsplit(one).port or 0 for one in (door.url, door.hospitals["lindenhof"].origin)}
                walked(door, found)
        CONNECTED.remove(found.connected)
    found.add("logs", logs.getvalue())
    found.add("printed", printed.getvalue())
    return found


def walked(door: Any, found: Left) -> None:
    """The journey and its troubles."""
    import httpx

    with httpx.Client(base_url=door.url, trust_env=False, timeout=60, event_hooks={"response": [found.took]}) as client:
        begun = began(door, client, found)
        mine = {"Authorization": f"Bearer {begun['handle']}"}
        review_id = begun["review_id"]
        events = told(client, f"/api/reviews/{review_id}/events", mine)
        found.review = events["review"]
        base = f"/api/reviews/{review_id}"
        found.statuses["read"] = client.get(base, headers=mine).status_code
        asked = {"text": f"{PHI['question']} of {PHI['given']} {PHI['family']}: creatinine?"}
        found.statuses["question"] = client.post(f"{base}/questions", json=asked, headers=mine).status_code
        found.statuses["decision"] = client.post(f"{base}/decisions", json=rejected(events["review"]), headers=mine).status_code
        found.statuses["decided already"] = client.post(f"{base}/decisions", json=rejected(events["review"]), headers=mine).status_code
        refused(client, mine, base)
        troubled(door, client, mine, found)
        found.reached = door.on_loop(lambda: reached(door.parts))
        kept = {name: one for name, one in caches().items() if name.partition(".")[0] in OURS and signature(one).parameters}
        found.remember = {name: one.cache_parameters()["maxsize"] for name, one in kept.items()}
        found.add("metrics", client.get("/metrics").text)
        found.add("readiness", client.get("/ready").text + client.get("/health").text)
        found.statuses["signed out"] = client.delete("/api/session", headers=mine).status_code
        client.get(base, headers=mine)


def began(door: Any, client: Any, found: Left) -> dict[str, Any]:
    """Launch, and note every secret that came by."""
    import httpx

    hospital, window = door.hospitals["lindenhof"], "zqwindow" + "w" * 35
    launch = {"iss": hospital.base, "launch": hospital.auth.mint_launch(patient=PERSON), "window": window}
    authorize = client.post("/api/launch", json=launch).json()["authorize_url"]
    query = urlsplit(httpx.get(authorize, trust_env=False, timeout=60).headers["location"]).query
    begun: dict[str, Any] = client.post("/api/session", json={"ehr": "lindenhof", "query": query, "window": window}).json()
    (session,) = door.parts.sessions._by_handle.values()
    tokens = session.launched.session._tokens
    found.secrets = {"window": window, "handle": begun["handle"], "access token": tokens.access_token, "id_token": tokens.id_token}
    found.secrets |= {name: value for name, value in parse_qsl(query) if name in ("code", "state")}
    return begun


def told(client: Any, path: str, headers: dict[str, str]) -> dict[str, str]:
    """Events of a review up to its end, the last of each name."""
    found, name = {}, ""
    with client.stream("GET", path, headers=headers) as stream:
        for line in stream.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                found[name] = value
            if key == "" and name in ("review", "failed", "ended"):
                return found
    return found


def rejected(review: str) -> dict[str, Any]:
    view = json.loads(review)
    claim = next(card["claim"] for card in (*view["first"], *view["consider"], *view["seen"]) if card["decidable"])
    shown = hashlib.sha256(review.encode()).hexdigest()
    return {"claim": claim, "action": "reject", "reason": f"{PHI['reason']} {PHI['family']}", "shown_sha256": shown}


def refused(client: Any, mine: dict[str, str], base: str) -> None:
    """Each way to be refused, with the patient's words wherever words can stand."""
    words, secret = " ".join(PHI.values()), {"Authorization": f"Bearer {PHI['MRN']}"}
    client.get(f"{base}x", headers=mine)
    client.get(base, headers=secret)
    client.post("/api/launch", json={"iss": f"http://{PHI['family']}.example", "launch": words, "window": "w" * 43})
    client.post(
        "/api/session", json={"ehr": "lindenhof", "query": f"error=access_denied&error_description={words}&state=x", "window": "w" * 43}
    )
    client.post("/api/session", json={"ehr": words, "query": words, words: words, "window": words})
    client.post(f"{base}/questions", json={"text": words, words: words}, headers=mine)
    client.post(f"{base}/questions", content=words.encode(), headers={**mine, "Content-Type": "text/plain"})
    client.post(f"{base}/questions", content=words.encode(), headers={**mine, "Content-Type": "application/json"})
    client.post(f"{base}/decisions", json={"claim": words, "action": words, "shown_sha256": words}, headers=mine)
    client.post("/api/reviews", json={"study": words}, headers={**mine, "Sec-Fetch-Site": "cross-site"})
    client.post("/api/reviews", json={"study": words}, headers=mine)
    client.put(base, json={"text": words}, headers=mine)


def troubled(door: Any, client: Any, mine: dict[str, str], found: Left) -> None:
    """Reviews that fail: by a defect that quotes the patient, and by an EHR that refuses and quotes them too."""
    from sidenote.web import running

    words = " ".join(PHI.values())

    def broken(finished: object) -> None:
        raise ValueError(words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "view_of", broken)
        one = client.post("/api/reviews", json={}, headers=mine).json()["review_id"]
        found.add("problems", told(client, f"/api/reviews/{one}/events", mine)["failed"])
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden", "diagnostics": words}]}
    faults = door.hospitals["lindenhof"].faults
    faults.forbid("Patient")
    faults.edit_json("/fhir/", lambda body: body.update(outcome))
    one = client.post("/api/reviews", json={}, headers=mine).json()["review_id"]
    found.add("problems", told(client, f"/api/reviews/{one}/events", mine)["failed"])
    faults.clear()


def hits(text: str, words: dict[str, str]) -> list[str]:
    """Names of the words that stand in a text: as they are, in any case, in a URL, in base64."""
    lower = text.lower()
    return sorted(name for name, word in words.items() if any(form in lower for form in forms(word)))


def forms(word: str) -> set[str]:
    packed = {base64.b64encode(b" " * shift + word.encode()).decode()[4 if shift else 0 : -4] for shift in range(3)}
    return {form.lower() for form in (word, quote(word), word.replace("-", ""), *packed)}


OURS = ("agent", "fhir", "policies", "retrieval", "sidenote", "tools")


def caches() -> dict[str, Any]:
    """Every function of this process that remembers, by its name."""
    gc.unfreeze()  # what is frozen (tests/conftest.py) is not told
    # by type, since asking some library's object for its class is answered with a warning
    found = (one for one in gc.get_objects() if type(one) is functools._lru_cache_wrapper)
    return {f"{getattr(one, '__module__', '')}.{getattr(one, '__qualname__', '')}": one for one in found}


async def reached(parts: Any) -> dict[str, list[str]]:
    """Who is found in what outlives a session: in caches of functions by their name, module globals, what is known of EHRs; in sessions."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] in OURS]
    roots: dict[str, object] = {
        "globals": [value for module in modules for name, value in vars(module).items() if name[:2] != "__"],
        "EHRs": [parts.tenants, parts.settings, parts.metrics],
        "sessions": [parts.sessions],
    }
    roots |= {name: [each for each in gc.get_referents(one) if each is not one.__wrapped__] for name, one in caches().items()}
    found = {name: hits("\0".join(texts(root)), PHI) for name, root in roots.items()}
    return {name: words for name, words in found.items() if words}


def texts(root: object) -> Iterator[str]:
    """Every text that is reached from an object through containers and objects of ours."""
    seen: set[int] = set()
    left = [root]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            yield one if isinstance(one, str) else one.decode("latin-1")
        elif isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset | deque):
            left += one
        elif (not isinstance(one, type) and type(one).__module__.partition(".")[0] in OURS) or "_lru_list_elem" in type(one).__name__:
            left += [each for each in gc.get_referents(one) if not isinstance(each, type)]


def tables(path: Path) -> dict[str, str]:
    """Table -> everything in it."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: repr(db.execute(f"SELECT * FROM {name}").fetchall()) for name in names}


def test_the_journey_went_all_the_way(left: Left) -> None:
    assert left.statuses == {"read": 200, "question": 200, "decision": 201, "decided already": 409, "signed out": 204}
    assert len(left.texts["problems"].splitlines()) > 12
    assert {"MRN", "birth date in words", "family", "given", "id"} <= set(hits(left.review, PHI)), "the search finds what is there"
    assert "internal_error" in left.texts["problems"]
    assert "defect" in left.texts["logs"]


@pytest.mark.fault(110)
@pytest.mark.std("A19")
@pytest.mark.parametrize("where", ["URLs", "response headers", "problems", "metrics", "readiness", "logs", "printed"])
def test_nobody_and_no_secret_is_named_in(left: Left, where: str) -> None:
    assert left.texts[where].strip() or where == "printed"
    assert hits(left.texts[where], PHI | left.secrets) == []


@pytest.mark.fault(110)
def test_no_temporary_file_is_left(left: Left) -> None:
    assert list(left.temporary.rglob("*")) == []


@pytest.mark.fault(110)
@pytest.mark.std("A19")
def test_no_file_holds_a_secret(left: Left) -> None:
    files = [path for path in left.home.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert {str(path): found for path in files if (found := hits(path.read_bytes().decode("latin-1"), left.secrets))} == {}


@pytest.mark.fault(110)
def test_only_what_holds_the_patient_by_design_does(left: Left) -> None:
    holding = set()
    for path in sorted(left.home.rglob("*")):
        name = path.relative_to(left.home).as_posix()
        if not path.is_file():
            continue
        parts = tables(path) if path.suffix == ".sqlite" else {"": path.read_bytes().decode("latin-1")}
        holding |= {f"{name}: {table}" if table else name for table, text in parts.items() if hits(text, PHI)}
    known = {one.partition("/")[0] + "/" if one.startswith("records/") else one for one in holding}
    assert known <= set(HOLDS_PHI)
    assert {"store.sqlite: audit", "store.sqlite: decisions", "records/"} <= known, "the search finds what is there"


@pytest.mark.std("E8")
def test_the_journey_is_in_the_audit_from_its_first_read_to_its_end(left: Left) -> None:
    with closing(sqlite3.connect(left.home / "store.sqlite")) as db:
        events = {event for (event,) in db.execute("SELECT DISTINCT event FROM audit WHERE ehr = 'lindenhof'")}
        sessions = db.execute("SELECT count(DISTINCT session) FROM audit WHERE event = 'exchange'").fetchone()
    assert events == {"launch", "launch_denied", "exchange", "shown", "asked", "decided", "denied", "ended"}
    assert sessions == (1,)
    assert verify(left.home / "store.sqlite").whole


@pytest.mark.fault(110)
def test_what_holds_phi_is_for_its_owner_alone(left: Left) -> None:
    files = [path for path in left.home.rglob("*") if path.is_file()]
    assert {str(path): oct(path.stat().st_mode & 0o777) for path in files if path.stat().st_mode & 0o077} == {}


@pytest.mark.fault(106)
def test_nothing_of_a_patient_is_in_what_outlives_the_session_but_in_functions_of_a_text(left: Left) -> None:
    assert {"id", "user"} <= set(left.reached["sessions"]), "the search finds what is there"
    assert [name for name in left.reached if name != "sessions" and not name.startswith(OF_A_TEXT)] == []


@pytest.mark.fault(106)
def test_every_function_that_remembers_is_bounded_or_has_no_text_to_remember(left: Left) -> None:
    assert len(left.remember) > 10, "the search finds what is there"
    unbounded = {name for name, most in left.remember.items() if most is None}
    unbounded -= {name for name in unbounded if name.startswith("fhir.resources.")}  # the library's, by names of types
    assert unbounded <= {"agent.blobs._wrapper", "retrieval.encoders.minilm.minilm"}


@pytest.mark.fault(111)
def test_the_door_and_its_reviews_connect_to_nobody_but_the_ehr(left: Left) -> None:
    """Of the two ports one is the EHR's; the other is the door's own, which this test's client asks."""
    assert left.connected
    assert {(host, port) for host, port in left.connected if host != "127.0.0.1" or port not in left.ports} == set()

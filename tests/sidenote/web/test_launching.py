"""From an EHR's launch to a session of one patient, against the pretend hospitals' strict authorization servers."""

from __future__ import annotations

import json
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn

from agent.errors import RequestInvalid
from fhir.errors import LaunchAgain
from sandbox.ehr.app import hospital_app
from sandbox.ehr.auth.grants import Context, Messaging
from sandbox.ehr.config import Config
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import Running
from sandbox.ehr.store import Store
from sidenote.web import launching

STORES = {
    name: [{"resourceType": "Patient", "id": one, "name": [{"family": f"{name}-{one}"}]} for one in ("p1", "p2")]
    for name in ("lindenhof", "seeblick")
}
ONE, OTHER = "w" * 43, "v" * 43


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def opened(open_door: Callable[..., Any], home: Path) -> Iterator[Any]:
    with open_door(home, *STORES, stores=STORES) as door:
        yield door


@pytest.fixture
def door(opened: Any) -> Any:
    for hospital in opened.hospitals.values():
        hospital.faults.clear()
    return opened


def posted(door: Any, path: str, **body: Any) -> httpx.Response:
    with door.client() as client:
        answer: httpx.Response = client.post(path, json=body)
    return answer


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def alive(door: Any, handle: str) -> bool:
    """Whether a handle still opens a session, without counting as a question of it."""
    return any(one.handle == launching_hash(handle) for one in door.parts.sessions._by_handle.values())


def launching_hash(handle: str) -> bytes:
    from sidenote.web.sessions import _hash

    return _hash(handle)


def session_of(door: Any, handle: str) -> Any:
    return door.on_loop(lambda: door.parts.sessions.of(handle))


def charted(door: Any, session: Any) -> Any:
    return door.on_loop(lambda: session.source.chart(session.patient))


def rows(home: Path, event: str) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True) as db:
        return [json.loads(line) for (line,) in db.execute("SELECT line FROM audit WHERE event = ? ORDER BY seq", (event,))]


@pytest.mark.std("A1")
@pytest.mark.std("A11")
def test_a_launch_ends_in_a_session_of_its_patient_and_a_first_review(door: Any, home: Path) -> None:
    body = door.session(patient="p1", need_patient_banner=False)
    session = session_of(door, body["handle"])
    assert (session.patient, session.user, session.ehr.name) == ("p1", "Practitioner/dr-sandbox", "lindenhof")
    assert list(session.runs) == [body["review_id"]]
    shown = {name: body[name] for name in ("ehr", "user", "shows_banner", "off", "messaging", "may_decide", "may_write", "image_model")}
    assert shown == {
        "ehr": "Lindenhof Hospital",
        "user": "Practitioner/dr-sandbox",
        "shows_banner": False,
        "off": [],
        "messaging": None,
        "may_decide": True,
        "may_write": False,
        "image_model": False,
    }
    assert body["expires_in"] == 1800
    last = rows(home, "launch")[-1]
    assert last["who"] == {"ehr": "lindenhof", "user": "Practitioner/dr-sandbox", "patient": "p1", "session": session.id}


def test_the_token_is_used_where_it_belongs_and_every_read_is_in_the_audit(door: Any, home: Path) -> None:
    session = session_of(door, door.session(patient="p2")["handle"])
    chart = charted(door, session)
    assert chart.patient.id == "p2"
    told = [row for row in rows(home, "exchange") if row["who"]["session"] == session.id]
    assert any({"role": "resource", "value": "Patient/p2"}.items() <= one.items() for row in told for one in row["entities"])


@pytest.mark.std("A4")
def test_a_launch_by_ourselves_lets_the_ehr_choose_the_patient(door: Any) -> None:
    hospital = door.hospitals["lindenhof"]
    hospital.auth.standalone = Context(patient="p2")
    begun = posted(door, "/api/launch", iss=hospital.base, window=ONE).json()["authorize_url"]
    assert "launch" not in parse_qs(urlsplit(begun).query)
    query = urlsplit(httpx.get(begun, trust_env=False, timeout=60).headers["location"]).query
    body = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE).json()
    assert session_of(door, body["handle"]).patient == "p2"


@pytest.mark.fault(32)
@pytest.mark.std("A6")
@pytest.mark.std("A19")
def test_no_token_code_verifier_or_patient_is_in_what_the_browser_or_a_log_sees(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    hospital = door.hospitals["lindenhof"]
    with caplog.at_level("DEBUG"):
        launch = hospital.auth.mint_launch(patient="p1")
        begun = posted(door, "/api/launch", iss=hospital.base, launch=launch, window=ONE)
        query = urlsplit(httpx.get(begun.json()["authorize_url"], trust_env=False, timeout=60).headers["location"]).query
        with door.client() as client:
            page = client.get(f"/callback/lindenhof?{query}")
        ended = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)
        session = session_of(door, ended.json()["handle"])
        token = door.on_loop(session.launched.session.header).removeprefix("Bearer ")
        with door.client() as client:
            client.delete("/api/session", headers={"Authorization": f"Bearer {ended.json()['handle']}"})
    sent = parse_qs(urlsplit(begun.json()["authorize_url"]).query)
    assert sent["code_challenge_method"] == ["S256"]
    assert not {"code_verifier", "patient", "window", "nonce_plain"} & set(sent)
    code = parse_qs(query)["code"][0]
    seen = page.text + str(page.headers) + begun.text + str(begun.headers) + ended.text + str(ended.headers)
    assert [word for word in (token, code, ONE) if word in seen] == []
    assert "p1" not in json.dumps({name: value for name, value in ended.json().items() if name != "handle"})
    ours = "\n".join(str(vars(one)) for one in caplog.records if one.name.startswith(("sidenote", "uvicorn", "fastapi")))
    handle = ended.json()["handle"]
    assert [word for word in (token, code, ONE, handle, sent["state"][0], launch, "Patient/p1") if word in ours] == []


@pytest.mark.fault(24)
@pytest.mark.fault(23)
@pytest.mark.std("A5")
def test_what_the_browser_brought_back_is_good_once_and_a_second_time_ends_the_first(door: Any) -> None:
    query = door.query(patient="p1")
    first = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)
    assert first.status_code == 201
    again = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)
    assert refused(again) == (400, "launch_invalid")
    assert not alive(door, first.json()["handle"])


@pytest.mark.fault(23)
@pytest.mark.std("A5")
def test_another_tab_or_browser_cannot_end_a_launch(door: Any, home: Path) -> None:
    hospital = door.hospitals["lindenhof"]
    query, asked = door.query(patient="p1"), hospital.faults.count("/auth/token")
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=OTHER)) == (400, "launch_invalid")
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (400, "launch_invalid")
    assert hospital.faults.count("/auth/token") == asked
    assert rows(home, "launch_denied")[-1]["code"] == "launch_invalid"


@pytest.mark.fault(24)
@pytest.mark.std("A21")
def test_codes_swapped_between_two_tabs_open_nothing(door: Any) -> None:
    one, other = (parse_qs(door.query(patient=patient, window=window)) for patient, window in (("p1", ONE), ("p2", OTHER)))
    for mine, theirs, window in ((one, other, ONE), (other, one, OTHER)):
        query = f"code={theirs['code'][0]}&state={mine['state'][0]}"
        assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=window)) == (403, "token_refused")


@pytest.mark.fault(26)
def test_an_answer_that_comes_to_another_ehrs_address_is_refused_and_used_up(door: Any) -> None:
    query = door.query(patient="p1")
    counts = [hospital.faults.count("/auth/token") for hospital in door.hospitals.values()]
    assert refused(posted(door, "/api/session", ehr="seeblick", query=query, window=ONE)) == (400, "launch_invalid")
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (400, "launch_invalid")
    assert [hospital.faults.count("/auth/token") for hospital in door.hospitals.values()] == counts


@pytest.mark.fault(26)
def test_an_answer_that_names_another_server_is_refused(door: Any) -> None:
    query = f"{door.query(patient='p1')}&iss={door.hospitals['seeblick'].base}"
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (400, "launch_invalid")


def test_an_ehr_that_nobody_configured_is_not_there(door: Any) -> None:
    assert refused(posted(door, "/api/session", ehr="nobody", query="code=x&state=y", window=ONE)) == (404, "not_found")


@pytest.mark.std("A7")
def test_a_no_of_the_ehr_is_told_without_its_words_and_nothing_more_is_asked(door: Any) -> None:
    hospital = door.hospitals["lindenhof"]
    state, asked = parse_qs(door.query(patient="p1"))["state"][0], hospital.faults.count("/auth/token")
    query = f"error=access_denied&error_description=canary&state={state}"
    answer = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)
    assert refused(answer) == (403, "authorization_denied")
    assert "canary" not in answer.text
    assert hospital.faults.count("/auth/token") == asked
    unbound = posted(door, "/api/session", ehr="lindenhof", query="error=access_denied&state=guessed", window=ONE)
    assert refused(unbound) == (400, "launch_invalid")


@pytest.mark.fault(30)
@pytest.mark.std("A9")
@pytest.mark.parametrize("field", ["patient", "scope", "token_type", "access_token", "id_token"])
def test_a_token_answer_that_lacks_something_opens_nothing(door: Any, field: str) -> None:
    door.hospitals["lindenhof"].faults.edit_json("/auth/token", lambda body: body.pop(field, None))
    query, before = door.query(patient="p1"), len(door.parts.sessions)
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (502, "token_invalid")
    assert len(door.parts.sessions) <= before


def without(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body[name].remove(value)


@pytest.mark.fault(22)
@pytest.mark.std("A1")
@pytest.mark.std("A3")
@pytest.mark.std("A22")
@pytest.mark.parametrize(
    ("edit", "code", "named"),
    [
        (lambda body: body.update(authorization_endpoint="https://evil.example/authorize"), "discovery_invalid", ""),
        (lambda body: body.update(token_endpoint="https://evil.example/token"), "discovery_invalid", ""),
        (lambda body: body.pop("authorization_endpoint"), "discovery_invalid", ""),
        (lambda body: body.update(code_challenge_methods_supported=["plain"]), "discovery_invalid", ""),
        (without("capabilities", "launch-ehr"), "capability_missing", "launch-ehr"),
        (without("capabilities", "context-ehr-patient"), "capability_missing", "context-ehr-patient"),
    ],
)
def test_an_ehr_whose_configuration_cannot_be_used_is_asked_no_further(
    fresh: Any, edit: Callable[[dict[str, Any]], None], code: str, named: str
) -> None:
    hospital = fresh.hospitals["lindenhof"]
    hospital.faults.edit_json("smart-configuration", edit)
    answer = posted(fresh, "/api/launch", iss=hospital.base, launch="x", window=ONE)
    assert refused(answer) == (502, code)
    assert named in answer.json()["detail"]
    assert "evil" not in answer.text
    assert [one.path for one in hospital.faults.log] == ["/fhir/.well-known/smart-configuration"]


@pytest.fixture
def fresh(open_door: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A door that has asked nobody anything yet."""
    with open_door(tmp_path, stores=STORES) as door:
        yield door


@pytest.mark.fault(35)
@pytest.mark.std("A14")
def test_a_user_who_leaves_the_ehr_has_left_the_session_too(fresh: Any, tmp_path: Path) -> None:
    body, auth = fresh.session(patient="p1"), fresh.hospitals["lindenhof"].auth
    session = session_of(fresh, body["handle"])
    auth.sign_out(auth.config.users[0])
    with pytest.raises(LaunchAgain):
        charted(fresh, session)
    with fresh.client() as client:
        late = client.delete("/api/session", headers={"Authorization": f"Bearer {body['handle']}"})
    assert refused(late) == (401, "session_over")
    assert (session.over, rows(tmp_path, "ended")[-1]["code"]) == ("session_over", "session_over")


@pytest.mark.fault(31)
@pytest.mark.std("A9")
def test_what_was_not_granted_is_told(open_door: Callable[..., Any], tmp_path: Path) -> None:
    narrow = "launch openid fhirUser patient/Patient.rs patient/Observation.rs?category=laboratory"
    with open_door(tmp_path, stores=STORES, granted=narrow) as door:
        body = door.session(patient="p1")
    off = {(one["what"], one["reach"]) for one in body["off"]}
    assert {("searching MedicationRequest", "none"), ("searching Observation", "part")} <= off
    assert not any("Patient" in what for what, _ in off)


def test_a_user_whom_the_ehr_does_not_name_cannot_decide(open_door: Callable[..., Any], tmp_path: Path) -> None:
    with open_door(tmp_path, stores=STORES, granted="launch patient/*.rs") as door:
        body = door.session(patient="p1")
    assert (body["user"], body["may_decide"], body["may_write"]) == ("", False, False)


def test_who_may_write_is_settled_by_site_and_ehr(open_door: Callable[..., Any], tmp_path: Path) -> None:
    scopes = "launch openid fhirUser patient/*.rs patient/*.c"
    with open_door(tmp_path, stores=STORES, scopes=scopes, ehr={"write_back": True}) as door:
        assert door.session(patient="p1")["may_write"] is True


def test_messages_go_to_the_origin_that_the_ehr_names(door: Any) -> None:
    body = door.session(patient="p1", smart_web_messaging=Messaging("https://chart.example", "h-1"))
    assert body["messaging"] == {"origin": "https://chart.example", "handle": "h-1"}


@pytest.mark.fault(34)
@pytest.mark.std("A21")
def test_two_tabs_and_two_hospitals_never_mix(door: Any) -> None:
    asked = [(ehr, patient, f"{ehr}-{patient}".ljust(43, "x")) for ehr in STORES for patient in ("p1", "p2")]
    queries = [door.query(ehr=ehr, patient=patient, window=window) for ehr, patient, window in asked]
    for (ehr, patient, window), query in reversed(list(zip(asked, queries, strict=True))):
        body = posted(door, "/api/session", ehr=ehr, query=query, window=window).json()
        session = session_of(door, body["handle"])
        assert (session.ehr.name, session.patient) == (ehr, patient)
        chart = charted(door, session)
        assert list(chart.patient.body["name"]) == [{"family": f"{ehr}-{patient}"}]
    assert len({id(one.source) for one in door.parts.sessions._by_handle.values()}) == len(door.parts.sessions)


@pytest.mark.fault(34)
@pytest.mark.std("A21")
@pytest.mark.parametrize("iss", ["lindenhof", "seeblick", "unknown"])
def test_another_launch_in_a_tab_ends_its_session_with_its_first_step(door: Any, home: Path, iss: str) -> None:
    first, apart = door.session(patient="p1"), door.session(patient="p2", window=OTHER)
    session = session_of(door, first["handle"])
    run = session.runs[first["review_id"]]
    base = door.hospitals[iss].base if iss in door.hospitals else "https://unknown.example"
    posted(door, "/api/launch", iss=base, launch="x", window=ONE)
    assert (alive(door, first["handle"]), alive(door, apart["handle"])) == (False, True)
    assert (session.over, run.over, session.launched.session.over) == ("another_launch", True, True)
    ended = rows(home, "ended")[-1]
    assert (ended["code"], ended["who"]["session"]) == ("another_launch", session.id)


@pytest.mark.fault(34)
@pytest.mark.std("A21")
def test_a_launch_that_another_overtakes_while_the_ehr_thinks_opens_nothing(door: Any) -> None:
    hospital, query = door.hospitals["lindenhof"], door.query(patient="p1")
    before, asked = len(door.parts.sessions), hospital.faults.count("/auth/token")
    hospital.faults.hold("/auth/token")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(posted, door, "/api/session", ehr="lindenhof", query=query, window=ONE)
        deadline = time.monotonic() + 60
        while hospital.faults.count("/auth/token") == asked and time.monotonic() < deadline:
            time.sleep(0.005)
        assert posted(door, "/api/launch", iss=door.hospitals["seeblick"].base, launch="x", window=ONE).status_code == 200
        hospital.faults.release()
        assert refused(late.result()) == (401, "session_over")
    assert len(door.parts.sessions) <= before


@pytest.mark.fault(35)
def test_signing_out_forgets_everything_at_once(door: Any, home: Path) -> None:
    body = door.session(patient="p1")
    session, headers = session_of(door, body["handle"]), {"Authorization": f"Bearer {body['handle']}"}
    with door.client() as client:
        assert client.delete("/api/session", headers=headers).status_code == 204
        again = client.delete("/api/session", headers=headers)
    assert refused(again) == (401, "session_over")
    assert again.headers["www-authenticate"] == "Bearer"
    assert (session.over, session.runs, session.launched.session.over) == ("signed_out", {}, True)
    assert rows(home, "ended")[-1]["who"]["session"] == session.id


def test_a_session_ends_by_itself_when_nobody_asks(open_door: Callable[..., Any], tmp_path: Path) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    with open_door(tmp_path, stores=STORES, clock=clock, settings={"session_minutes": 1}) as door:
        body = door.session(patient="p1")
        clock.now = 59.0
        assert session_of(door, body["handle"]).patient == "p1"
        clock.now = 59.0 + 60.0
        with door.client() as client:
            late = client.delete("/api/session", headers={"Authorization": f"Bearer {body['handle']}"})
        assert refused(late) == (401, "session_over")
        assert len(door.parts.sessions) == 0
    assert rows(tmp_path, "ended")[-1]["code"] == "expired"


def test_a_review_that_cannot_begin_leaves_no_session(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise RequestInvalid("no")

    monkeypatch.setattr(launching, "start", start)
    query, before = door.query(patient="p1"), len(door.parts.sessions)
    assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (422, "request_invalid")
    assert len(door.parts.sessions) <= before


@pytest.mark.std("A12")
def test_the_ehrs_style_comes_with_the_session(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "STYLE_SECONDS", 60.0)
    assert door.session(patient="p1")["style"]["color_background"] == "#ffffff"


def test_a_style_that_does_not_come_is_not_waited_for(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "STYLE_SECONDS", 0.0)
    assert door.session(patient="p1")["style"] == {}


def test_without_an_audit_nobody_gets_in(open_door: Callable[..., Any], tmp_path: Path) -> None:
    with open_door(tmp_path, stores=STORES) as door:
        query = door.query(patient="p1")
        door.on_loop(door.parts.audit.aclose)
        assert refused(posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE)) == (503, "audit_down")
        assert refused(posted(door, "/api/launch", iss="https://unknown.example", window=ONE)) == (503, "audit_down")
        assert len(door.parts.sessions) == 0


def test_the_ehrs_to_choose_from_are_told_to_everybody(door: Any) -> None:
    with door.client() as client:
        listed = client.get("/api/ehrs").json()
    assert [(one["name"], one["title"], one["iss"]) for one in listed] == [
        (name, f"{name.title()} Hospital", hospital.base) for name, hospital in door.hospitals.items()
    ]


@contextmanager
def certified(certificate: Path, store: Store, config: Config) -> Iterator[Running]:
    """A hospital under TLS, whose certificate nobody but its own file vouches for."""
    hospital = Hospital(store, config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hospital.move_to(f"https://127.0.0.1:{listener.getsockname()[1]}")
        options = uvicorn.Config(
            hospital_app(hospital), log_config=None, access_log=False, lifespan="off", ssl_certfile=certificate, ssl_keyfile=certificate
        )
        server = uvicorn.Server(options)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield Running(hospital)
        server.should_exit = True
        thread.join(60)


@pytest.mark.std("A20")
@pytest.mark.parametrize("trusted", [True, False])
def test_an_ehr_that_signs_its_own_certificate_is_trusted_by_its_file_alone(
    open_door: Callable[..., Any], tmp_path: Path, certify: Callable[..., Path], trusted: bool
) -> None:
    certificate = certify()
    hospital, ehr = partial(certified, certificate), {"ca_file": certificate} if trusted else {}
    with open_door(tmp_path, stores=STORES, running=hospital, ehr=ehr) as door:
        base, launch = door.hospitals["lindenhof"].base, door.hospitals["lindenhof"].auth.mint_launch(patient="p1")
        begun = posted(door, "/api/launch", iss=base, launch=launch, window=ONE)
        if not trusted:
            assert refused(begun) == (503, "fhir_unreachable")
            return
        trust = ssl.create_default_context(cafile=certificate)
        came = httpx.get(begun.json()["authorize_url"], trust_env=False, timeout=60, verify=trust)
        query = urlsplit(came.headers["location"]).query
        body = posted(door, "/api/session", ehr="lindenhof", query=query, window=ONE).json()
        assert charted(door, session_of(door, body["handle"])).patient.id == "p1"

"""Signing in and consenting without a browser: what the pages hold, and what a form can and cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from sandbox.ehr.auth.clients import Client, User
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

CALLBACK = "http://127.0.0.1:9/callback"
SCOPES = "openid fhirUser launch launch/patient launch/encounter patient/*.rs"
ADA, BEN = User("ada", "Practitioner/ada", "Dr. <Ada>"), User("ben", "Patient/p1", "Ben, a patient")
CLIENTS = (
    Client("app", "public", SCOPES, (CALLBACK,), name="The <app>"),
    Client("trusted", "public", SCOPES, (CALLBACK,), trusted=True),
    Client("native", "public", SCOPES, ("myapp:/callback",)),
)


@pytest.fixture(scope="module")
def asking() -> Iterator[Running]:
    ward: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p1", "name": [{"family": "Ames"}]},
        {"resourceType": "Patient", "id": "p2", "name": [{"family": "Birch"}]},
        {"resourceType": "Encounter", "id": "e1", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p1"}},
    ]
    with running(Store(ward), Config(requires_token=True, clients=CLIENTS, users=(ADA, BEN), asks=True)) as server:
        yield server


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(asking: Running, connections: httpx.Client) -> Ask:
    """Send a sound authorization request: an EHR launch by `user`, or a standalone launch with `launch=None`."""

    def begin(
        client_id: str = "app", scope: str = "launch openid patient/*.rs", user: User | None = None, **changed: Any
    ) -> httpx.Response:
        sound = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": "s1",
            "aud": asking.base,
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
            **changed,
        }
        if "launch" in scope.split():
            sound["launch"] = asking.auth.mint_launch(patient="p1", user=user)
        return connections.get(f"{asking.origin}/auth/authorize", params=sound)

    return begin


@pytest.fixture
def send(asking: Running, connections: httpx.Client) -> Ask:
    def post(where: str, page: httpx.Response, headers: dict[str, str] | None = None, **form: Any) -> httpx.Response:
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        return connections.post(f"{asking.origin}/auth/{where}", data={"token": token and token[1], **form}, headers=headers)

    return post


def came(asking: Running, answer: httpx.Response) -> dict[str, Any]:
    """What the app is told: the error, or what the code is good for."""
    assert answer.status_code in (302, 303)
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert told.pop("state") == "s1"
    if "code" not in told:
        return told
    grant = asking.auth.codes._codes[told["code"]].grant
    return {
        "user": grant.user and grant.user.sub,
        "patient": grant.context.patient,
        "scopes": grant.scopes,
        "encounter": grant.context.encounter,
    }


def test_a_launch_by_nobody_signs_in_then_consents(asking: Running, ask: Ask, send: Ask) -> None:
    page = ask()
    assert "Who are you today?" in page.text
    assert "Nobody here is real" in page.text
    assert "The &lt;app&gt;" in page.text
    assert "Dr. &lt;Ada&gt;" in page.text
    consent = send("sign-in", page, user="ada")
    assert "Read and search everything" in consent.text
    assert "Whose record?" not in consent.text
    answer = send("consent", consent, scope=["openid", "patient/*.rs"], decision="allow")
    assert answer.status_code == 303
    assert came(asking, answer) == {"user": "ada", "patient": "p1", "scopes": ("launch", "openid", "patient/*.rs"), "encounter": None}


def test_a_launch_from_a_signed_in_chart_asks_for_consent_alone_and_of_a_trusted_app_for_nothing(asking: Running, ask: Ask) -> None:
    assert "Allow The &lt;app&gt;?" in ask(user=ADA).text
    assert came(asking, ask("trusted", user=ADA))["user"] == "ada"
    assert "Who are you today?" in ask("trusted").text


def test_a_trusted_app_still_needs_somebody_to_sign_in_and_to_pick(asking: Running, ask: Ask, send: Ask) -> None:
    assert came(asking, send("sign-in", ask("trusted"), user="ben"))["user"] == "ben"
    page = send("sign-in", ask("trusted", scope="launch/patient patient/*.rs"), user="ada")
    assert "Whose record?" in page.text


@pytest.mark.std("A9")
def test_a_person_picks_patient_and_visit_and_unticks(asking: Running, ask: Ask, send: Ask) -> None:
    scope = "launch/patient launch/encounter openid patient/*.rs"
    page = send("sign-in", ask(scope=scope), user="ada")
    again = send("consent", page, scope=scope.split(), patient="p2", encounter="e1", decision="allow")
    assert (again.status_code, "another patient" in again.text) == (400, True)
    assert 'value="p2" checked' in again.text
    answer = send("consent", again, scope=scope.split(), patient="p1", encounter="e1", decision="allow")
    assert came(asking, answer) == {"user": "ada", "patient": "p1", "encounter": "e1", "scopes": tuple(scope.split())}
    page = send("sign-in", ask(scope=scope), user="ada")
    none = came(asking, send("consent", page, scope=["openid", "patient/*.rs"], patient="p1", encounter="e1", decision="allow"))
    assert none == {"user": "ada", "patient": None, "encounter": None, "scopes": ("openid",)}


def test_nobody_is_asked_for_more_than_was_asked_of_them(asking: Running, ask: Ask, send: Ask) -> None:
    page = ask(scope="launch openid", user=ADA)
    told = came(asking, send("consent", page, scope=["openid", "patient/*.rs", "fhirUser"], patient="p2", decision="allow"))
    assert (told["scopes"], told["patient"]) == (("launch", "openid"), "p1")


def test_a_patient_who_signs_in_sees_and_picks_only_the_own_record(ask: Ask, send: Ask) -> None:
    page = send("sign-in", ask(scope="launch/patient patient/*.rs"), user="ben")
    assert "Birch" not in page.text
    assert send("consent", page, scope=["launch/patient", "patient/*.rs"], patient="p2", decision="allow").status_code == 400


@pytest.mark.std("A7")
def test_a_no_and_everything_unticked_are_access_denied(asking: Running, ask: Ask, send: Ask) -> None:
    assert came(asking, send("consent", ask(user=ADA), scope=["openid"], decision="deny"))["error"] == "access_denied"
    assert came(asking, send("consent", ask(user=ADA), scope=["openid"]))["error"] == "access_denied"
    page = send("sign-in", ask(scope="openid"), user="ada")
    assert came(asking, send("consent", page, decision="allow"))["error"] == "access_denied"


def test_a_form_that_no_page_of_ours_sent_does_nothing(ask: Ask, send: Ask, asking: Running, connections: httpx.Client) -> None:
    page = ask()
    allow = {"scope": ["openid"], "decision": "allow"}
    assert send("consent", page, **allow).status_code == 400, "a sign-in token is good for no consent"
    assert send("sign-in", page, user="ada").status_code == 400, "and is used up by the attempt"
    assert send("sign-in", ask(), user="mallory").status_code == 400
    consent = ask(user=ADA)
    assert send("sign-in", consent, user="ben").status_code == 400, "nobody becomes another on the way"
    consent = ask(user=ADA)
    assert send("consent", consent, {"Origin": "http://evil.example"}, **allow).status_code == 400
    assert send("consent", consent, {"Origin": "null"}, **allow).status_code == 400
    first = send("consent", consent, {"Origin": asking.origin}, **allow)
    assert (first.status_code, send("consent", consent, **allow).status_code) == (303, 400)
    assert connections.post(f"{asking.origin}/auth/consent", json={"token": "x"}).status_code == 400
    assert connections.post(f"{asking.origin}/auth/consent", data={"decision": "allow"}).status_code == 400


def test_a_page_that_waited_too_long_is_over(asking: Running, ask: Ask, send: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    page, now = ask(user=ADA), asking.auth.now()
    monkeypatch.setattr(asking.auth, "now", lambda: now + 601)
    answer = send("consent", page, scope=["openid"], decision="allow")
    assert (answer.status_code, "start again" in answer.text) == (400, True)


@pytest.mark.std("A19")
def test_the_pages_run_nothing_are_kept_nowhere_and_lead_only_back_to_the_app(ask: Ask, asking: Running, connections: httpx.Client) -> None:
    page = ask(user=ADA)
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'self'", "base-uri 'none'"} <= set(policy)
    assert "form-action 'self' http://127.0.0.1:9" in policy
    assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "SAMEORIGIN")
    assert "<script" not in page.text
    native = ask("native", user=ADA, redirect_uri="myapp:/callback")
    assert "form-action 'self' myapp:" in native.headers["content-security-policy"]
    assert connections.get(f"{asking.origin}/auth/hospital.css").headers["content-type"].startswith("text/css")
    assert connections.get(f"{asking.origin}/auth/consent").status_code == 405

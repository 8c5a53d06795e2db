"""The authorization endpoint: each thing wrong by itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.ehr.auth.authorize import back_to_app, bounded
from sandbox.ehr.auth.grants import Context


@pytest.mark.std("A4")
def test_a_sound_request_comes_back_with_code_and_state(app: Any) -> None:
    answer = app.authorize(state="a b&c=ü")
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "a b&c=ü"


def test_the_request_may_come_by_post(app: Any) -> None:
    answer = app.http.post(f"{app.auth}/authorize", data=app.request())
    assert answer.status_code == 302
    assert "code=" in answer.headers["location"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "http://other/fhir"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"launch": "made-up"}, "invalid_request"),
        ({"launch": None}, "invalid_request"),
        ({"scope": "openid", "launch": "x"}, "invalid_request"),
    ],
)
@pytest.mark.std("A4")
def test_a_request_that_lacks_or_bends_something_is_sent_back_with_an_error(app: Any, changed: dict[str, str | None], error: str) -> None:
    answer = app.authorize(**changed)
    assert answer["error"] == error
    assert answer["error_description"]
    assert "code" not in answer
    assert answer.get("state") == (changed.get("state", "state-1") or None)


@pytest.mark.std("A4")
def test_aud_with_a_trailing_slash_is_another_url(app: Any) -> None:
    assert app.authorize(aud=f"{app.ehr.base}/")["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://127.0.0.1:9/callback/"},
        {"redirect_uri": "http://127.0.0.1:9/callback?x=1"},
        {"redirect_uri": "http://127.0.0.1:9/CALLBACK"},
        {"redirect_uri": "http://evil.test/callback"},
    ],
)
@pytest.mark.std("A20")
def test_nothing_is_sent_to_an_address_that_is_not_registered(app: Any, changed: dict[str, str | None]) -> None:
    answer = app.http.get(f"{app.auth}/authorize", params=app.request(**changed))
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_parameter_given_twice_is_refused(app: Any) -> None:
    answer = app.http.get(f"{app.auth}/authorize", params=[*app.request().items(), ("state", "other")])
    assert answer.status_code == 400


def test_a_client_that_may_not_be_launched_from_the_ehr_is_not(app: Any) -> None:
    app.client_id = "standalone"
    assert app.authorize(scope="launch patient/*.rs")["error"] == "invalid_scope"
    assert app.authorize(scope="openid", launch=None).keys() == {"code", "state"}


def test_a_launch_is_good_for_one_use_and_five_minutes(app: Any) -> None:
    handle = app.ehr.auth.mint_launch(patient="p1")
    assert "code" in app.authorize(launch=handle)
    assert app.authorize(launch=handle)["error"] == "invalid_request"


def test_an_answer_is_added_to_a_query_that_is_there() -> None:
    location = back_to_app("http://app/callback?tenant=1", {"state": "a&b"}).headers["location"]
    assert parse_qs(urlsplit(location).query) == {"tenant": ["1"], "state": ["a&b"]}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (Context(), ("openid", "user/*.rs")),
        (Context(patient="p1"), ("openid", "user/*.rs", "patient/*.rs", "launch/patient")),
        (Context(patient="p1", encounter="e1"), ("openid", "user/*.rs", "patient/*.rs", "launch/patient", "launch/encounter")),
    ],
)
@pytest.mark.std("A9")
def test_scopes_without_the_context_they_need_are_not_granted(context: Context, expected: tuple[str, ...]) -> None:
    asked = ("openid", "user/*.rs", "patient/*.rs", "launch/patient", "launch/encounter")
    assert bounded(asked, context) == expected

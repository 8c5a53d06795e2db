"""The token endpoint's grants: each thing wrong by itself."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest


@pytest.fixture
def later(app: Any) -> Any:
    """Sets the server's clock ahead by so many seconds, for one test."""
    yield lambda seconds: setattr(app.ehr.auth, "now", lambda: time.time() + seconds)
    app.ehr.auth.now = time.time


def status(app: Any, token: str) -> int:
    code: int = app.http.get(f"{app.ehr.base}/Patient/p1", headers={"Authorization": f"Bearer {token}"}).status_code
    return code


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code": None}, "invalid_request"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": secrets.token_urlsafe(48)}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"client_id": "narrow"}, "invalid_grant"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
@pytest.mark.std("A8")
def test_a_token_request_that_lacks_or_bends_something_is_refused(app: Any, changed: dict[str, str | None], error: str) -> None:
    answer = app.exchange(**{"code": app.authorize()["code"], **changed})
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.std("A6")
def test_the_challenge_itself_is_no_verifier(app: Any) -> None:
    asked = app.request()
    answer = app.exchange(app.authorize()["code"], code_verifier=asked["code_challenge"])
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "ä" * 43, "a+" * 22])
@pytest.mark.std("A6")
def test_a_verifier_of_another_form_is_refused_though_it_fits(app: Any, verifier: str) -> None:
    app.verifier = verifier
    assert app.exchange(app.authorize()["code"]).json()["error"] == "invalid_grant"


@pytest.mark.std("A8")
def test_a_code_that_comes_twice_is_refused_and_takes_its_tokens_along(app: Any) -> None:
    code = app.authorize(scope="launch offline_access patient/*.rs")["code"]
    first = app.exchange(code).json()
    assert status(app, first["access_token"]) == 200
    assert app.exchange(code).json()["error"] == "invalid_grant"
    assert status(app, first["access_token"]) == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "app"}
    assert app.post(refresh).json()["error"] == "invalid_grant"


def test_a_code_is_used_up_by_a_request_that_fails(app: Any) -> None:
    code = app.authorize()["code"]
    app.exchange(code, code_verifier=secrets.token_urlsafe(48))
    assert app.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_grows_old(app: Any, later: Any) -> None:
    code = app.authorize()["code"]
    later(61)
    assert app.exchange(code).json()["error"] == "invalid_grant"


def test_an_access_token_grows_old(app: Any, later: Any) -> None:
    token = app.launch()
    assert status(app, token["access_token"]) == 200
    later(token["expires_in"])
    assert status(app, token["access_token"]) == 401


def refreshed(app: Any, token: str, **more: str) -> Any:
    return app.post({"grant_type": "refresh_token", "refresh_token": token, "client_id": app.client_id, **more})


@pytest.mark.std("A14")
def test_a_refresh_replaces_both_tokens_and_keeps_the_context(app: Any) -> None:
    first = app.launch(scope="launch offline_access openid patient/*.rs")
    second = refreshed(app, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (second["patient"], second["scope"]) == ("p1", first["scope"])
    assert status(app, second["access_token"]) == 200


@pytest.mark.std("A14")
def test_a_refresh_token_that_comes_twice_revokes_the_whole_family(app: Any) -> None:
    first = app.launch(scope="launch offline_access patient/*.rs")
    second = refreshed(app, first["refresh_token"]).json()
    assert refreshed(app, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refreshed(app, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert status(app, second["access_token"]) == 401


@pytest.mark.std("A14")
def test_a_refresh_may_ask_for_less_and_later_for_all_again_but_never_for_more(app: Any) -> None:
    first = app.launch(scope="launch offline_access patient/*.rs")
    less = refreshed(app, first["refresh_token"], scope="patient/Observation.rs").json()
    assert less["scope"] == "patient/Observation.rs"
    assert status(app, less["access_token"]) == 403
    more = refreshed(app, less["refresh_token"], scope="patient/*.cruds")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    again = refreshed(app, less["refresh_token"]).json()
    assert again["scope"] == first["scope"], "the refused request did not use the token up"


@pytest.mark.parametrize("scope", ["launch patient/*.rs", "launch openid"])
@pytest.mark.std("A14")
def test_without_lasting_access_there_is_no_refresh_token(app: Any, scope: str) -> None:
    assert "refresh_token" not in app.launch(scope=scope)


def test_a_refresh_token_is_of_no_use_to_another_client(app: Any) -> None:
    first = app.launch(scope="launch offline_access patient/*.rs")
    app.client_id = "narrow"
    assert refreshed(app, first["refresh_token"]).json()["error"] == "invalid_grant"
    app.client_id = "app"
    assert refreshed(app, first["refresh_token"]).status_code == 200
    assert app.post({"grant_type": "refresh_token", "client_id": "app"}).json()["error"] == "invalid_request"


@pytest.mark.std("A17")
def test_a_backend_service_gets_five_minutes_and_nothing_to_refresh(app: Any) -> None:
    body = app.backend().json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["expires_in"], body["scope"], body["token_type"]) == (300, "system/*.rs", "Bearer")
    assert status(app, body["access_token"]) == 200


@pytest.mark.parametrize("scope", [None, "patient/*.rs", "system/*.rs openid", "system/*.rs user/Patient.r", "system/Patient.c"])
@pytest.mark.std("A17")
def test_a_backend_service_asks_for_system_scopes_that_it_may_have(app: Any, scope: str | None) -> None:
    answer = app.backend(scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.std("A17")
def test_a_client_without_keys_is_no_backend_service(app: Any) -> None:
    answer = app.post({"grant_type": "client_credentials", "scope": "system/*.rs", "client_id": "app"})
    assert answer.json()["error"] == "unauthorized_client"

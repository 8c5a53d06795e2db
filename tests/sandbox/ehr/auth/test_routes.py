"""The endpoints over HTTP: forms, doubles, caching."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("endpoint", ["token", "introspect", "revoke"])
def test_an_endpoint_takes_a_form_with_each_parameter_once(app: Any, endpoint: str) -> None:
    url = f"{app.auth}/{endpoint}"
    as_json = app.http.post(url, json={"grant_type": "client_credentials"})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")
    form = b"grant_type=client_credentials&grant_type=client_credentials"
    twice = app.http.post(url, content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert app.http.get(url).status_code == 405


@pytest.mark.parametrize(("path", "cacheable"), [("jwks", True), ("smart-style.json", True)])
@pytest.mark.std("A16")
def test_what_is_public_may_be_cached(app: Any, path: str, cacheable: bool) -> None:
    assert ("max-age" in app.http.get(f"{app.auth}/{path}").headers["cache-control"]) is cacheable


def test_tokens_and_redirects_are_never_cached(app: Any) -> None:
    redirect = app.http.get(f"{app.auth}/authorize", params=app.request())
    token = app.exchange(app.authorize()["code"])
    for answer in (redirect, token):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"


@pytest.mark.std("A18")
def test_a_token_is_revoked_on_its_clients_word_and_its_family_with_its_refresh_token(app: Any) -> None:
    token = app.launch(scope="launch offline_access patient/*.rs")
    headers = {"Authorization": f"Bearer {token['access_token']}"}

    def status() -> int:
        return int(app.http.get(f"{app.ehr.base}/Patient/p1", headers=headers).status_code)

    others = app.post({"token": token["refresh_token"], "client_id": "narrow"}, "revoke")
    assert (others.status_code, others.json()["error"], status()) == (400, "unauthorized_client", 200)
    assert app.post({"token": token["refresh_token"]}, "revoke").status_code == 401
    assert app.post({"client_id": "app"}, "revoke").json()["error"] == "invalid_request"
    done = app.post({"token": token["refresh_token"], "client_id": "app", "token_type_hint": "strange"}, "revoke")
    assert (done.status_code, done.content, status()) == (200, b"", 401)
    refresh = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": "app"}
    assert app.post(refresh).json()["error"] == "invalid_grant"
    assert app.post({"token": "made-up", "client_id": "app"}, "revoke").status_code == 200

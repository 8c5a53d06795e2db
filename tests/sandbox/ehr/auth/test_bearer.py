"""The access token on a FHIR request."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("path", ["Patient/p1", "Patient", "Observation?patient=p1", "Patient/p1/$everything", "_page/x", "Nonsense/x"])
@pytest.mark.parametrize(
    ("authorization", "error"),
    [(None, False), ("Bearer", False), ("Basic YTpi", False), ("Bearer made-up", True), ("bearer  made-up", True)],
)
def test_without_a_good_token_nothing_is_told(app: Any, path: str, authorization: str | None, error: bool) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = app.http.get(f"{app.ehr.base}/{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["issue"][0]["code"] == "login"
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")
    assert ("invalid_token" in answer.headers["www-authenticate"]) is error


@pytest.mark.std("A19")
def test_a_token_in_the_query_is_not_looked_at(app: Any) -> None:
    token = app.launch()["access_token"]
    assert app.http.get(f"{app.ehr.base}/Patient/p1", params={"access_token": token}).status_code == 401
    assert app.http.get(f"{app.ehr.base}/Patient/p1", headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_metadata_and_discovery_need_no_token(app: Any) -> None:
    assert app.http.get(f"{app.ehr.base}/metadata").status_code == 200
    assert app.http.get(f"{app.ehr.base}/.well-known/smart-configuration").status_code == 200


def test_writing_needs_a_token_too(app: Any) -> None:
    headers = {"Content-Type": "application/fhir+json"}
    for method, path in (("POST", "Flag"), ("PUT", "Flag/f"), ("DELETE", "Patient/p1"), ("POST", ""), ("POST", "Patient/_search")):
        assert app.http.request(method, f"{app.ehr.base}/{path}".rstrip("/"), json={}, headers=headers).status_code == 401


def test_all_tokens_can_be_made_to_expire_or_be_revoked(app: Any) -> None:
    def status(token: str) -> int:
        code: int = app.http.get(f"{app.ehr.base}/Patient/p1", headers={"Authorization": f"Bearer {token}"}).status_code
        return code

    token = app.launch(scope="launch offline_access patient/*.rs")
    app.ehr.auth.tokens.expire_access_tokens()
    assert status(token["access_token"]) == 401
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": "app"}
    again = app.post(form).json()
    assert status(again["access_token"]) == 200
    app.ehr.auth.tokens.revoke_all()
    assert status(again["access_token"]) == 401
    assert app.post({**form, "refresh_token": again["refresh_token"]}).json()["error"] == "invalid_grant"

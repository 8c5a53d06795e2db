"""Token answers, id_tokens, introspection."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.ehr.auth.grants import Messaging

STUDY = {"reference": "ImagingStudy/i1", "role": "launch"}


@pytest.mark.std("A10")
def test_a_launch_brings_its_whole_context(app: Any) -> None:
    handle = app.ehr.auth.mint_launch(patient="p1", encounter="enc1", fhirContext=[STUDY], need_patient_banner=False, intent="review")
    token = app.launch(launch=handle, scope="launch patient/*.rs")
    assert token["token_type"] == "Bearer"
    context = {name: token.get(name) for name in ("patient", "encounter", "fhirContext", "need_patient_banner", "intent")}
    expected = {"patient": "p1", "encounter": "enc1", "fhirContext": [STUDY], "need_patient_banner": False, "intent": "review"}
    assert context == expected
    assert app.http.get(token["smart_style_url"]).json()["color_background"] == "#ffffff"


@pytest.mark.std("A10")
def test_what_a_launch_does_not_have_is_not_there(app: Any) -> None:
    token = app.launch(scope="launch patient/*.rs")
    assert token.keys() == {"access_token", "token_type", "expires_in", "scope", "patient", "smart_style_url"}


@pytest.mark.std("A9")
def test_the_answer_says_what_was_granted_not_what_was_asked(app: Any) -> None:
    app.client_id = "narrow"
    token = app.launch(scope="launch openid patient/*.rs patient/Condition.rs")
    assert token["scope"] == "launch patient/Observation.rs?category=laboratory patient/Patient.r"
    assert "id_token" not in token


@pytest.mark.std("A15")
def test_the_id_token_says_who_logged_in_to_whom_and_is_signed_by_a_published_key(app: Any) -> None:
    token = app.launch(nonce="n-1")
    published = app.http.get(f"{app.auth}/jwks").json()
    assert all("d" not in each for each in published["keys"])
    signed = jwt.decode(token["id_token"], KeySet.import_key_set(published), algorithms=["RS256"])
    assert signed.header["kid"] in {each["kid"] for each in published["keys"]}
    claims = dict(signed.claims)
    assert claims.pop("exp") - claims.pop("iat") == 3600
    expected = {
        "iss": app.ehr.base,
        "sub": "dr-sandbox",
        "aud": "app",
        "nonce": "n-1",
        "fhirUser": f"{app.ehr.base}/Practitioner/dr-sandbox",
    }
    assert claims == expected


@pytest.mark.std("A15")
def test_the_id_token_says_no_more_than_the_scopes(app: Any) -> None:
    claims = jwt.decode(app.launch(scope="launch openid")["id_token"], app.ehr.auth.keys.current, algorithms=["RS256"]).claims
    assert "fhirUser" not in claims
    assert "nonce" not in claims
    assert "id_token" not in app.launch(scope="launch fhirUser patient/*.rs")


@pytest.mark.std("A15")
def test_after_a_rotation_new_tokens_need_the_new_key(app: Any) -> None:
    keys = app.ehr.auth.keys
    old = KeySet.import_key_set(keys.jwks())
    keys.rotate()
    token = app.launch()["id_token"]
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, old, algorithms=["RS256"])
    assert jwt.decode(token, KeySet.import_key_set(keys.jwks()), algorithms=["RS256"]).claims["sub"] == "dr-sandbox"


def introspect(app: Any, token: str | None, **form: str | None) -> Any:
    proof = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": app.assertion()}
    return app.post({"token": token, **proof, **form}, "introspect")


@pytest.mark.std("A18")
def test_introspection_tells_a_client_about_its_own_token(app: Any) -> None:
    token = app.backend().json()["access_token"]
    body = introspect(app, token).json()
    assert (body["active"], body["client_id"], body["scope"]) == (True, "asymmetric", "system/*.rs")
    assert body["exp"] - body["iat"] == 300
    assert not body.keys() & {"patient", "fhirUser", "sub"}


@pytest.mark.std("A18")
def test_introspection_tells_one_that_may_ask_about_all_who_and_whose(app: Any) -> None:
    token = app.launch()["access_token"]
    body = app.post(
        {"token": token}, "introspect", auth=("symmetric", "s3cr:et/ü".replace("/", "%2F").replace(":", "%3A").replace("ü", "%C3%BC"))
    ).json()
    assert (body["active"], body["patient"], body["client_id"]) == (True, "p1", "app")
    assert (body["iss"], body["sub"], body["fhirUser"]) == (app.ehr.base, "dr-sandbox", f"{app.ehr.base}/Practitioner/dr-sandbox")


@pytest.mark.std("A18")
def test_introspection_tells_nothing_of_others_unknown_or_dead_tokens(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.time()
    others = app.launch()["access_token"]
    mine = app.backend().json()["access_token"]
    assert introspect(app, others).json() == {"active": False}
    assert introspect(app, "made-up").json() == {"active": False}
    monkeypatch.setattr(app.ehr.auth, "now", lambda: begun + 299)
    assert introspect(app, mine, client_assertion=app.assertion(exp=int(time.time()) + 500)).json()["active"] is True
    monkeypatch.setattr(app.ehr.auth, "now", lambda: time.time() + 300)
    assert introspect(app, mine, client_assertion=app.assertion(exp=int(time.time()) + 500)).json() == {"active": False}


@pytest.mark.std("A18")
def test_introspection_needs_an_authenticated_client_and_a_token(app: Any) -> None:
    token = app.launch()["access_token"]
    for form in ({}, {"client_id": "app"}):
        answer = app.post({"token": token, **form}, "introspect")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert introspect(app, None).json()["error"] == "invalid_request"


@pytest.mark.std("A10")
def test_a_launch_brings_the_tenant_and_where_messages_may_be_posted(app: Any) -> None:
    messaging = Messaging("http://127.0.0.1:1", "window-7")
    token = app.launch(launch=app.ehr.auth.mint_launch(patient="p1", tenant="ward-3", smart_web_messaging=messaging))
    told = [token[name] for name in ("tenant", "smart_web_messaging_origin", "smart_web_messaging_handle")]
    assert told == ["ward-3", "http://127.0.0.1:1", "window-7"]

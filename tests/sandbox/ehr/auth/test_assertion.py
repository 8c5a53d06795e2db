"""private_key_jwt: each thing wrong by itself."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from sandbox.ehr.auth.assertion import issuer_of, verify_assertion
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.refusal import OAuthRefusal


class Later(int):
    """Seconds from now: of the moment of the test, not of the moment the table was read, which may be minutes before."""


def at_once(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: int(time.time()) + value if isinstance(value, Later) else value for name, value in claims.items()}


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": None}, {}),
        ({"typ": "at+jwt"}, {}),
        ({"kid": None}, {}),
        ({"kid": "other"}, {}),
        ({"jku": "https://evil/jwks"}, {}),
        ({}, {"iss": "app"}),
        ({}, {"sub": "app"}),
        ({}, {"sub": None}),
        ({}, {"aud": "http://other/token"}),
        ({}, {"aud": None}),
        ({}, {"aud": []}),
        ({}, {"exp": None}),
        ({}, {"exp": Later(-1)}),
        ({}, {"exp": Later(400)}),
        ({}, {"exp": "4102444800"}),
        ({}, {"iat": Later(60)}),
        ({}, {"nbf": Later(60)}),
        ({}, {"iat": "now"}),
        ({}, {"jti": None}),
        ({}, {"jti": ""}),
        ({}, {"jti": 7}),
    ],
)
@pytest.mark.std("A16")
def test_an_assertion_that_lacks_or_bends_something_is_refused(app: Any, header: dict[str, Any], claims: dict[str, Any]) -> None:
    answer = app.backend(assertion=app.assertion(header=header, **at_once(claims)))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("claims", [{"iat": Later(0)}, {"nbf": Later(-5)}, {"extra": "x"}, {"exp": Later(290)}])
@pytest.mark.parametrize("alg", ["RS384", "ES384"])
def test_what_else_may_stand_in_an_assertion(app: Any, alg: str, claims: dict[str, Any]) -> None:
    assert app.backend(assertion=app.assertion(alg, **at_once(claims))).status_code == 200


def test_aud_may_be_a_list_and_jku_the_registered_one(app: Any) -> None:
    sound = app.assertion(header={"jku": "https://app/jwks"}, aud=[f"{app.auth}/token", "x"])
    assert app.backend(assertion=sound).status_code == 200


@pytest.mark.std("A16")
def test_a_strangers_signature_is_refused_under_a_registered_kid(app: Any) -> None:
    kid = json.loads(base64.urlsafe_b64decode(app.assertion().split(".")[0] + "=="))["kid"]
    assert app.backend(assertion=app.assertion(key="stranger", header={"kid": kid})).status_code == 401


@pytest.mark.std("A16")
def test_a_key_of_the_other_type_is_refused(app: Any) -> None:
    kids = {alg: json.loads(base64.urlsafe_b64decode(app.assertion(alg).split(".")[0] + "=="))["kid"] for alg in ("RS384", "ES384")}
    assert app.backend(assertion=app.assertion("RS384", header={"kid": kids["ES384"]})).status_code == 401
    assert app.backend(assertion=app.assertion("ES384", header={"kid": kids["RS384"]})).status_code == 401


@pytest.mark.parametrize("kid", [None, "k"])
@pytest.mark.std("A16")
def test_a_key_without_a_name_or_with_a_name_used_twice_is_never_taken(app: Any, kid: str | None) -> None:
    registered = [dict(each) for each in app.ehr.auth.clients.get("asymmetric").jwks["keys"]]
    for each in registered if kid else registered[:1]:
        each.pop("kid")
        each.update({"kid": kid} if kid else {})
    client = Client("asymmetric", "confidential-asymmetric", "", jwks={"keys": registered})
    with pytest.raises(OAuthRefusal, match="kid"):
        verify_assertion(app.assertion(header={"kid": kid}), client, (f"{app.auth}/token",), time.time())


@pytest.mark.std("A16")
def test_other_algorithms_are_refused(app: Any) -> None:
    assert app.backend(assertion=app.assertion(header={"alg": "RS256"})).status_code == 401
    claims = {"iss": "asymmetric", "sub": "asymmetric", "aud": f"{app.auth}/token", "exp": int(time.time()) + 100, "jti": "h"}
    shared = jwt.encode({"alg": "HS256", "kid": "x"}, claims, OctKey.import_key("0" * 48))
    assert app.backend(assertion=shared).status_code == 401
    part = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert app.backend(assertion=f"{part}.{shared.split('.')[1]}.").status_code == 401


@pytest.mark.std("A16")
def test_a_changed_byte_breaks_the_signature(app: Any) -> None:
    head, body, signature = app.assertion().split(".")
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(body + "==").replace(b'"jti"', b'"jtj"')).rstrip(b"=").decode()
    assert app.backend(assertion=f"{head}.{forged}.{signature}").status_code == 401


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "....", "e30.W10.x", "e30.e30.x", "e30.eyJpc3MiOjd9.x"])
def test_what_is_no_jwt_has_no_issuer(text: str) -> None:
    with pytest.raises(OAuthRefusal) as refused:
        issuer_of(text)
    assert refused.value.error == "invalid_client"

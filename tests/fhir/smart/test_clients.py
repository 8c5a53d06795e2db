"""How we prove who we are: the parts of an assertion, keys that are no good, and secrets that stay unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from fhir.errors import RegistrationInvalid
from fhir.smart.clients import KeyClient, PublicClient, SecretClient, key_client, public_jwks

ENDPOINT, NOW = "https://ehr.example/token?x=1", 1_800_000_000.7
NONE: frozenset[Any] = frozenset()
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


def jwk(key: Any, **more: Any) -> bytes:
    body = {**key.as_dict(private=True), **more}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


@pytest.mark.std("A8")
def test_a_public_client_names_itself_and_proves_nothing() -> None:
    proof = PublicClient("sidenote").prove(ENDPOINT, NOW, NONE)
    assert (proof.fields, proof.headers) == ({"client_id": "sidenote"}, {})


@pytest.mark.std("A16")
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
@pytest.mark.parametrize("jku", [None, "https://sidenote.example/jwks"])
def test_an_assertion_is_what_the_standard_wants(rsa: RSAKey, ec: ECKey, algorithm: str, jku: str | None) -> None:
    key = rsa if algorithm == "RS384" else ec
    proof = key_client("sidenote", jwk(key), jku).prove(ENDPOINT, NOW, NONE)
    assert proof.headers == {}
    assert proof.fields.keys() == {"client_assertion_type", "client_assertion"}
    assert proof.fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    token = jwt.decode(proof.fields["client_assertion"], key, algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "kid": key.kid, "typ": "JWT", **({"jku": jku} if jku else {})}
    assert token.claims.keys() == {"iss", "sub", "aud", "exp", "jti"}
    assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == ("sidenote", "sidenote", ENDPOINT)
    assert NOW < token.claims["exp"] <= NOW + 300


@pytest.mark.std("A16")
def test_every_assertion_has_an_id_of_its_own(ec: ECKey) -> None:
    client = KeyClient("sidenote", ec, "e1", "ES384")
    made = [client.prove(ENDPOINT, NOW, NONE).fields["client_assertion"] for _ in range(50)]
    ids = {json.loads(jws.extract_compact(one.encode()).payload or b"")["jti"] for one in made}
    assert len(ids) == 50
    assert all(len(one) >= 22 for one in ids)


@pytest.mark.std("A16")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        b"[]",
        b'{"keys": []}',
        b'{"kty": "RSA", "kid": "a"}',
        b'{"kty": "RSA", "kid": "a", "d": "AQ"}',
        b'{"kty": "EC", "kid": "a", "crv": "P-384", "x": "AA", "y": "AA", "d": "AA"}',
        b'{"kty": "EC", "kid": "a", "kid": "b", "d": "AQ"}',
    ],
)
def test_what_is_no_private_jwk_is_refused_without_its_text(text: bytes) -> None:
    with pytest.raises(RegistrationInvalid) as caught:
        key_client("sidenote", text)
    assert caught.value.__cause__ is None


@pytest.mark.std("A16")
def test_keys_that_are_weak_public_nameless_or_for_something_else_are_refused(rsa: RSAKey, ec: ECKey, weak_rsa: bytes) -> None:
    bad = [
        weak_rsa,
        jwk(ECKey.generate_key("P-256", {"kid": "a"})),
        jwk(ECKey.generate_key("P-521", {"kid": "a"})),
        jwk(OctKey.generate_key(256, {"kid": "a"})),
        json.dumps(rsa.as_dict(private=False)).encode(),
        jwk(rsa, kid=None),
        jwk(rsa, kid=7),
        jwk(rsa, alg="RS256"),
        jwk(ec, alg="RS384"),
        jwk(rsa, use="enc"),
    ]
    for text in bad:
        with pytest.raises(RegistrationInvalid):
            key_client("sidenote", text)
    assert key_client("sidenote", jwk(rsa, alg="RS384", use="sig", key_ops=["sign"])).algorithm == "RS384"


@pytest.mark.std("A16")
def test_the_served_key_set_holds_public_halves_alone(rsa: RSAKey, ec: ECKey) -> None:
    served = public_jwks([key_client("a", jwk(rsa, oth="x", extra="y")), key_client("b", jwk(ec))])
    assert [key.keys() for key in served["keys"]] == [
        {"kty", "n", "e", "kid", "use", "alg"},
        {"kty", "crv", "x", "y", "kid", "use", "alg"},
    ]
    assert PRIVATE.isdisjoint(name for key in served["keys"] for name in key)
    assert [(key["kid"], key["alg"], key["use"]) for key in served["keys"]] == [("k1", "RS384", "sig"), ("e1", "ES384", "sig")]
    public = RSAKey.import_key(dict(served["keys"][0]))
    proof = key_client("a", jwk(rsa)).prove(ENDPOINT, NOW, NONE)
    assert jwt.decode(proof.fields["client_assertion"], public, algorithms=["RS384"]).claims["iss"] == "a"


@pytest.mark.parametrize("secret", ["", "s3cret\n", "a\x00b", "\ts"])
def test_a_secret_that_no_header_can_carry_is_refused(secret: str) -> None:
    with pytest.raises(RegistrationInvalid):
        SecretClient("sidenote", secret)


@pytest.mark.std("A19")
def test_no_key_and_no_secret_is_in_a_repr(rsa: RSAKey) -> None:
    for client, secret in (
        (SecretClient("sidenote", "canary"), "canary"),
        (key_client("sidenote", jwk(rsa)), rsa.as_dict(private=True)["d"]),
    ):
        proof = client.prove(ENDPOINT, NOW, NONE)
        shown = f"{client!r} {client} {proof!r} {proof}"
        assert secret not in shown
        assert "Basic" not in shown
        assert "eyJ" not in shown

"""Forged id_tokens, token responses and callbacks, each through a whole launch against an EHR on loopback: none ends in a session."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fhir.errors import AuthorizationError
from fhir.smart.launch import Launched, Launches

BINDING, REDIRECT = "b" * 43, "http://127.0.0.1:1/callback"


def encoded(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@dataclass
class Forge:
    """What a forger has: the public key, keys of their own, sound tokens of other launches, and every claim of this one."""

    ehr: Any
    own: RSAKey
    ec: ECKey

    def sound(self, **claims: Any) -> str:
        return str(self.ehr.id_token(**claims))

    def body(self, **claims: Any) -> dict[str, Any]:
        return {**json.loads(base64.urlsafe_b64decode(self.sound().split(".")[1] + "==")), **claims}

    def signed(self, key: Any = None, claims: dict[str, Any] | None = None, **header: Any) -> str:
        """Signed rightly by some key, under any header that joserfc itself would not write."""
        made = {"alg": "RS256", "kid": "k1", **header}
        parts = f"{encoded(made)}.{encoded(claims or self.body())}"
        return f"{parts}.{encoded(self.rs256(key or self.ehr.signing, parts.encode()))}"

    def raw(self, claims: bytes) -> str:
        parts = f"{encoded({'alg': 'RS256', 'kid': 'k1'})}.{encoded(claims)}"
        return f"{parts}.{encoded(self.rs256(self.ehr.signing, parts.encode()))}"

    @staticmethod
    def rs256(key: RSAKey, text: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return key.private_key.sign(text, PKCS1v15(), SHA256())

    def unsigned(self, alg: object, signature: str = "") -> str:
        return f"{encoded({'alg': alg, 'kid': 'k1'})}.{encoded(self.body())}.{signature}"

    def shared(self, alg: str, secret: bytes) -> str:
        parts = f"{encoded({'alg': alg, 'kid': 'k1'})}.{encoded(self.body())}"
        return f"{parts}.{encoded(hmac.digest(secret, parts.encode(), 'sha' + alg[2:]))}"

    def public(self, encoding: str) -> bytes:
        return self.ehr.signing.as_bytes(encoding, private=False)


def parts(token: str) -> list[str]:
    return token.split(".")


def swapped(token: str, at: int, part: str) -> str:
    return ".".join([*parts(token)[:at], part, *parts(token)[at + 1 :]])


def flipped(token: str) -> str:
    return swapped(token, 2, ("B" if parts(token)[2][0] != "B" else "C") + parts(token)[2][1:])


NOW = 1_800_000_000
ID_TOKENS: dict[str, Callable[[Forge], Any]] = {
    **{f"alg {alg}, no signature": lambda f, alg=alg: f.unsigned(alg) for alg in ("none", "None", "NONE", "", "HS256")},
    **{
        f"alg {alg}, its signature kept": lambda f, alg=alg: f.unsigned(alg, parts(f.sound())[2])
        for alg in ("none", "RS512", "PS256", "ES256")
    },
    "alg none in two parts": lambda f: f.unsigned("none").rstrip("."),
    "alg a list": lambda f: f.unsigned(["RS256"], parts(f.sound())[2]),
    "alg null": lambda f: f.signed(alg=None),
    "HS256 by the public PEM": lambda f: f.shared("HS256", f.public("PEM")),
    "HS256 by the public DER": lambda f: f.shared("HS256", f.public("DER")),
    "HS384 by the modulus": lambda f: f.shared("HS384", f.ehr.keys[0]["n"].encode()),
    "HS512 by the public PEM": lambda f: f.shared("HS512", f.public("PEM")),
    "HS256 by nothing": lambda f: f.shared("HS256", b""),
    "PS256 by the right key": lambda f: jwt.encode({"alg": "PS256", "kid": "k1"}, f.body(), f.ehr.signing, algorithms=["PS256"]),
    "RS512 by the right key": lambda f: jwt.encode({"alg": "RS512", "kid": "k1"}, f.body(), f.ehr.signing, algorithms=["RS512"]),
    "another key under the same id": lambda f: f.signed(f.own),
    "another key under its own id": lambda f: f.signed(f.own, kid="k2"),
    "a key of another kind": lambda f: jwt.encode({"alg": "ES384", "kid": "k1"}, f.body(), f.ec, algorithms=["ES384"]),
    **{
        f"kid {kid!r}": lambda f, kid=kid: f.signed(kid=kid)
        for kid in ("../../k1", "/dev/null", "k1\x00", "", "k1' OR '1'='1", "K1", "k" * 300, 1, ["k1"], {"k1": 1})
    },
    "jwk in the header": lambda f: f.signed(f.own, jwk=f.own.as_dict(private=False)),
    "the right key as jwk in the header": lambda f: f.signed(jwk=f.ehr.keys[0]),
    "jku in the header": lambda f: f.signed(f.own, jku="https://evil.example/jwks"),
    "the right jku in the header": lambda f: f.signed(jku=f.ehr.configuration["jwks_uri"]),
    "x5u in the header": lambda f: f.signed(f.own, x5u="https://evil.example/cert"),
    "x5c in the header": lambda f: f.signed(f.own, x5c=["AAAA"]),
    "crit in the header": lambda f: f.signed(crit=["exp"]),
    "b64 in the header": lambda f: f.signed(b64=False, crit=["b64"]),
    "zip in the header": lambda f: f.signed(zip="DEF"),
    "alg twice in the header": lambda f: swapped(f.sound(), 0, encoded(b'{"alg":"none","alg":"RS256","kid":"k1"}')),
    "a flipped signature": lambda f: flipped(f.sound()),
    "an empty signature": lambda f: swapped(f.sound(), 2, ""),
    "the signature of another token": lambda f: swapped(f.sound(), 2, parts(f.sound(sub="u2"))[2]),
    "other claims under its signature": lambda f: swapped(f.sound(), 1, encoded(f.body(sub="u2"))),
    "another header under its signature": lambda f: swapped(f.sound(), 0, encoded({"alg": "RS256", "kid": "k1", "typ": "x"})),
    "four parts": lambda f: f.sound() + ".AAAA",
    "five parts": lambda f: f.sound() + ".AAAA.AAAA",
    "one part": lambda f: parts(f.sound())[1],
    "padding": lambda f: f.sound() + "==",
    "a space": lambda f: " " + f.sound(),
    "a line break": lambda f: f.sound() + "\n",
    "empty": lambda f: "",
    "a number": lambda f: 5,
    "an object": lambda f: {"token": f.sound()},
    "too long": lambda f: f.sound(more="x" * 20_000),
    "claims a list": lambda f: f.raw(b"[]"),
    "claims no JSON": lambda f: f.raw(b"x"),
    "sub twice": lambda f: f.raw(json.dumps(f.body()).replace('"sub": "u1"', '"sub": "u1", "sub": "u2"').encode()),
    "exp NaN": lambda f: f.raw(json.dumps(f.body(exp=float("nan"))).encode()),
    "exp Infinity": lambda f: f.raw(json.dumps(f.body(exp=float("inf"))).encode()),
    **{
        f"{name} {value!r}": lambda f, name=name, value=value: f.sound(**{name: value})
        for name, values in {
            "iss": (None, "https://evil.example", "", 5, ["x"]),
            "aud": (None, "other", "sidenote2", "", [], ["other"], ["sidenote", "other"], {"sidenote": 1}, 5),
            "azp": ("other", "", 5, ["sidenote"]),
            "nonce": (None, "other", "", 5, ["n"]),
            "exp": (None, NOW - 61, NOW - 600, 0, -1, str(NOW + 300), True, []),
            "iat": (None, NOW + 61, NOW + 600, NOW - 600, 0, str(NOW), True),
            "nbf": (NOW + 61, NOW + 600, str(NOW), True),
            "sub": (None, "", 5, ["u1"]),
            "at_hash": ("x", "", 5, "ünïcode"),
            "fhirUser": (
                "Organization/1",
                "Practitioner",
                "Practitioner/",
                "Practitioner/a b",
                "javascript:x/Practitioner/1",
                "a/Patient/1",
                "",
                5,
            ),
            "patient": ("p2", "", 5),
        }.items()
        for value in values
    },
    "the nonce in a list": lambda f: f.sound(nonce=[f.ehr.nonce]),
    "the issuer in a list": lambda f: f.sound(iss=[f.ehr.base]),
    "a nonce of half a character": lambda f: f.raw(json.dumps(f.body(nonce="\ud800")).encode()),
    "iss with a slash": lambda f: f.sound(iss=f.ehr.base + "/"),
    "iss begins right": lambda f: f.sound(iss=f.ehr.base + ".evil.example"),
    "two audiences, another party": lambda f: f.sound(aud=["sidenote", "other"], azp="other"),
    "fhirUser with a query": lambda f: f.sound(fhirUser=f.ehr.base + "/Practitioner/1?x=Practitioner/2"),
    "fhirUser of a user part": lambda f: f.sound(fhirUser="https://a@b.example/Practitioner/1"),
}

TOKENS: dict[str, dict[str, Any]] = {
    f"{name} {value!r}"[:60]: {name: value}
    for name, values in {
        "access_token": (None, "", 5, "a b", "a\r\nX: y", "a\x00", "tökën", "a,b", ["a"], "a" * 20_000),
        "token_type": (None, "", "mac", "Bearer ", "DPoP", 5, ["Bearer"]),
        "scope": (None, "", " ", 5, ["launch"], 'a"b', "a\\b", "a\tb", "x" * 20_000),
        "expires_in": (0, -1, "3600", True, 3600.5, 10**12, "soon", [], {}),
        "refresh_token": ("", 5, "a\nb", "ü", "a" * 20_000, ["a"]),
        "patient": (None, "", 5, "p 1", "p/1", "../p1", "Patient/p1", "x" * 65, ["p1"], {"id": "p1"}, True),
        "encounter": ("", 5, "e/1", ["e1"]),
    }.items()
    for value in values
}

ANSWERS: dict[str, Callable[[bytes], tuple[int, str, bytes]]] = {
    "HTTP 400": lambda text: (400, "application/json", text),
    "HTTP 401": lambda text: (401, "application/json", text),
    "HTTP 201": lambda text: (201, "application/json", text),
    "a redirect": lambda _: (302, "application/json", b"https://evil.example/token"),
    "a page": lambda _: (200, "text/html", b"<html>sign in</html>"),
    "JSON said to be a page": lambda text: (200, "text/html", text),
    "a form": lambda _: (200, "application/x-www-form-urlencoded", b"access_token=a&token_type=Bearer&patient=p1"),
    "cut off": lambda text: (200, "application/json", text[:-1]),
    "two objects": lambda text: (200, "application/json", text + text),
    "in a list": lambda text: (200, "application/json", b"[" + text + b"]"),
    "patient twice": lambda text: (200, "application/json", text.replace(b'"patient"', b'"patient": "p2", "patient"')),
    "UTF-16": lambda text: (200, "application/json", text.decode().encode("utf-16")),
    "too large": lambda text: (200, "application/json", text + b" " * 70_000),
}

CALLBACKS: dict[str, Callable[[str, str], str]] = {
    "empty": lambda state, code: "",
    "no state": lambda state, code: urlencode({"code": code}),
    "an empty state": lambda state, code: urlencode({"code": code, "state": ""}),
    "a made up state": lambda state, code: urlencode({"code": code, "state": "x" * 43}),
    "a shorter state": lambda state, code: urlencode({"code": code, "state": state[:-1]}),
    "a longer state": lambda state, code: urlencode({"code": code, "state": state + "x"}),
    "a state in other letters": lambda state, code: urlencode({"code": code, "state": state.swapcase()}),
    "a state with a space": lambda state, code: urlencode({"code": code, "state": " " + state}),
    "the state twice": lambda state, code: urlencode([("code", code), ("state", state), ("state", state)]),
    "the code twice": lambda state, code: urlencode([("code", code), ("code", "other"), ("state", state)]),
    "iss twice": lambda state, code: urlencode([("code", code), ("state", state), ("iss", "a"), ("iss", "b")]),
    "no code": lambda state, code: urlencode({"state": state}),
    "an empty code": lambda state, code: urlencode({"state": state, "code": ""}),
    "a code and an error": lambda state, code: urlencode({"state": state, "code": code, "error": "access_denied"}),
    "an error": lambda state, code: urlencode({"state": state, "error": "access_denied"}),
    "an unknown error": lambda state, code: urlencode({"state": state, "error": "<script>"}),
    "another issuer": lambda state, code: urlencode({"state": state, "code": code, "iss": "https://evil.example"}),
    "a token instead": lambda state, code: urlencode({"state": state, "access_token": "a", "token_type": "bearer"}),
    "an id_token instead": lambda state, code: urlencode({"state": state, "id_token": "a.b.c"}),
    "too long": lambda state, code: urlencode({"state": state, "code": code, "x": "x" * 20_000}),
    "too many": lambda state, code: urlencode([("state", state), ("code", code), *((f"x{n}", "") for n in range(40))]),
    "no UTF-8": lambda state, code: f"state={state}&code=%ff%fe",
    "in a fragment": lambda state, code: f"#state={state}&code={code}",
    "separated by semicolons": lambda state, code: f"state={state};code={code}",
}


def test_there_are_at_least_the_120_forgeries_that_the_gate_wants() -> None:
    assert len(ID_TOKENS) + len(TOKENS) + len(ANSWERS) + len(CALLBACKS) >= 120


@pytest.fixture
def forge(ehr: Any, other_rsa: RSAKey, ec: ECKey) -> Forge:
    return Forge(ehr, other_rsa, ec)


@pytest.fixture
def accepted(ehr: Any, with_launches: Any) -> Callable[..., list[str]]:
    """The names of the forgeries that end in a session; an error that is no AuthorizationError, or shows a token, is one too."""

    def tried(names: Any, script: Callable[[str], None], query: Callable[[str, str], str] = lambda _, given: given) -> list[str]:
        async def act(launches: Launches) -> list[str]:
            assert isinstance(await ehr.launched(launches), Launched), "the sound one is no forgery"
            passed = []
            for name in names:
                script(name)
                try:
                    await launches.callback(REDIRECT, query(name, ehr.visit(await launches.ehr(ehr.base, "l1", BINDING))), BINDING)
                    passed.append(name)
                except AuthorizationError as error:
                    passed += [name] if "canary" in repr(error) or "eyJ" in repr(error) or error.__cause__ else []
            return passed

        return with_launches(act)

    return tried


@pytest.mark.std("A15")
@pytest.mark.fault(27)
def test_no_forged_id_token_is_taken(ehr: Any, forge: Forge, accepted: Any) -> None:
    ehr.keys.append({"kty": "oct", "kid": "o1", "k": "AAAA"})
    current = ""

    def script(name: str) -> None:
        nonlocal current
        current = name

    ehr.answers["/token"] = lambda _: ehr.json({**ehr.token, "id_token": ID_TOKENS[current](forge) if current else forge.sound()})
    assert accepted(ID_TOKENS, script) == []
    assert len([one for one in ehr.asked if one.path == "/jwks"]) == 1, "no forged key id makes us ask again within five minutes"


@pytest.mark.std("A9")
@pytest.mark.fault(30)
def test_no_odd_token_response_is_taken(ehr: Any, accepted: Any) -> None:
    sound = dict(ehr.token)

    def script(name: str) -> None:
        ehr.token = {**sound, **TOKENS[name]}

    assert accepted(TOKENS, script) == []


@pytest.mark.std("A9")
def test_no_odd_answer_of_the_token_endpoint_is_taken(ehr: Any, accepted: Any) -> None:
    current = ""

    def script(name: str) -> None:
        nonlocal current
        current = name

    def token(_: Any) -> tuple[int, str, bytes]:
        sound = ehr.json({**ehr.token, "id_token": ehr.id_token()})
        return ANSWERS[current](sound[2]) if current else sound

    ehr.answers["/token"] = token
    assert accepted(ANSWERS, script) == []


@pytest.mark.std("A5")
@pytest.mark.std("A7")
@pytest.mark.fault(23)
def test_no_forged_callback_is_taken_and_none_leads_to_a_token_request(ehr: Any, accepted: Any) -> None:
    def query(name: str, sound: str) -> str:
        given = parse_qs(sound)
        return CALLBACKS[name](given["state"][0], given["code"][0])

    assert accepted(CALLBACKS, lambda _: None, query) == []
    assert len(ehr.forms()) == 1, "the sound one's"

"""The list of EHRs: letter by letter, and nothing is asked of a server that is not on it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import IssuerUnknown, RegistrationInvalid
from fhir.smart.clients import PublicClient
from fhir.smart.issuers import Issuer, Issuers, registered
from fhir.smart.launch import Launches
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import asked

GOOD = "https://good.example/fhir"
BINDING = "b" * 43


def issuer(base: str = GOOD, redirect_uri: str | None = "https://app.example/callback", **more: Any) -> Issuer:
    return Issuer(base, PublicClient("sidenote"), asked("patient/*.rs"), redirect_uri, **more)


ELSEWHERE = [
    "http://127.0.0.1/fhir",
    "http://127.0.0.1:8080/fhir",
    "http://localhost/fhir",
    "http://[::1]/fhir",
    "http://[::ffff:127.0.0.1]/fhir",
    "http://0.0.0.0/fhir",
    "http://127.1/fhir",
    "http://2130706433/fhir",
    "http://0x7f000001/fhir",
    "http://0177.0.0.1/fhir",
    "http://127.0.0.1.nip.io/fhir",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://2852039166/latest/meta-data",
    "http://0xa9fea9fe/latest/meta-data",
    "http://0251.0376.0251.0376/latest/meta-data",
    "http://metadata.google.internal/computeMetadata/v1",
    "http://10.0.0.1/fhir",
    "http://192.168.0.1/fhir",
    "https://rebind.example/fhir",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://good.example/fhir",
    "data:application/json,{}",
    "https://good@evil.example/fhir",
    "https://good.example@evil.example/fhir",
    "https://good.example:443@evil.example/fhir",
    "https://evil.example/https://good.example/fhir",
    "https://good.example.evil.example/fhir",
    "https://evilgood.example/fhir",
    "https://good.example:8443/fhir",
    "http://good.example/fhir",
    "https://GOOD.example/fhir",
    "https://good.example./fhir",
    "https://good.example/fhir//",
    "https://good.example/FHIR",
    "https://good.example/fhir/../admin",
    "https://good.example/fhir?x=@evil.example",
    "https://good.example/fhir#@evil.example",
    "https://good.example\\@evil.example/fhir",
    "https://good.example/fhir\r\nHost: evil.example",
    "https://good.example/fhir\x00.evil.example",
    " https://good.example/fhir",
    "https://gооd.example/fhir",
    "//good.example/fhir",
    "good.example/fhir",
    "",
]


@pytest.mark.std("A2")
@pytest.mark.fault(21)
@pytest.mark.parametrize("iss", ELSEWHERE, ids=ascii)
def test_a_launch_from_an_unknown_server_is_refused_and_nothing_leaves_this_machine(iss: str, ear: Any) -> None:
    async def run() -> None:
        launches = Launches(Issuers(issuer(), issuer("http://127.0.0.1:1/ehr", "http://127.0.0.1:1/b")))
        with ear as heard:
            for begin in (launches.ehr(iss, "l1", BINDING), launches.standalone(iss, BINDING)):
                with pytest.raises(IssuerUnknown) as caught:
                    await begin
                assert iss not in str(caught.value) or not iss
        await launches.aclose()
        assert heard == []

    asyncio.run(run())


@pytest.mark.fault(21)
def test_the_ear_hears_a_connection_and_a_look_up(ehr: Any, ear: Any, with_launches: Any) -> None:
    with ear as heard:
        with_launches(lambda launches: launches.ehr(ehr.base, "l1", BINDING))
    assert any(event == "socket.connect" for event, _ in heard)


@pytest.mark.std("A2")
@pytest.mark.parametrize(("base", "iss"), [(GOOD, GOOD), (GOOD + "/", GOOD), (GOOD, GOOD + "/"), (GOOD + "/", GOOD + "/")])
def test_a_slash_at_the_end_makes_no_difference(base: str, iss: str) -> None:
    assert Issuers(issuer(base)).of(iss).base == base


@given(st.text() | st.text().map(lambda text: GOOD + text) | st.text().map(lambda text: text + GOOD))
def test_nothing_but_the_base_and_its_slash_is_known(iss: str) -> None:
    known = Issuers(issuer())
    try:
        known.of(iss)
    except IssuerUnknown:
        return
    assert iss in (GOOD, GOOD + "/")


@pytest.mark.std("A20")
@pytest.mark.parametrize(
    "base",
    [
        "http://ehr.example/fhir",
        "ftp://ehr.example",
        "",
        "ehr.example",
        "https://u:p@ehr.example",
        "https://e.example/?a=b",
        "https://e.example/#a",
    ],
)
def test_a_base_that_cannot_be_right_is_refused(base: str) -> None:
    with pytest.raises(RegistrationInvalid):
        issuer(base)
    with pytest.raises(RegistrationInvalid):
        issuer(elsewhere=(base,))


@pytest.mark.fault(25)
@pytest.mark.std("A20")
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback",
        "app:/callback",
        "https://app.example/callback#x",
        "https://app.example/callback?next=x",
        "/callback",
        "",
    ],
)
def test_a_redirect_uri_that_could_leak_a_code_is_refused(uri: str) -> None:
    with pytest.raises(RegistrationInvalid):
        issuer(redirect_uri=uri)


@pytest.mark.fault(26)
def test_each_ehr_needs_a_base_and_a_redirect_uri_of_its_own() -> None:
    with pytest.raises(RegistrationInvalid):
        Issuers(issuer(), issuer("https://other.example/fhir"))
    with pytest.raises(RegistrationInvalid):
        Issuers(issuer(), issuer(GOOD + "/", "https://app.example/b"))
    Issuers(issuer(), issuer("https://a.example", None), issuer("https://b.example", None))


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://good.example/token", True),
        ("https://good.example:443/token", True),
        ("https://login.example/token", True),
        ("http://good.example/token", False),
        ("https://good.example:8443/token", False),
        ("https://good.example.evil.example/token", False),
        ("https://good.example@evil.example/token", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_what_belongs_to_an_ehr_is_told_by_its_origins(url: str, owned: bool) -> None:
    assert issuer(elsewhere=("https://login.example",)).owns(url) is owned


def test_the_wires_list_shows_nobody_a_token() -> None:
    known = Issuers(issuer(elsewhere=("https://login.example",))).origins()
    assert known.trusted == frozenset()
    assert known.allows("https://login.example/x")
    assert not known.allows("https://evil.example/x")


def test_a_registration_is_made_from_what_a_site_writes(ec: Any) -> None:
    key = json.dumps(ec.as_dict(private=True)).encode()
    kinds = [
        registered(GOOD, "sidenote", "launch patient/*.rs", redirect_uri="https://app.example/callback", **proof).client.capability
        for proof in ({}, {"secret": "s"}, {"private_jwk": key, "jwks_url": "https://app.example/jwks"})
    ]
    assert kinds == ["client-public", "client-confidential-symmetric", "client-confidential-asymmetric"]
    one = registered(GOOD, "a", "system/*.rs", private_jwk=key, elsewhere=("https://login.example",), options=["scopes-v1"])
    assert (one.redirect_uri, one.quirks, one.elsewhere) == (None, {Quirk.SCOPES_V1}, ("https://login.example",))
    with pytest.raises(RegistrationInvalid, match="not both"):
        registered(GOOD, "a", "system/*.rs", secret="s", private_jwk=key)


@pytest.mark.parametrize("client_id", ["", "side\nnote", "sïdenote"])
def test_a_client_id_that_is_none_is_refused(client_id: str) -> None:
    with pytest.raises(RegistrationInvalid, match="client id"):
        registered(GOOD, client_id, "patient/*.rs")


@pytest.mark.std("A16")
def test_a_key_url_without_tls_is_refused(ec: Any) -> None:
    with pytest.raises(RegistrationInvalid):
        registered(GOOD, "a", "system/*.rs", private_jwk=json.dumps(ec.as_dict(private=True)).encode(), jwks_url="http://app.example/jwks")

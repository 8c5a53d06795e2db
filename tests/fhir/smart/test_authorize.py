"""The URL the browser is sent to: every parameter, written so that nothing in it can become another one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import DiscoveryInvalid, LaunchInvalid
from fhir.smart.authorize import authorize_url, scopes_for
from fhir.smart.clients import PublicClient
from fhir.smart.issuers import Issuer
from fhir.smart.pending import Pending, bound
from fhir.smart.pkce import challenge
from fhir.smart.scopes import asked

BASE, ENDPOINT, REDIRECT = "https://ehr.example/fhir", "https://ehr.example/authorize", "https://app.example/call%20back"


def issuer(scopes: str = "launch openid patient/*.rs") -> Issuer:
    return Issuer(BASE, PublicClient("side note&x"), asked(scopes), REDIRECT)


def pending(one: Issuer) -> Pending:
    return Pending(BASE, "ehr", one.asked, REDIRECT, 0.0, bound("b" * 43))


def written(launch: str | None = "l1", endpoint: str = ENDPOINT, one: Issuer | None = None) -> tuple[dict[str, str], Pending]:
    known = one or issuer()
    begun = pending(known)
    url = authorize_url(endpoint, known, begun, BASE, launch)
    pairs = parse_qsl(urlsplit(url).query, strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    assert begun.verifier not in url
    return dict(pairs), begun


@pytest.mark.std("A4")
def test_the_request_is_what_the_standard_wants() -> None:
    given_, begun = written()
    assert given_ == {
        "response_type": "code",
        "client_id": "side note&x",
        "redirect_uri": REDIRECT,
        "scope": "launch openid patient/*.rs",
        "state": begun.state,
        "aud": BASE,
        "launch": "l1",
        "code_challenge": challenge(begun.verifier),
        "code_challenge_method": "S256",
        "nonce": begun.nonce,
    }


@pytest.mark.std("A4")
@pytest.mark.fault(25)
@given(st.text(min_size=1, max_size=500))
def test_whatever_the_ehr_gave_goes_back_unchanged_and_becomes_nothing_else(launch: str) -> None:
    given_, _ = written(launch)
    assert given_["launch"] == launch
    assert given_["redirect_uri"] == REDIRECT


@pytest.mark.parametrize("launch", ["", "x" * 5000, "\ud800"])
def test_a_launch_that_is_none_is_refused(launch: str) -> None:
    with pytest.raises(LaunchInvalid):
        written(launch)


def test_without_openid_no_nonce_and_standalone_no_launch() -> None:
    given_, _ = written(None, one=issuer("launch/patient patient/*.rs"))
    assert {"nonce", "launch"}.isdisjoint(given_)


@pytest.mark.parametrize("endpoint", [ENDPOINT + "?", ENDPOINT + "?tenant=a%26b"])
def test_the_endpoints_own_query_is_kept(endpoint: str) -> None:
    given_, _ = written(endpoint=endpoint)
    assert given_.get("tenant", "a&b") == "a&b"
    assert given_["response_type"] == "code"


@pytest.mark.fault(25)
@pytest.mark.parametrize("name", ["redirect_uri", "state", "client_id", "launch", "scope", "response_type"])
def test_an_endpoint_that_brings_a_parameter_of_ours_is_refused(name: str) -> None:
    with pytest.raises(DiscoveryInvalid):
        written(None, endpoint=f"{ENDPOINT}?{name}=x", one=issuer("patient/*.rs"))


@pytest.mark.std("A13")
@pytest.mark.parametrize(
    ("text", "kind", "sent"),
    [
        ("launch launch/patient patient/*.rs", "ehr", "launch patient/*.rs"),
        ("launch launch/patient patient/*.rs", "standalone", "launch/patient patient/*.rs"),
        ("patient/*.rs", "ehr", "launch patient/*.rs"),
        ("patient/*.rs", "standalone", "launch/patient patient/*.rs"),
        ("openid launch/encounter user/*.rs", "ehr", "launch openid user/*.rs"),
        ("openid launch/encounter user/*.rs", "standalone", "launch/encounter launch/patient openid user/*.rs"),
    ],
)
def test_each_kind_of_launch_asks_for_its_own_context(text: str, kind: Any, sent: str) -> None:
    assert str(scopes_for(asked(text), kind)) == sent

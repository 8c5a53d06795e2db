"""Each quirk of a server in the field: refused without its option, put up with under it, and nothing else let through."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fhir.errors import AuthorizationError, RegistrationInvalid
from fhir.smart.backend import BackendService
from fhir.smart.clients import KeyClient, SecretClient
from fhir.smart.issuers import Issuer
from fhir.smart.launch import Launched, Launches
from fhir.smart.quirks import LOOSENS, Quirk, quirks
from fhir.smart.scopes import asked
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

BINDING = "b" * 43


def test_every_quirk_says_what_it_loosens_and_none_is_on() -> None:
    assert LOOSENS.keys() == set(Quirk)
    assert all(text.endswith(".") for text in LOOSENS.values())
    assert Issuer("https://ehr.example", SecretClient("a", "b"), asked("patient/*.rs")).quirks == frozenset()


def test_quirks_are_turned_on_by_name() -> None:
    assert quirks(["scopes-v1", "scope-absent"]) == {Quirk.SCOPES_V1, Quirk.SCOPE_ABSENT}
    with pytest.raises(RegistrationInvalid, match="scope-absent"):
        quirks(["no-signatures"])


def _scope_absent(ehr: Any) -> None:
    del ehr.token["scope"]
    ehr.answers["/token"] = lambda _: ehr.json({**ehr.token, "id_token": ehr.id_token()})


def _patient_in_id_token(ehr: Any) -> None:
    del ehr.token["patient"]
    ehr.claims["patient"] = "p1"


def _expires_in_text(ehr: Any) -> None:
    ehr.token["expires_in"] = "3600"


def _capabilities_unlisted(ehr: Any) -> None:
    del ehr.configuration["capabilities"]


def _scopes_v1(ehr: Any) -> None:
    ehr.configuration["capabilities"] = [*ehr.configuration["capabilities"], "permission-v1"]
    ehr.configuration["capabilities"].remove("permission-v2")
    ehr.token["scope"] = "launch openid fhirUser online_access patient/*.read"


def _json_unlabelled(ehr: Any) -> None:
    kind = "application/octet-stream"
    ehr.answers["/fhir/.well-known/smart-configuration"] = ehr.json(ehr.configuration, kind=kind)
    ehr.answers["/jwks"] = ehr.json({"keys": ehr.keys}, kind=kind)


@pytest.mark.std("A9")
@pytest.mark.parametrize(
    ("quirk", "odd"),
    [
        (Quirk.SCOPE_ABSENT, _scope_absent),
        (Quirk.PATIENT_IN_ID_TOKEN, _patient_in_id_token),
        (Quirk.EXPIRES_IN_TEXT, _expires_in_text),
        (Quirk.CAPABILITIES_UNLISTED, _capabilities_unlisted),
        (Quirk.SCOPES_V1, _scopes_v1),
        (Quirk.JSON_UNLABELLED, _json_unlabelled),
    ],
    ids=lambda one: str(one) if isinstance(one, Quirk) else "",
)
def test_an_odd_server_is_refused_until_its_quirk_is_named(ehr: Any, with_launches: Any, quirk: Quirk, odd: Any) -> None:
    odd(ehr)
    with pytest.raises(AuthorizationError):
        with_launches(ehr.launched)
    others = [str(one) for one in Quirk if one not in (quirk, Quirk.SCOPES_V1, Quirk.CAPABILITIES_UNLISTED)]
    with pytest.raises(AuthorizationError):
        with_launches(ehr.launched, ehr.issuer(options=others))
    launched = with_launches(ehr.launched, ehr.issuer(options=[str(quirk)]))
    assert (launched.patient, launched.off) == ("p1", ())


@pytest.mark.parametrize("value", ["", "-1", "3600.0", "1e3", "٣", "9" * 12, True, 3600.5])
def test_a_text_of_digits_is_no_licence_for_other_texts(ehr: Any, with_launches: Any, value: Any) -> None:
    ehr.token["expires_in"] = value
    with pytest.raises(AuthorizationError):
        with_launches(ehr.launched, ehr.issuer(options=["expires-in-text"]))


def test_a_patient_in_a_forged_id_token_is_not_put_up_with(ehr: Any, with_launches: Any) -> None:
    _patient_in_id_token(ehr)
    ehr.claims["nonce"] = "another"
    with pytest.raises(AuthorizationError):
        with_launches(ehr.launched, ehr.issuer(options=["patient-in-id-token"]))


@pytest.mark.parametrize(
    ("options", "aud", "scope"),
    [
        ((), "", "fhirUser launch online_access openid patient/*.rs"),
        (("aud-with-slash",), "/", "fhirUser launch online_access openid patient/*.rs"),
        (("scopes-v1", "capabilities-unlisted"), "", "fhirUser launch online_access openid patient/*.read"),
    ],
)
def test_how_the_request_is_written_for_odd_servers(ehr: Any, with_launches: Any, options: Any, aud: str, scope: str) -> None:
    async def act(launches: Launches) -> str:
        return await launches.ehr(ehr.base, "l1", BINDING)

    given = parse_qs(urlsplit(with_launches(act, ehr.issuer(options=options))).query)
    assert given["aud"] == [ehr.base + aud]
    assert given["scope"] == [scope]


@pytest.mark.std("A8")
@pytest.mark.parametrize(
    ("options", "basic", "form"),
    [
        ((), "side%3Anote:p%2Bw%26+%C3%BC", {}),
        (("client-id-in-body",), "side%3Anote:p%2Bw%26+%C3%BC", {"client_id": "side:note"}),
        (("secret-in-body",), None, {"client_id": "side:note", "client_secret": "p+w& ü"}),
    ],
)
def test_how_a_secret_is_sent(ehr: Any, with_launches: Any, options: Any, basic: str | None, form: Any) -> None:
    client = SecretClient("side:note", "p+w& ü")
    ehr.claims["aud"] = "side:note"
    with_launches(ehr.launched, ehr.issuer(client, options=options))
    (sent,) = [one for one in ehr.asked if one.path == "/token"]
    header = sent.headers.get("authorization")
    assert (header and base64.b64decode(header.removeprefix("Basic ")).decode()) == basic
    assert {name: value for name, value in sent.form.items() if name.startswith("client")} == form


def test_a_secret_may_go_unencoded_where_its_id_has_no_colon(ehr: Any, with_launches: Any) -> None:
    options = ["secret-unencoded"]
    launched: Launched = with_launches(ehr.launched, ehr.issuer(SecretClient("sidenote", "p+w& ü"), options=options))
    assert launched.patient == "p1"
    (sent,) = [one for one in ehr.asked if one.path == "/token"]
    assert base64.b64decode(sent.headers["authorization"].removeprefix("Basic ")) == "sidenote:p+w& ü".encode()
    with pytest.raises(RegistrationInvalid, match="colon"):
        with_launches(ehr.launched, ehr.issuer(SecretClient("side:note", "x"), options=options))


def _backend(ehr: Any, ec: Any, clock: Any, *options: str) -> str | None:
    issuer = ehr.issuer(KeyClient("sidenote", ec, "e1", "ES384"), "system/*.rs", options=options)

    async def run() -> str | None:
        wire = Wire(ehr.wire().origins, limits=Limits(attempts=1))
        try:
            return await BackendService(issuer, wire, clock).header()
        finally:
            await wire.aclose()

    return asyncio.run(run())


def test_a_backend_token_without_an_end_is_refused_until_its_quirk_is_named(ehr: Any, ec: Any, clock: Any) -> None:
    ehr.token = {"access_token": "a", "token_type": "bearer", "scope": "system/*.rs"}
    with pytest.raises(AuthorizationError, match="when the token ends"):
        _backend(ehr, ec, clock)
    assert _backend(ehr, ec, clock, "expires-in-absent") == "Bearer a"

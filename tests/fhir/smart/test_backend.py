"""Backend services: a token for a program, signed for each time, fetched once for many, refused without guessing."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from joserfc import jwt

from fhir.errors import AuthorizationError, CapabilityMissing, RegistrationInvalid, TokenInvalid, TokenRefused, Unreachable
from fhir.smart.backend import BackendService, backend_service
from fhir.smart.clients import PublicClient, SecretClient
from fhir.smart.issuers import Issuer
from fhir.smart.scopes import asked

SOUND = {"access_token": "canary-1", "token_type": "bearer", "expires_in": 300, "scope": "system/*.rs"}


@pytest.fixture
def with_service(ehr: Any, ec: Any, clock: Any) -> Callable[..., Any]:
    ehr.token = dict(SOUND)

    def run(act: Callable[[BackendService], Awaitable[Any]], **options: Any) -> Any:
        async def inside() -> Any:
            key = json.dumps(ec.as_dict(private=True)).encode()
            scopes = options.pop("scopes", "system/*.rs")
            wire = ehr.wire()
            try:
                return await act(backend_service(ehr.base, "sidenote", key, scopes, wire=wire, clock=clock, **options))
            finally:
                await wire.aclose()

        return asyncio.run(inside())

    return run


@pytest.mark.std("A16")
@pytest.mark.std("A17")
def test_a_token_is_asked_for_by_a_signed_assertion_and_nothing_else(ehr: Any, ec: Any, with_service: Any) -> None:
    async def act(service: BackendService) -> list[str | None]:
        assert service.scopes is None
        return await asyncio.gather(*(service.header() for _ in range(20)))

    assert with_service(act) == ["Bearer canary-1"] * 20
    (sent,) = [one for one in ehr.asked if one.path == "/token"]
    assert "authorization" not in sent.headers
    assert sent.form.keys() == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    assert (sent.form["grant_type"], sent.form["scope"]) == ("client_credentials", "system/*.rs")
    claims = jwt.decode(sent.form["client_assertion"], ec, algorithms=["ES384"]).claims
    assert (claims["iss"], claims["aud"]) == ("sidenote", ehr.configuration["token_endpoint"])


@pytest.mark.std("A17")
@pytest.mark.fault(33)
def test_a_token_is_fetched_again_when_it_ends_or_is_refused(ehr: Any, clock: Any, with_service: Any) -> None:
    ehr.answers["/token"] = lambda _: ehr.json({**SOUND, "access_token": f"t{len(ehr.forms())}"})

    async def act(service: BackendService) -> list[str | None]:
        headers = [await service.header()]
        clock.now += 269
        headers.append(await service.header())
        clock.now += 2
        headers += await asyncio.gather(service.header(), service.header())
        await asyncio.gather(*(service.renew("Bearer t2") for _ in range(20)))
        return [*headers, await service.header()]

    assert with_service(act) == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]
    assertions = {form["client_assertion"] for form in ehr.forms()}
    assert len(assertions) == 3


@pytest.mark.std("A17")
def test_a_refresh_token_is_not_used(ehr: Any, with_service: Any) -> None:
    ehr.token["refresh_token"] = "canary-refresh"

    async def act(service: BackendService) -> None:
        await service.renew(await service.header())

    with_service(act)
    assert {form["grant_type"] for form in ehr.forms()} == {"client_credentials"}


@pytest.mark.std("A17")
@pytest.mark.parametrize("scopes", ["patient/*.rs", "user/*.rs", "system/*.rs openid", "system/*.rs patient/*.rs", "launch"])
def test_only_system_scopes_can_be_asked(with_service: Any, scopes: str) -> None:
    with pytest.raises(RegistrationInvalid):
        with_service(lambda service: service.header(), scopes=scopes)


@pytest.mark.std("A17")
@pytest.mark.parametrize("client", [PublicClient("a"), SecretClient("a", "b")])
def test_only_a_client_with_a_key_can_be_a_service(client: Any) -> None:
    with pytest.raises(RegistrationInvalid, match="private key"):
        BackendService(Issuer("https://ehr.example", client, asked("system/*.rs")))


@pytest.mark.std("A9")
@pytest.mark.std("A17")
@pytest.mark.parametrize(
    ("token", "error"),
    [
        ({"scope": None}, TokenInvalid),
        ({"scope": "openid"}, TokenInvalid),
        ({"expires_in": None}, TokenInvalid),
        ({"token_type": "mac"}, TokenInvalid),
        ({"access_token": None}, TokenInvalid),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(ehr: Any, with_service: Any, token: Any, error: type[AuthorizationError]) -> None:
    ehr.token |= token
    with pytest.raises(error):
        with_service(lambda service: service.header())


@pytest.mark.std("A22")
def test_a_server_that_cannot_is_not_asked(ehr: Any, with_service: Any) -> None:
    ehr.configuration["capabilities"] = ["permission-v2"]
    with pytest.raises(CapabilityMissing, match="client-confidential-asymmetric"):
        with_service(lambda service: service.header())
    assert ehr.forms() == []


@pytest.mark.fault(31)
def test_what_was_granted_is_known(ehr: Any, with_service: Any) -> None:
    ehr.token["scope"] = "system/Media.rs"

    async def act(service: BackendService) -> list[str]:
        await service.header()
        assert service.scopes is not None
        return [service.scopes.reach("system", type_, "r") for type_ in ("Media", "Condition")]

    assert with_service(act) == ["all", "none"]


def test_a_refusal_is_remembered_for_a_minute_and_then_asked_about_again(ehr: Any, clock: Any, with_service: Any) -> None:
    async def act(service: BackendService) -> str | None:
        ehr.answers["/token"] = ehr.json({"error": "invalid_client"}, 401)
        for _ in range(5):
            with pytest.raises(TokenRefused) as caught:
                await service.header()
            assert caught.value.error == "invalid_client"
            clock.now += 10
        assert len(ehr.forms()) == 1
        del ehr.answers["/token"]
        clock.now += 11
        return await service.header()

    assert with_service(act) == "Bearer canary-1"
    assert len(ehr.forms()) == 2


def test_a_server_that_is_away_is_asked_again_at_once(ehr: Any, with_service: Any) -> None:
    async def act(service: BackendService) -> str | None:
        ehr.answers["/token"] = (503, "text/plain", b"")
        with pytest.raises(Unreachable):
            await service.header()
        del ehr.answers["/token"]
        return await service.header()

    assert with_service(act) == "Bearer canary-1"


@pytest.mark.std("A16")
def test_a_registered_key_url_is_named_and_quirks_are_by_name(ehr: Any, with_service: Any) -> None:
    url = "https://sidenote.example/jwks"
    with_service(lambda service: service.header(), jwks_url=url, options=["client-id-in-body"])
    (form,) = ehr.forms()
    header = form["client_assertion"].split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["jku"] == url
    assert form["client_id"] == "sidenote"


@pytest.mark.std("A20")
def test_a_hospital_that_signs_its_own_servers_is_asked_for_a_token_where_its_certificate_is_known(certified_ehr: Any, ec: Any) -> None:
    ehr, certificate = certified_ehr
    ehr.token = dict(SOUND)

    async def run() -> str | None:
        key, tls = json.dumps(ec.as_dict(private=True)).encode(), ssl.create_default_context(cafile=str(certificate))
        service = backend_service(ehr.base, "sidenote", key, "system/*.rs", tls=tls)
        try:
            return await service.header()
        finally:
            await service.aclose()

    assert asyncio.run(run()) == "Bearer canary-1"


@pytest.mark.std("A19")
def test_no_token_is_in_a_repr_and_its_own_wire_is_closed(ehr: Any, ec: Any) -> None:
    ehr.token = dict(SOUND)

    async def run() -> str:
        service = backend_service(ehr.base, "sidenote", json.dumps(ec.as_dict(private=True)).encode(), "system/*.rs")
        await service.header()
        await service.aclose()
        return f"{service!r} {service}"

    assert "canary" not in asyncio.run(run())

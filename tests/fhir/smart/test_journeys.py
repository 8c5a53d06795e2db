"""Whole journeys against the pretend hospital's strict authorization server: launch, read, refresh, introspect, and a program's token."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from fhir.errors import AuthorizationDenied, LaunchAgain, LaunchInvalid, TokenRefused
from fhir.smart import Issuers, KeyClient, Launched, Launches, backend_service, public_jwks, registered
from fhir.smart.scopes import Off
from fhir.wire.exchange import Ask
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.grants import Context
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

BINDING, SECRET = "b" * 43, "canary: s3cret+ü"
SCOPES = "launch launch/patient openid fhirUser offline_access patient/*.rs"
KINDS = ["public", "secret", "RS384", "ES384"]


def jwk(key: Any) -> bytes:
    return json.dumps(key.as_dict(private=True)).encode()


def redirect(kind: str) -> str:
    return f"http://127.0.0.1:9/{kind}"


@pytest.fixture(scope="module")
def hospital(rsa: RSAKey, ec: ECKey) -> Iterator[Running]:
    patients = [{"resourceType": "Patient", "id": name} for name in ("p1", "p2")]
    jwks = {"RS384": public_jwks([KeyClient("RS384", rsa, "k1", "RS384")]), "ES384": public_jwks([KeyClient("ES384", ec, "e1", "ES384")])}
    clients = (
        Client("public", "public", SCOPES, (redirect("public"),)),
        Client("secret", "confidential-symmetric", SCOPES, (redirect("secret"),), secret=SECRET),
        *(Client(kind, "confidential-asymmetric", SCOPES, (redirect(kind),), jwks=keys) for kind, keys in jwks.items()),
        Client("narrow", "public", "launch openid patient/Patient.rs", (redirect("narrow"),)),
        *(Client(f"service-{kind}", "confidential-asymmetric", "system/*.rs", jwks=keys) for kind, keys in jwks.items()),
    )
    with running(Store(patients), Config(clients=clients, requires_token=True)) as server:
        yield server


@pytest.fixture
def journey(hospital: Running, rsa: RSAKey, ec: ECKey) -> Callable[..., Any]:
    def run(kind: str, act: Callable[[Launches], Awaitable[Any]]) -> Any:
        proofs: dict[str, Any] = {"secret": {"secret": SECRET}, "RS384": {"private_jwk": jwk(rsa)}, "ES384": {"private_jwk": jwk(ec)}}
        issuer = registered(hospital.base, kind, SCOPES, redirect_uri=redirect(kind), **proofs.get(kind, {}))

        async def inside() -> Any:
            launches = Launches(Issuers(issuer))
            try:
                return await act(launches)
            finally:
                await launches.aclose()

        return asyncio.run(inside())

    return run


async def browsed(url: str) -> tuple[str, str]:
    """Go where the browser is sent; the address and the query it comes back with."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as browser:
        answer = await browser.get(url)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return f"{back.scheme}://{back.netloc}{back.path}", back.query


async def launched(hospital: Running, launches: Launches, patient: str = "p1") -> Launched:
    url = await launches.ehr(hospital.base, hospital.auth.mint_launch(patient=patient, need_patient_banner=True), BINDING)
    return await launches.callback(*await browsed(url), BINDING)


async def statuses(hospital: Running, authorization: Any, *paths: str) -> list[int]:
    wire = Wire(origins(hospital.base), authorization=authorization, limits=Limits(at_once=20))
    try:
        answers = await asyncio.gather(*(wire.ask(Ask("GET", f"{hospital.base}/{path}")) for path in paths))
    finally:
        await wire.aclose()
    return [answer.status for answer in answers]


@pytest.mark.std("A1")
@pytest.mark.std("A4")
@pytest.mark.std("A6")
@pytest.mark.std("A8")
@pytest.mark.std("A15")
@pytest.mark.std("A16")
@pytest.mark.parametrize("kind", KINDS)
def test_an_ehr_launch_reads_its_patient_and_no_other(hospital: Running, journey: Any, kind: str) -> None:
    async def act(launches: Launches) -> tuple[Launched, list[int]]:
        one = await launched(hospital, launches)
        return one, await statuses(hospital, one.session, "Patient/p1", "Patient/p2")

    one, found = journey(kind, act)
    assert (one.patient, one.off, one.session.context.shows_banner) == ("p1", (), True)
    assert one.session.user.fhir_user == f"{hospital.base}/Practitioner/dr-sandbox"
    assert found[0] == 200
    assert found[1] in (403, 404)


@pytest.mark.std("A4")
@pytest.mark.std("A8")
@pytest.mark.parametrize("kind", KINDS)
def test_a_standalone_launch_reads_the_patient_who_was_picked(hospital: Running, journey: Any, kind: str) -> None:
    hospital.auth.standalone = Context(patient="p2")

    async def act(launches: Launches) -> tuple[str, list[int]]:
        one = await launches.callback(*await browsed(await launches.standalone(hospital.base, BINDING)), BINDING)
        return one.patient, await statuses(hospital, one.session, "Patient/p2")

    assert journey(kind, act) == ("p2", [200])


@pytest.mark.std("A14")
@pytest.mark.fault(33)
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_reads_after_the_token_ended_make_one_refresh_each_time(hospital: Running, journey: Any, kind: str) -> None:
    """The server revokes everything when a refresh token is used twice: a second refresh at once would end the session."""

    async def act(launches: Launches) -> list[int]:
        one = await launched(hospital, launches)
        found = []
        for _ in range(3):
            hospital.auth.tokens.expire_access_tokens()
            found += await statuses(hospital, one.session, *["Patient/p1"] * 20)
        return found

    assert journey(kind, act) == [200] * 60


@pytest.mark.std("A14")
def test_a_revoked_session_must_be_launched_again(hospital: Running, journey: Any) -> None:
    async def act(launches: Launches) -> bool:
        one = await launched(hospital, launches)
        hospital.auth.tokens.revoke_all()
        with pytest.raises(LaunchAgain):
            await statuses(hospital, one.session, "Patient/p1")
        return one.session.over

    assert journey("public", act)


@pytest.mark.std("A18")
@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_confidential_client_asks_about_its_token_and_believes_the_answer(hospital: Running, journey: Any, kind: str) -> None:
    async def act(launches: Launches) -> None:
        one = await launched(hospital, launches)
        said = await one.session.introspected()
        assert (said.active, said.client_id, said.patient) == (True, kind, "p1")
        assert (said.issuer, said.sub) == (one.session.user.issuer, one.session.user.sub) if one.session.user else False
        hospital.auth.tokens.expire_access_tokens()
        assert not (await one.session.introspected()).active
        assert one.session.over

    journey(kind, act)


@pytest.mark.std("A9")
@pytest.mark.std("A13")
@pytest.mark.fault(31)
def test_a_server_that_grants_less_is_taken_at_its_word(hospital: Running, journey: Any) -> None:
    one = journey("narrow", lambda launches: launched(hospital, launches))
    assert Off("reading MedicationRequest") in one.off
    assert Off("renewal without a new launch") in one.off
    assert Off("knowing who the user is") in one.off
    assert one.session.scopes.reach("patient", "Patient", "r") == "all"


@pytest.mark.std("A7")
def test_a_launch_that_the_server_does_not_know_is_denied(hospital: Running, journey: Any) -> None:
    async def act(launches: Launches) -> None:
        await launches.callback(*await browsed(await launches.ehr(hospital.base, "made-up", BINDING)), BINDING)

    with pytest.raises(AuthorizationDenied) as caught:
        journey("public", act)
    assert caught.value.error == "invalid_request"


@pytest.mark.std("A21")
@pytest.mark.fault(24)
def test_codes_swapped_between_two_tabs_are_refused_by_pkce(hospital: Running, journey: Any) -> None:
    async def act(launches: Launches) -> None:
        tabs = [await launches.ehr(hospital.base, hospital.auth.mint_launch(patient=patient), BINDING) for patient in ("p1", "p2")]
        (at, first), (_, second) = [await browsed(url) for url in tabs]
        code, state = (dict(part.split("=") for part in query.split("&")) for query in (first, second))
        with pytest.raises(TokenRefused) as caught:
            await launches.callback(at, f"code={code['code']}&state={state['state']}", BINDING)
        assert caught.value.error == "invalid_grant"

    journey("public", act)


@pytest.mark.fault(24)
def test_a_code_that_was_used_is_refused_and_what_came_of_it_revoked(hospital: Running, journey: Any) -> None:
    async def act(launches: Launches) -> None:
        url = await launches.ehr(hospital.base, hospital.auth.mint_launch(patient="p1"), BINDING)
        at, query = await browsed(url)
        one = await launches.callback(at, query, BINDING)
        with pytest.raises(LaunchInvalid):
            await launches.callback(at, query, BINDING)
        assert await statuses(hospital, one.session, "Patient/p1") == [200]

    journey("public", act)


@pytest.mark.std("A16")
@pytest.mark.std("A17")
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_backend_service_reads_and_gets_new_tokens_as_it_needs_them(hospital: Running, rsa: RSAKey, ec: ECKey, algorithm: str) -> None:
    async def run() -> list[int]:
        key = jwk(rsa if algorithm == "RS384" else ec)
        service = backend_service(hospital.base, f"service-{algorithm}", key, "system/*.rs")
        try:
            found = await statuses(hospital, service, "Patient/p1", "Patient/p2")
            hospital.auth.tokens.expire_access_tokens()
            return found + await statuses(hospital, service, *["Patient/p1"] * 20)
        finally:
            await service.aclose()

    assert asyncio.run(run()) == [200] * 22


@pytest.mark.std("A16")
def test_a_backend_service_with_another_key_is_refused(hospital: Running, other_rsa: RSAKey) -> None:
    async def run() -> None:
        stolen = json.dumps({**other_rsa.as_dict(private=True), "kid": "k1"}).encode()
        service = backend_service(hospital.base, "service-RS384", stolen, "system/*.rs")
        try:
            await service.header()
        finally:
            await service.aclose()

    with pytest.raises(TokenRefused) as caught:
        asyncio.run(run())
    assert caught.value.error == "invalid_client"


@pytest.mark.std("A19")
@pytest.mark.fault(32)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_secret_is_in_a_url_a_log_a_repr_or_an_error(
    hospital: Running, journey: Any, caplog: Any, capfd: Any, rsa: RSAKey, ec: ECKey, kind: str
) -> None:
    """Everything is logged that any library logs; then every secret of the journey is looked for."""
    secrets: list[str] = [SECRET, rsa.as_dict(private=True)["d"], ec.as_dict(private=True)["d"], BINDING]
    shown: list[str] = []
    urls: list[str] = []

    async def act(launches: Launches) -> None:
        one = await launched(hospital, launches)
        shown.extend([repr(one), str(one), repr(one.session), repr(launches), repr(one.session.user), repr(one.session.context)])
        secrets.extend([await one.session.header() or "", one.session._tokens.refresh_token or "", one.session._tokens.id_token or ""])
        hospital.auth.tokens.expire_access_tokens()
        await statuses(hospital, one.session, "Patient/p1")
        secrets.extend([await one.session.header() or "", one.session._tokens.refresh_token or ""])
        shown.append(repr(one.session._tokens))
        hospital.auth.tokens.revoke_all()
        try:
            await one.session.renew(await one.session.header())
        except LaunchAgain as error:
            shown.append("".join(traceback.format_exception(error)))
        url = await launches.ehr(hospital.base, hospital.auth.mint_launch(patient="p1"), BINDING)
        urls.append(url)
        (pending,) = launches._pending._kept.values()
        secrets.extend([pending.verifier])
        shown.append(repr(pending))
        at, query = await browsed(url)
        secrets.append(query.split("code=")[1].split("&")[0])
        try:
            await launches.callback(at + "x", query, BINDING)
        except LaunchInvalid as error:
            shown.append("".join(traceback.format_exception(error)))

    for name in ("", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
    journey(kind, act)
    logged = [record.getMessage() + repr(record.args) for record in caplog.records if "location" not in record.getMessage().lower()]
    everything = "\n".join([*shown, *urls, *logged, *capfd.readouterr()])
    assert len(logged) > 20
    assert [secret[:4] for secret in secrets if not secret or secret.removeprefix("Bearer ") in everything] == []
    assert "client_assertion=" not in everything

"""SMART configurations: what makes one usable, what is refused, how often it is asked for; and any conformant server's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fhir.errors import CapabilityMissing, DiscoveryInvalid, Unreachable
from fhir.smart.clients import KeyClient, PublicClient, SecretClient
from fhir.smart.discovery import Discovery, SmartConfiguration, configuration, require_backend, require_launch
from fhir.smart.issuers import Issuer, Issuers
from fhir.smart.scopes import asked

BASE = "https://ehr.example/fhir"
SOUND = {
    "issuer": BASE,
    "authorization_endpoint": "https://ehr.example/authorize",
    "token_endpoint": "https://ehr.example/token",
    "jwks_uri": "https://ehr.example/jwks",
    "introspection_endpoint": "https://ehr.example/introspect",
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["launch-ehr", "client-public", "permission-v2", "context-ehr-patient", "permission-patient"],
}
ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint"]
PATH = "/fhir/.well-known/smart-configuration"


def issuer(scopes: str = "launch patient/*.rs", client: Any = None, **more: Any) -> Issuer:
    return Issuer(BASE, client or PublicClient("sidenote"), asked(scopes), "https://app.example/callback", **more)


def discovered(ehr: Any, clock: Any, act: Callable[[Discovery], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        wire = ehr.wire()
        try:
            return await act(Discovery(wire, clock))
        finally:
            await wire.aclose()

    return asyncio.run(run())


@pytest.mark.std("A1")
def test_a_sound_configuration_is_read() -> None:
    found = configuration({**SOUND, "unknown": 1, "scopes_supported": 5}, issuer())
    assert found.token_endpoint == "https://ehr.example/token"
    assert found.issuer == BASE
    assert not found.names_itself
    require_launch(found, issuer(), "ehr")


@pytest.mark.std("A3")
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize(
    "value", [None, "", 5, ["https://ehr.example/token"], "/token", "token", "https://ehr.example/t#x", "https://ehr.example/\nt"]
)
def test_a_configuration_without_its_endpoints_is_refused(name: str, value: Any) -> None:
    with pytest.raises(DiscoveryInvalid):
        require_launch(configuration({**SOUND, name: value}, issuer()), issuer(), "ehr")


@pytest.mark.std("A3")
@pytest.mark.fault(24)
@pytest.mark.parametrize("methods", [None, [], ["plain"], ["s256"], ["S512"], "S256", [["S256"]]])
def test_a_server_without_pkce_by_s256_is_refused(methods: Any) -> None:
    body = {**SOUND, "code_challenge_methods_supported": methods}
    if methods is None:
        del body["code_challenge_methods_supported"]
    with pytest.raises(DiscoveryInvalid):
        require_launch(configuration(body, issuer()), issuer(), "ehr")


@pytest.mark.std("A3")
def test_a_server_that_does_s256_and_plain_is_asked_by_s256() -> None:
    require_launch(configuration({**SOUND, "code_challenge_methods_supported": ["plain", "S256"]}, issuer()), issuer(), "ehr")


@pytest.mark.std("A1")
@pytest.mark.fault(22)
@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/token",
        "https://ehr.example.evil.example/token",
        "https://ehr.example@evil.example/token",
        "https://ehr.example:8443/token",
        "http://ehr.example/token",
        "https://login.ehr.example/token",
        "//evil.example/token",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_an_endpoint_elsewhere_is_refused_unless_registered(name: str, url: str) -> None:
    with pytest.raises(DiscoveryInvalid, match=name) as caught:
        configuration({**SOUND, name: url}, issuer())
    assert "evil" not in str(caught.value)
    if url.startswith("https://login.ehr.example"):
        configuration({**SOUND, name: url}, issuer(elsewhere=("https://login.ehr.example",)))


@pytest.mark.fault(22)
def test_an_endpoint_without_tls_is_refused_even_where_its_origin_is_the_bases() -> None:
    with pytest.raises(DiscoveryInvalid):
        configuration({**SOUND, "token_endpoint": "http://ehr.example:443/token"}, issuer())


@pytest.mark.std("A22")
@pytest.mark.parametrize(
    ("scopes", "client", "kind", "missing"),
    [
        ("patient/*.rs", PublicClient("a"), "ehr", ()),
        ("patient/*.rs", PublicClient("a"), "standalone", ("context-standalone-patient", "launch-standalone")),
        ("patient/*.rs", SecretClient("a", "b"), "ehr", ("client-confidential-symmetric",)),
        ("patient/*.rs openid fhirUser", PublicClient("a"), "ehr", ("sso-openid-connect",)),
        ("patient/*.rs offline_access", PublicClient("a"), "ehr", ("permission-offline",)),
        ("user/*.rs online_access", PublicClient("a"), "ehr", ("permission-online", "permission-user")),
    ],
)
def test_what_a_launch_needs_and_a_server_does_not_list_is_named(scopes: str, client: Any, kind: Any, missing: tuple[str, ...]) -> None:
    one = issuer(scopes, client)
    found = configuration(SOUND, one)
    if not missing:
        require_launch(found, one, kind)
        return
    with pytest.raises(CapabilityMissing, match=", ".join(missing)) as caught:
        require_launch(found, one, kind)
    assert caught.value.missing == missing


@pytest.mark.std("A22")
def test_what_a_backend_service_needs_is_named(ec: Any) -> None:
    one = issuer("system/*.rs", KeyClient("a", ec, "e1", "ES384"))
    with pytest.raises(CapabilityMissing, match="client-confidential-asymmetric"):
        require_backend(configuration(SOUND, one), one)
    require_backend(configuration({**SOUND, "capabilities": ["client-confidential-asymmetric", "permission-v2"]}, one), one)


@pytest.mark.std("A1")
def test_a_configuration_is_asked_for_once_however_many_want_it_and_again_after_an_hour(ehr: Any, clock: Any) -> None:
    async def act(discovery: Discovery) -> None:
        one = ehr.issuer()
        found = await asyncio.gather(*(discovery.of(one) for _ in range(20)))
        assert len(ehr.asked) == 1
        assert all(each is found[0] for each in found)
        clock.now += 3599
        await discovery.of(one)
        assert len(ehr.asked) == 1
        clock.now += 2
        ehr.configuration["token_endpoint"] += "/new"
        assert (await discovery.of(one)).token_endpoint.endswith("/new")
        clock.now -= 7200
        await discovery.of(one)
        assert len(ehr.asked) == 3, "a clock set back does not keep it for ever"

    discovered(ehr, clock, act)


def test_a_failure_is_not_remembered(ehr: Any, clock: Any) -> None:
    async def act(discovery: Discovery) -> None:
        ehr.answers[PATH] = (503, "text/plain", b"")
        with pytest.raises(Unreachable):
            await discovery.of(ehr.issuer())
        del ehr.answers[PATH]
        assert (await discovery.of(ehr.issuer())).issuer == ehr.base

    discovered(ehr, clock, act)


@pytest.mark.std("A1")
@pytest.mark.parametrize(
    "answer",
    [
        (404, "application/json", b"{}"),
        (401, "application/json", b"{}"),
        (302, "application/json", b"https://evil.example/"),
        (200, "text/html", b"<html>sign in</html>"),
        (200, "application/json", b"[]"),
        (200, "application/json", b'{"token_endpoint": "https://a.example", "token_endpoint": "https://b.example"}'),
        (200, "application/json", b" " * 70_000),
    ],
)
def test_what_is_no_configuration_is_refused_and_nothing_else_is_asked(ehr: Any, clock: Any, answer: Any) -> None:
    ehr.answers[PATH] = answer
    with pytest.raises(DiscoveryInvalid):
        discovered(ehr, clock, lambda discovery: discovery.of(ehr.issuer()))
    assert [one.path for one in ehr.asked] == [PATH]


@pytest.mark.std("A1")
@pytest.mark.std("A3")
@pytest.mark.std("A22")
def test_the_server_named_by_the_environment_has_a_configuration_that_can_be_used() -> None:
    """`SIDENOTE_TEST_SMART_ISS`: its base; `SIDENOTE_TEST_SMART_ELSEWHERE`: further origins of its endpoints, separated by spaces."""
    base = os.environ.get("SIDENOTE_TEST_SMART_ISS")
    if not base:
        pytest.skip("SIDENOTE_TEST_SMART_ISS is not set")
    elsewhere = tuple(os.environ.get("SIDENOTE_TEST_SMART_ELSEWHERE", "").split())
    one = Issuer(base, PublicClient("sidenote"), asked("launch patient/*.rs"), "https://app.example/callback", elsewhere)

    async def run() -> SmartConfiguration:
        wire = Issuers(one).wire()
        try:
            return await Discovery(wire).of(one)
        finally:
            await wire.aclose()

    found = asyncio.run(run())
    kinds = [kind for kind in ("ehr", "standalone") if f"launch-{kind}" in found.capabilities]
    assert kinds, "it lists neither kind of launch"
    assert found.capabilities & {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}
    assert "S256" in found.code_challenge_methods
    assert found.authorization_endpoint is not None
    if "sso-openid-connect" in found.capabilities:
        assert found.issuer
        assert found.jwks_uri

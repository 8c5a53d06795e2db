"""A server's public keys: fetched seldom, for a bounded time without the server, and never by a stranger's wish."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from fhir.errors import KeysUnavailable
from fhir.smart.jwks import FRESH, PAUSE, STALE, Keys, key_set

DOWN = (503, "text/plain", b"")


@pytest.fixture
def with_keys(ehr: Any, clock: Any) -> Callable[[Callable[[Keys, str], Awaitable[Any]]], Any]:
    def run(act: Callable[[Keys, str], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            wire = ehr.wire(silence=60.0)
            try:
                return await act(Keys(wire, clock), ehr.configuration["jwks_uri"])
            finally:
                await wire.aclose()

        return asyncio.run(inside())

    return run


def fetches(ehr: Any) -> int:
    return sum(one.path == "/jwks" for one in ehr.asked)


@pytest.mark.fault(28)
def test_a_key_set_is_fetched_once_however_many_want_it_and_again_after_an_hour(ehr: Any, clock: Any, with_keys: Any) -> None:
    async def act(keys: Keys, uri: str) -> None:
        found = await asyncio.gather(*(keys.named(uri, "k1") for _ in range(50)))
        assert all(found)
        assert fetches(ehr) == 1
        clock.now += FRESH - 1
        await keys.named(uri, "k1")
        assert fetches(ehr) == 1
        clock.now += 2
        await keys.named(uri, "k1")
        assert fetches(ehr) == 2

    ehr.delay = 0.05
    with_keys(act)
    (first, *_) = ehr.asked
    assert (first.method, first.headers["accept"]) == ("GET", "application/json")
    assert "authorization" not in first.headers


@pytest.mark.fault(28)
def test_a_flood_of_unknown_keys_makes_one_question_in_five_minutes(ehr: Any, clock: Any, with_keys: Any) -> None:
    async def act(keys: Keys, uri: str) -> None:
        await keys.named(uri, "k1")
        for minute in range(10):
            found = await asyncio.gather(*(keys.named(uri, f"unknown-{minute}-{n}") for n in range(100)))
            assert found == [None] * 100
            clock.now += 60
        assert await keys.named(uri, "k1") is not None

    with_keys(act)
    assert fetches(ehr) <= 3


@pytest.mark.fault(28)
def test_a_rotated_key_is_found_once_the_pause_is_over(ehr: Any, clock: Any, with_keys: Any, other_rsa: RSAKey) -> None:
    async def act(keys: Keys, uri: str) -> None:
        await keys.named(uri, "k1")
        ehr.keys = [{**other_rsa.as_dict(private=False), "kid": "k2"}]
        assert await keys.named(uri, "k2") is None
        clock.now += PAUSE
        assert await keys.named(uri, "k2") is not None
        assert await keys.named(uri, "k1") is None, "a key that was taken away is not believed any more"

    with_keys(act)


@pytest.mark.fault(28)
def test_a_server_that_rotates_each_second_is_asked_once_in_five_minutes(ehr: Any, clock: Any, with_keys: Any, rsa: RSAKey) -> None:
    async def act(keys: Keys, uri: str) -> None:
        for second in range(600):
            ehr.keys = [{**rsa.as_dict(private=False), "kid": f"k{second}"}]
            await keys.named(uri, f"k{second}")
            clock.now += 1

    with_keys(act)
    assert fetches(ehr) == 2


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    "answer",
    [
        DOWN,
        (404, "application/json", b'{"keys": []}'),
        (302, "application/json", b"https://evil.example/jwks"),
        (200, "text/html", b"<html>sign in</html>"),
        (200, "application/json", b'{"keys": {}}'),
        (200, "application/json", b'{"keys": [], "keys": []}'),
        (200, "application/json", b'{"keys": [' + b" " * 10_000_000 + b"]}"),
    ],
    ids=["down", "404", "redirect", "page", "no list", "twice", "10 MB"],
)
def test_without_the_server_the_last_keys_serve_for_some_hours_and_then_none(ehr: Any, clock: Any, with_keys: Any, answer: Any) -> None:
    async def act(keys: Keys, uri: str) -> None:
        assert await keys.named(uri, "k1") is not None
        ehr.answers["/jwks"] = answer
        for _ in range(3):
            clock.now += FRESH + 1
            assert await keys.named(uri, "k1") is not None
        clock.now += STALE - 3 * (FRESH + 1)
        with pytest.raises(KeysUnavailable) as caught:
            await keys.named(uri, "k1")
        assert caught.value.retryable
        del ehr.answers["/jwks"]
        assert await keys.named(uri, "k1") is not None

    with_keys(act)


@pytest.mark.fault(28)
def test_without_the_server_from_the_beginning_there_are_no_keys(ehr: Any, with_keys: Any) -> None:
    ehr.answers["/jwks"] = DOWN

    async def act(keys: Keys, uri: str) -> None:
        with pytest.raises(KeysUnavailable):
            await keys.named(uri, "k1")

    with_keys(act)


@pytest.mark.fault(28)
def test_a_clock_set_back_does_not_keep_keys_for_ever(ehr: Any, clock: Any, with_keys: Any) -> None:
    async def act(keys: Keys, uri: str) -> None:
        await keys.named(uri, "k1")
        clock.now -= 86_400
        await keys.named(uri, "k1")

    with_keys(act)
    assert fetches(ehr) == 2


@pytest.mark.std("A15")
def test_a_missing_key_id_is_put_up_with_when_there_is_one_key_alone(ehr: Any, clock: Any, with_keys: Any, other_rsa: RSAKey) -> None:
    async def act(keys: Keys, uri: str) -> None:
        assert await keys.named(uri, None) is not None
        ehr.keys.append({**other_rsa.as_dict(private=False), "kid": "k2"})
        clock.now += FRESH
        assert await keys.named(uri, None) is None
        assert await keys.named(uri, "k2") is not None

    with_keys(act)


@pytest.mark.fault(27)
def test_two_keys_under_one_id_are_nobodys(ehr: Any, with_keys: Any, other_rsa: RSAKey) -> None:
    ehr.keys.append({**other_rsa.as_dict(private=False), "kid": "k1"})
    assert with_keys(lambda keys, uri: keys.named(uri, "k1")) is None


@pytest.mark.fault(27)
def test_only_keys_that_can_sign_an_id_token_are_kept(rsa: RSAKey, ec: ECKey, weak_rsa: bytes) -> None:
    public = rsa.as_dict(private=False)
    weak = {name: value for name, value in json.loads(weak_rsa).items() if name in ("kty", "n", "e")}
    odd: list[object] = [
        {"kty": "oct", "k": "AAAA", "kid": "o"},
        {**public, "use": "enc"},
        {**public, "kid": 5},
        {**public, "alg": ["RS256"]},
        rsa.as_dict(private=True),
        weak,
        {"kty": "RSA", "n": "x"},
        "k1",
        None,
    ]
    kept = key_set({"keys": [*odd, {**public, "kid": "k1", "alg": "RS256"}, ec.as_dict(private=False)]})
    assert [(one.kid, one.alg) for one in kept] == [("k1", "RS256"), ("e1", None)]
    assert len(key_set({"keys": [public] * 1000})) == 100

"""The wire, over real sockets, against a server on loopback that answers as badly as it is told."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from fhir.errors import AuthorizationError, BreakerOpen, DeadlinePassed, ElsewhereRefused, Overloaded, SourceError, Unreachable
from fhir.wire.authorization import Bearer, SingleFlight
from fhir.wire.breaker import Breaker
from fhir.wire.exchange import Answer, Ask, Method
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

Result = TypeVar("Result")
QUICK = Limits(connect=60.0, silence=60.0, deadline=120.0, wait=0.01, longest_wait=0.02)
ONCE = Limits(connect=60.0, silence=60.0, deadline=120.0, attempts=1)
HASTY = Limits(silence=0.3, attempts=1)
"""For what must fail: whoever needs an answer has time for it, on a loaded machine too."""


def talk(
    work: Callable[[Wire], Awaitable[Result]], *trusted: str, plain: tuple[str, ...] = (), limits: Limits = QUICK, **options: Any
) -> Result:
    """What some work with a wire comes to; the wire is closed after it."""

    async def run() -> Result:
        wire = Wire(origins(*trusted, plain=plain), limits=limits, **options)
        try:
            return await work(wire)
        finally:
            await wire.aclose()

    return asyncio.run(run())


def asked(proxy: Any, ask: Ask | None = None, **options: Any) -> Answer:
    return talk(lambda wire: wire.ask(ask or Ask("GET", f"{proxy.base}/x")), proxy.base, **options)


def arrived(proxy: Any, least: int) -> int:
    """How many questions came, once as many have as must: one that is given up early may be read later."""
    deadline = time.monotonic() + 60
    while len(proxy.asked) < least and time.monotonic() < deadline:
        time.sleep(0.005)
    return len(proxy.asked)


# ---- whole answers


@pytest.mark.parametrize("status", [200, 201, 202, 400, 401, 403, 404, 409, 410, 412, 422, 501])
def test_an_answer_comes_whole_whatever_its_status(fault_proxy: Any, faults: Any, status: int) -> None:
    proxy = fault_proxy(faults.http(b'{"a":1}', f"{status} Any", x_odd="1", etag='W/"3"'))
    answer = asked(proxy)
    assert (answer.status, answer.body, answer.media_type) == (status, b'{"a":1}', "application/fhir+json")
    assert (answer.headers["etag"], answer.headers["x-odd"]) == ('W/"3"', "1")
    assert len(proxy.asked) == 1


def test_asks_what_it_was_given_with_the_headers_of_the_wire(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http())
    ask = Ask("PUT", f"{proxy.base}/Observation/a%20b?x=1&y=%7C", {"If-Match": 'W/"1"', "Accept": "a/b"}, b"body")
    asked(proxy, ask, headers={"X-Site": "s"})
    (only,) = proxy.asked
    assert (only.method, only.target, only.body) == ("PUT", "/Observation/a%20b?x=1&y=%7C", b"body")
    wanted = {"if-match": 'W/"1"', "accept": "a/b", "x-site": "s", "user-agent": "Sidenote", "accept-encoding": "gzip"}
    assert wanted.items() <= only.headers.items()
    assert "authorization" not in only.headers


def test_a_head_and_a_204_that_name_gzip_have_no_body(fault_proxy: Any) -> None:
    proxy = fault_proxy(
        lambda ask: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" if ask.method == "HEAD" else NO_CONTENT
    )
    assert asked(proxy, Ask("HEAD", f"{proxy.base}/x")).body == b""
    assert asked(proxy).body == b""


NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n"


# ---- cut, wrong and damaged answers (fault 3)

SMALL = b'{"a":[1,2,3]}'
PACKED = gzip.compress(SMALL, mtime=0)


def _raw(body: bytes, *lines: str, status: str = "200 OK", length: bool = True) -> bytes:
    head = [f"HTTP/1.1 {status}", *lines, *([f"Content-Length: {len(body)}"] if length else []), "", ""]
    return "\r\n".join(head).encode() + body


def _framed(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


TWENTY = {
    "a resource": _raw(SMALL),
    "with a media type": _raw(SMALL, "Content-Type: application/fhir+json"),
    "created": _raw(b"{}", "Location: Patient/1", status="201 Created"),
    "accepted, nothing in it": _raw(b"", "Content-Location: /s/1", status="202 Accepted"),
    "no content": _raw(b"", status="204 No Content", length=False),
    "a redirect": _raw(b"", "Location: /y", status="302 Found"),
    "not modified": _raw(b"", 'ETag: W/"1"', status="304 Not Modified", length=False),
    "bad request": _raw(b"{}", status="400 Bad Request"),
    "refused": _raw(b'{"i":[]}', status="403 Forbidden"),
    "not found": _raw(b"{}", status="404 Not Found"),
    "conflict": _raw(b"{}", status="412 Precondition Failed"),
    "one chunk": _raw(_framed(SMALL), "Transfer-Encoding: chunked", length=False),
    "many chunks": _raw(_framed(*(SMALL[at : at + 3] for at in range(0, 13, 3))), "Transfer-Encoding: chunked", length=False),
    "chunks with a trailer": _raw(_framed(SMALL, end=b"0\r\nX: y\r\n\r\n"), "Transfer-Encoding: chunked", length=False),
    "gzip": _raw(PACKED, "Content-Encoding: gzip"),
    "gzip in chunks": _raw(_framed(PACKED[:9], PACKED[9:]), "Content-Encoding: gzip", "Transfer-Encoding: chunked", length=False),
    "gzip without an end in HTTP": _raw(PACKED, "Content-Encoding: gzip", "Connection: close", length=False),
    "lines": _raw(b'{"id":1}\n{"id":2}\n', "Content-Type: application/fhir+ndjson"),
    "not text": _raw(bytes(range(24)), "Content-Type: image/png"),
    "after a continue": b"HTTP/1.1 100 Continue\r\n\r\n" + _raw(SMALL),
}


@pytest.mark.fault(3)
@pytest.mark.parametrize("name", TWENTY)
def test_an_answer_that_ends_at_any_byte_of_it_is_never_taken_for_a_whole_one(
    fault_proxy: Any, faults: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reset and closed in turns; a close gives up every byte before it, a reset may swallow some. In between, a sound answer comes."""
    monkeypatch.setattr("fhir.wire.wire.Breaker", functools.partial(Breaker, failures=1000))
    whole = TWENTY[name]
    proxy = fault_proxy(whole)

    async def work(wire: Wire) -> None:
        sound = await wire.ask(Ask("GET", f"{proxy.base}/x"))
        for end in range(len(whole)):
            ways = ("reset", "close") if end % 4 == 0 or end > len(whole) - 6 else ("reset",)
            for way in ways:
                proxy.plans.append(faults.Plan(stop_at=end, stop=way))
                with pytest.raises(Unreachable):
                    await wire.ask(Ask("GET", f"{proxy.base}/x"))
            if end % 8 == 7:
                assert await wire.ask(Ask("GET", f"{proxy.base}/x")) == sound

    talk(work, proxy.base, limits=ONCE)
    assert len(proxy.asked) > len(whole)


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "rewrite",
    [
        ("wrong_length", 1),
        ("wrong_length", 10**9),
        ("repeated_header", "Content-Length: 3"),
        ("repeated_header", "Content-Length: -1"),
        ("repeated_header", "Transfer-Encoding: chunked"),
        ("repeated_header", "Transfer-Encoding: gzip, chunked"),
        ("repeated_header", "Content-Encoding: gzip"),
        ("repeated_header", "Odd\x00: 1"),
    ],
    ids=lambda rewrite: " ".join(map(str, rewrite)).encode("unicode_escape").decode(),
)
def test_an_answer_whose_framing_lies_is_unreachable(fault_proxy: Any, faults: Any, rewrite: tuple[str, Any]) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    name, value = rewrite
    proxy.plan = faults.Plan(rewrite=getattr(faults, name)(value))
    with pytest.raises(Unreachable):
        asked(proxy, limits=HASTY)


@pytest.mark.fault(3)
@pytest.mark.parametrize("stop", ["close", "half-close", "silence", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_that_stops_before_its_end_is_unreachable_and_asked_for_again(
    fault_proxy: Any, faults: Any, stop: str, framing: str
) -> None:
    proxy = fault_proxy(faults.http(SMALL) if framing == "length" else faults.chunked(4)(faults.http(SMALL)))
    proxy.plans.append(faults.Plan(stop_at=len(proxy.source) - 6, stop=stop))
    assert asked(proxy, limits=replace(QUICK, silence=0.5 if stop == "silence" else 5.0)).body == SMALL
    assert len(proxy.asked) == 2


@pytest.mark.fault(3)
def test_a_length_that_is_too_short_gives_that_many_bytes_and_spoils_no_later_answer(fault_proxy: Any, faults: Any) -> None:
    """HTTP cannot tell; a cut resource is no JSON, which is what refuses it. What was left over answers nothing else."""
    proxy = fault_proxy(faults.http(SMALL))

    async def work(wire: Wire) -> tuple[bytes, bytes]:
        proxy.plans.append(faults.Plan(rewrite=faults.wrong_length(-4)))
        first = await wire.ask(Ask("GET", f"{proxy.base}/x"))
        return first.body, (await wire.ask(Ask("GET", f"{proxy.base}/y"))).body

    assert talk(work, proxy.base) == (SMALL[:-4], SMALL)


@pytest.mark.fault(3)
def test_a_damaged_gzip_answer_is_asked_for_again(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(PACKED, content_encoding="gzip"))
    proxy.plans.append(faults.Plan(rewrite=faults.corrupt(len(PACKED) - 7)))
    assert (asked(proxy).body, len(proxy.asked)) == (SMALL, 2)


@pytest.mark.parametrize("answer", [b"<html>login</html>\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n", b"\r\n\r\n\r\n"])
def test_what_is_no_http_is_unreachable(fault_proxy: Any, answer: bytes) -> None:
    with pytest.raises(Unreachable):
        asked(fault_proxy(answer), limits=ONCE)


def test_headers_without_end_are_unreachable(fault_proxy: Any) -> None:
    proxy = fault_proxy(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n")
    with pytest.raises(Unreachable):
        asked(proxy, limits=ONCE)


# ---- repetitions (faults 1, 4, 5)

FAULTY = {
    "500": {"answer": "500 Broken"},
    "502": {"answer": "502 Bad Gateway"},
    "503": {"answer": "503 Busy"},
    "504": {"answer": "504 Timeout"},
    "429": {"answer": "429 Too Many"},
    "reset at once": {"stop_at": 0},
    "closed at once": {"stop_at": 0, "stop": "close"},
    "reset in the body": {"stop_at": 80},
    "silent": {"stop_at": 0, "stop": "silence"},
}


def _plan(faults: Any, name: str) -> Any:
    options = dict(FAULTY[name])
    status = options.pop("answer", None)
    return faults.Plan(**options) if status is None else faults.Plan(rewrite=lambda _: faults.http(b"", status))


@pytest.mark.fault(5)
@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.parametrize(
    ("method", "repeatable", "most"),
    [("GET", None, 3), ("POST", True, 3), ("POST", None, 1), ("PUT", False, 1)],
    ids=["GET", "POST _search", "POST", "PUT once"],
)
def test_what_may_be_repeated_is_asked_three_times_at_most_and_the_rest_once(
    fault_proxy: Any, faults: Any, name: str, method: Method, repeatable: bool | None, most: int
) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plan = _plan(faults, name)
    ask = Ask(method, f"{proxy.base}/x", body=None if method == "GET" else b"{}", repeatable=repeatable)
    with pytest.raises(Overloaded if name in ("429", "503") else Unreachable) as caught:
        asked(proxy, ask, limits=replace(QUICK, silence=0.06 if name == "silent" else 60.0))
    assert caught.value.retryable
    assert arrived(proxy, most) == most


@pytest.mark.fault(5)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_fault_that_passes_is_not_seen(fault_proxy: Any, faults: Any, method: Method) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plans.extend([_plan(faults, "reset in the body"), _plan(faults, "503")])
    assert asked(proxy, Ask(method, f"{proxy.base}/x")).body == SMALL
    assert len(proxy.asked) == 3


@pytest.mark.fault(1)
def test_a_server_that_is_not_there_is_tried_again_until_it_is(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.down()
    began = time.perf_counter()
    with pytest.raises(Unreachable) as caught:
        asked(proxy, limits=Limits(wait=0.1))
    assert caught.value.code == "fhir_unreachable"
    assert time.perf_counter() - began >= 0.3, "waits 0.1 and 0.2 s at least, each with a random part"

    class Coming(Bearer):
        """Each try asks for the token first: by the second one the server is there."""

        tries = 0

        async def header(self) -> str:
            self.tries += 1
            if self.tries == 2:
                await asyncio.to_thread(proxy.up)
            return await super().header()

    coming = Coming("token")
    assert asked(proxy, limits=Limits(wait=0.01), authorization=coming).body == SMALL
    assert coming.tries == 2


@pytest.mark.fault(1)
def test_a_name_that_nobody_has_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        talk(lambda wire: wire.ask(Ask("GET", "http://sidenote.invalid/x")), "http://sidenote.invalid", limits=ONCE)


@pytest.mark.fault(4)
def test_a_busy_server_is_left_alone_as_long_as_it_asks(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plans.append(faults.Plan(rewrite=lambda _: faults.http(b"", "429 Too Many", retry_after="1")))
    began = time.perf_counter()
    assert asked(proxy).body == SMALL
    assert time.perf_counter() - began >= 1.0
    assert len(proxy.asked) == 2


@pytest.mark.fault(4)
@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("nonsense", None)])
def test_a_retry_after_of_nothing_or_nonsense_waits_no_longer_than_usual(
    fault_proxy: Any, faults: Any, value: str, seconds: float | None
) -> None:
    proxy = fault_proxy(faults.http(b"", "503 Busy", retry_after=value))
    with pytest.raises(Overloaded) as caught:
        asked(proxy)
    assert (caught.value.retry_after, len(proxy.asked)) == (seconds, 3)


@pytest.mark.fault(4)
def test_a_server_that_wants_to_be_left_alone_for_30_years_is_not_waited_for(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(b"", "429 Too Many", retry_after="1000000000"))
    began = time.perf_counter()
    with pytest.raises(Overloaded) as caught:
        asked(proxy, limits=Limits(deadline=30.0))
    assert time.perf_counter() - began < 10
    assert (caught.value.retry_after, caught.value.retryable, len(proxy.asked)) == (1e9, True, 1)


# ---- the breaker, seen from the server (fault 5)


class Clock:
    """Seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every breaker, which opens after three failures and rests for ten seconds."""
    made = Clock()
    monkeypatch.setattr("fhir.wire.wire.Breaker", functools.partial(Breaker, failures=3, rest=10.0, clock=made))
    return made


@pytest.mark.fault(5)
def test_a_server_that_keeps_failing_is_left_alone_then_asked_once(fault_proxy: Any, faults: Any, clock: Clock) -> None:
    proxy, other = fault_proxy(faults.http(SMALL)), fault_proxy(faults.http(SMALL))
    proxy.plan = _plan(faults, "500")
    ask = Ask("GET", f"{proxy.base}/x")

    async def work(wire: Wire) -> None:
        for _ in range(3):
            with pytest.raises(Unreachable):
                await wire.ask(ask)
        for _ in range(10):
            with pytest.raises(BreakerOpen):
                await wire.ask(ask)
        assert len(proxy.asked) == 3
        assert (await wire.ask(Ask("GET", f"{other.base}/x"))).body == SMALL, "each origin has a breaker of its own"
        clock.now = 10.0
        answers = await asyncio.gather(*(wire.ask(ask) for _ in range(6)), return_exceptions=True)
        assert len(proxy.asked) == 4, "one probe for all"
        assert sorted(type(answer).__name__ for answer in answers) == ["BreakerOpen"] * 5 + ["Unreachable"]
        proxy.plan = faults.Plan()
        clock.now = 20.0
        assert (await wire.ask(ask)).body == SMALL
        assert all(answer.body == SMALL for answer in await asyncio.gather(*(wire.ask(ask) for _ in range(6))))

    talk(work, proxy.base, other.base, limits=ONCE)


@pytest.mark.fault(5)
def test_a_busy_or_refusing_server_lives_and_opens_no_breaker(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(b"", "429 Too Many"))

    async def work(wire: Wire) -> None:
        for _ in range(10):
            with pytest.raises(Overloaded):
                await wire.ask(Ask("GET", f"{proxy.base}/x"))
        proxy.source = faults.http(b"", "403 Forbidden")
        assert {(await wire.ask(Ask("GET", f"{proxy.base}/x"))).status for _ in range(10)} == {403}

    talk(work, proxy.base, limits=ONCE)


@pytest.mark.fault(5)
def test_when_half_of_all_answers_are_broken_there_is_no_storm(fault_proxy: Any, faults: Any) -> None:
    chance = random.Random(1)
    proxy = fault_proxy(lambda _: faults.http(SMALL) if chance.random() < 0.5 else faults.http(b"", "500 Broken"))

    async def work(wire: Wire) -> list[Any]:
        return await asyncio.gather(*(wire.ask(Ask("GET", f"{proxy.base}/{n}")) for n in range(100)), return_exceptions=True)

    answers = talk(work, proxy.base)
    assert len(proxy.asked) <= 3 * len(answers)
    assert all(isinstance(answer, Unreachable) or answer.body == SMALL for answer in answers)
    assert sum(isinstance(answer, Answer) for answer in answers) >= 40, "which of them are broken depends on the order of connections"

    broken = fault_proxy(faults.http(b"", "500 Broken"))
    talk(
        lambda wire: asyncio.gather(*(wire.ask(Ask("GET", f"{broken.base}/{n}")) for n in range(100)), return_exceptions=True), broken.base
    )
    assert len(broken.asked) <= 12, "six failures, and what was under way beside them"


# ---- tokens (faults 6, 9, 10, 33)


class Renewing(SingleFlight):
    """A token that is fetched through the very wire it is for, from a token endpoint on the same server."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.wire: Wire | None = None
        self.url = url

    async def _fetch(self) -> str:
        assert self.wire is not None
        answer = await self.wire.ask(Ask("POST", self.url, body=b"grant_type=refresh_token", with_token=False))
        if answer.status != 200:
            raise AuthorizationError("the renewal was refused")
        return answer.body.decode()


class Guarded:
    """Answers 401 to every token but the last one it gave out, which `expire` makes stale."""

    def __init__(self, faults: Any) -> None:
        self.faults, self.given, self.stale = faults, 0, False
        self.refuses_renewal = False

    def __call__(self, ask: Any) -> bytes:
        if ask.target == "/token":
            self.given, self.stale = self.given + 1, False
            return self.faults.http(b"", "400 No") if self.refuses_renewal else self.faults.http(f"Bearer {self.given}".encode())
        known = ask.headers.get("authorization") == f"Bearer {self.given}" and not self.stale
        return self.faults.http(SMALL) if known else self.faults.http(b'{"expired":true}', "401 Unauthorized")


def _renewed(proxy: Any, work: Callable[[Wire], Awaitable[Result]], limits: Limits = QUICK) -> Result:
    tokens = Renewing(f"{proxy.base}/token")

    async def with_tokens(wire: Wire) -> Result:
        tokens.wire = wire
        return await work(wire)

    return talk(with_tokens, proxy.base, authorization=tokens, limits=limits)


@pytest.mark.fault(6)
@pytest.mark.fault(33)
@pytest.mark.std("A14")
@pytest.mark.parametrize("at_once", [1, 2, 6, 40])
def test_twenty_calls_that_find_the_token_stale_make_one_renewal(fault_proxy: Any, faults: Any, at_once: int) -> None:
    """Also when every slot of the wire is taken, and the renewal itself goes over this wire."""
    guard = Guarded(faults)
    proxy = fault_proxy(guard)

    async def work(wire: Wire) -> list[Answer]:
        await wire.ask(Ask("GET", f"{proxy.base}/first"))
        guard.stale = True
        return await asyncio.gather(*(wire.ask(Ask("GET", f"{proxy.base}/{n}")) for n in range(20)))

    answers = _renewed(proxy, work, replace(QUICK, at_once=at_once))
    assert {answer.body for answer in answers} == {SMALL}
    assert [ask.target for ask in proxy.asked].count("/token") == 2, "one to begin with, one for all twenty"
    assert len([ask for ask in proxy.asked if ask.target != "/token"]) <= 41


@pytest.mark.fault(6)
@pytest.mark.std("A14")
def test_a_new_token_that_is_refused_too_ends_it(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(lambda ask: faults.http(b"Bearer 1") if ask.target == "/token" else faults.http(b"no", "401 Unauthorized"))
    answer = _renewed(proxy, lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")))
    assert (answer.status, answer.body) == (401, b"no")
    assert [ask.target for ask in proxy.asked] == ["/token", "/x", "/token"], "the same token again is no new token"


@pytest.mark.fault(33)
def test_a_refused_renewal_is_told_to_all_who_waited_and_not_tried_again(fault_proxy: Any, faults: Any) -> None:
    guard = Guarded(faults)
    proxy = fault_proxy(guard)

    async def work(wire: Wire) -> list[Any]:
        await wire.ask(Ask("GET", f"{proxy.base}/x"))
        guard.stale = guard.refuses_renewal = True
        return await asyncio.gather(*(wire.ask(Ask("GET", f"{proxy.base}/x")) for _ in range(20)), return_exceptions=True)

    assert {type(answer) for answer in _renewed(proxy, work)} == {AuthorizationError}
    assert [ask.target for ask in proxy.asked].count("/token") == 2


@pytest.mark.std("A14")
def test_a_401_with_a_token_that_nobody_can_renew_is_an_answer(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL, "401 Unauthorized"))
    answer = asked(proxy, authorization=Bearer("t"))
    assert (answer.status, answer.body, len(proxy.asked)) == (401, SMALL, 1)


@pytest.mark.fault(6)
def test_a_stream_that_finds_its_token_stale_begins_again_with_another(fault_proxy: Any, faults: Any) -> None:
    guard = Guarded(faults)
    proxy = fault_proxy(guard)

    async def work(wire: Wire) -> bytes:
        await wire.ask(Ask("GET", f"{proxy.base}/first"))
        guard.stale = True
        async with wire.stream(Ask("GET", f"{proxy.base}/x")) as stream:
            return b"".join([part async for part in stream.parts])

    assert _renewed(proxy, work) == SMALL


@pytest.mark.fault(9)
@pytest.mark.std("A19")
def test_the_token_goes_to_the_exact_origin_and_to_nobody_else(fault_proxy: Any, faults: Any) -> None:
    ehr, files, stranger = (fault_proxy(faults.http(SMALL)) for _ in range(3))

    async def work(wire: Wire) -> None:
        await wire.ask(Ask("GET", f"{ehr.base}/x"))
        await wire.ask(Ask("GET", f"{ehr.base}/open", with_token=False))
        await wire.ask(Ask("GET", f"{files.base}/x"))
        host = f"127.0.0.1:{ehr.port}"
        urls = [f"{stranger.base}/x", f"http://{host}@127.0.0.1:{stranger.port}/", f"http://localhost:{ehr.port}/x", f"https://{host}/x"]
        for url in [*urls, f"http://{host}.evil.example/", f"http://{host}\\@127.0.0.1:{stranger.port}/", "file:///etc/hostname", ""]:
            with pytest.raises(ElsewhereRefused):
                await wire.ask(Ask("GET", url))
            with pytest.raises(ElsewhereRefused):
                async with wire.stream(Ask("GET", url)):
                    pass

    talk(work, ehr.base, plain=(files.base,), authorization=Bearer("canary"))
    assert [ask.headers.get("authorization") for ask in ehr.asked] == ["Bearer canary", None]
    assert [ask.headers.get("authorization") for ask in files.asked] == [None]
    assert stranger.connections == 0


@pytest.mark.std("A20")
def test_a_token_is_never_sent_without_tls_but_to_this_machine(fault_proxy: Any) -> None:
    with pytest.raises(ElsewhereRefused, match="without TLS"):
        talk(lambda wire: wire.ask(Ask("GET", "http://sidenote.invalid/x")), "http://sidenote.invalid", authorization=Bearer("t"))


@pytest.mark.parametrize(
    "rest", ["xn--/x", "xn--evil.example/x", "h" * 70 + "/x", "127.0.0.1:9/" + "x" * 70_000], ids=["no name", "odd", "host", "path"]
)
def test_what_cannot_be_a_request_is_refused_or_reaches_nobody(rest: str) -> None:
    with pytest.raises((ElsewhereRefused, Unreachable)):
        talk(lambda wire: wire.ask(Ask("GET", f"http://{rest}")), f"http://{rest}", limits=ONCE)


@pytest.mark.fault(10)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(fault_proxy: Any, faults: Any, status: int) -> None:
    other = fault_proxy(faults.http(SMALL))
    proxy = fault_proxy(faults.http(b"", f"{status} Moved", location=f"{other.base}/x"))
    answer = talk(lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")), proxy.base, other.base, authorization=Bearer("t"))
    assert (answer.status, answer.headers["location"]) == (status, f"{other.base}/x")
    assert (len(proxy.asked), other.connections) == (1, 0)


def test_nothing_is_taken_from_cookies_or_the_environment(
    fault_proxy: Any, faults: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password canary\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    proxy = fault_proxy(faults.http(SMALL, set_cookie="session=canary; Path=/"))

    async def work(wire: Wire) -> None:
        for _ in range(2):
            await wire.ask(Ask("GET", f"{proxy.base}/x"))

    talk(work, proxy.base)
    assert [ask.headers.keys() & {"cookie", "authorization"} for ask in proxy.asked] == [set(), set()]


# ---- time (fault 2)


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "plan",
    [
        {"latency": 600.0},
        {"stop_at": 0, "stop": "silence"},
        {"stop_at": 90, "stop": "silence"},
        {"rate": 10},
        {"latency": 0.2, "rate": 10},
    ],
)
def test_the_deadline_is_kept_and_the_question_is_cancelled(fault_proxy: Any, faults: Any, plan: dict[str, Any]) -> None:
    proxy = fault_proxy(faults.http(SMALL * 10))
    proxy.plan = faults.Plan(**plan)
    for seconds in (0.3, 2.0, 8.0):  # until it is time enough on this machine for the question to arrive
        began = time.perf_counter()
        with pytest.raises(DeadlinePassed) as caught:
            asked(proxy, limits=Limits(silence=60.0, deadline=seconds))
        assert seconds <= time.perf_counter() - began < 20.0, "the answer would take longer"
        if proxy.asked:
            break
    assert (caught.value.code, caught.value.retryable) == ("deadline_passed", True)
    assert proxy.hung_up.wait(60), "the server sees that nobody waits any more"


@pytest.mark.fault(2)
def test_the_deadline_is_for_all_repetitions_together(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(b"", "500 Broken"))
    proxy.plan = faults.Plan(latency=0.15)
    began = time.perf_counter()
    with pytest.raises(DeadlinePassed):
        asked(proxy, limits=Limits(deadline=0.4, attempts=1000, wait=0.01))
    assert time.perf_counter() - began < 60, "a thousand take two and a half minutes"
    assert len(proxy.asked) <= 4


@pytest.mark.fault(2)
def test_silence_within_an_answer_ends_it_before_the_deadline(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plan = faults.Plan(stop_at=80, stop="silence")
    with pytest.raises(Unreachable) as caught:
        asked(proxy, limits=Limits(silence=0.1, attempts=1))
    assert type(caught.value) is Unreachable


@pytest.mark.fault(2)
def test_a_caller_that_is_cancelled_cancels_what_it_asked(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plan = faults.Plan(latency=600)

    async def work(wire: Wire) -> Answer:
        pending = asyncio.create_task(wire.ask(Ask("GET", f"{proxy.base}/x")))
        await asyncio.to_thread(arrived, proxy, 1)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        assert await asyncio.to_thread(proxy.hung_up.wait, 60)
        proxy.plan = faults.Plan()
        return await wire.ask(Ask("GET", f"{proxy.base}/x"))

    assert talk(work, proxy.base).body == SMALL, "the wire goes on"


def test_a_slow_answer_within_the_deadline_is_taken(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL))
    proxy.plan = faults.Plan(latency=0.1, rate=400)
    assert asked(proxy).body == SMALL


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_questions_are_under_way_than_may_be(fault_proxy: Any, faults: Any, at_once: int) -> None:
    now, most = 0, 0

    async def source(_: Any) -> bytes:
        nonlocal now, most
        now += 1
        most = max(most, now)
        while most < at_once:  # as many as may be have come
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)  # and one more would have by now
        now -= 1
        return faults.http(SMALL)

    proxy = fault_proxy(source)
    talk(
        lambda wire: asyncio.gather(*(wire.ask(Ask("GET", f"{proxy.base}/{n}")) for n in range(12))),
        proxy.base,
        limits=Limits(at_once=at_once),
    )
    assert most == at_once
    assert proxy.connections == at_once, "and connections are used again"


# ---- size


@pytest.mark.parametrize("framing", ["length", "chunks", "gzip"])
def test_no_more_is_taken_than_may_be(fault_proxy: Any, faults: Any, framing: str) -> None:
    body = bytes(1_000_000)
    plain = faults.http(body)
    answers = {"length": plain, "chunks": faults.chunked(4096)(plain), "gzip": faults.http(gzip.compress(body), content_encoding="gzip")}
    proxy = fault_proxy(answers[framing])
    assert len(asked(proxy, Ask("GET", f"{proxy.base}/x", limit=1_000_000)).body) == 1_000_000
    with pytest.raises(SourceError, match="larger than allowed") as caught:
        asked(proxy, Ask("GET", f"{proxy.base}/x", limit=999_999))
    assert not caught.value.retryable
    assert len(proxy.asked) == 2, "what is too large is not asked for again"


# ---- streams


def test_a_stream_hands_over_what_is_there_before_the_rest_comes(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL * 8, etag='"1"'))
    proxy.plan = faults.Plan(rate=1000)

    async def work(wire: Wire) -> tuple[int, str, list[bytes]]:
        async with wire.stream(Ask("GET", f"{proxy.base}/x")) as stream:
            return stream.status, stream.headers["etag"], [part async for part in stream.parts]

    status, etag, parts = talk(work, proxy.base, limits=Limits(deadline=0.05))
    assert (status, etag, b"".join(parts)) == (200, '"1"', SMALL * 8)
    assert len(parts) >= 2


@pytest.mark.fault(3)
def test_a_stream_that_is_cut_says_so_to_who_reads_it(fault_proxy: Any, faults: Any) -> None:
    for answer in (
        faults.http(SMALL * 8),
        faults.chunked(9)(faults.http(SMALL * 8)),
        faults.http(gzip.compress(SMALL)[:-1], content_encoding="gzip"),
    ):
        proxy = fault_proxy(answer)
        proxy.plan = faults.Plan(stop_at=len(answer) - (0 if b"gzip" in answer else 3), stop="close")

        async def work(wire: Wire, proxy: Any = proxy) -> None:
            async with wire.stream(Ask("GET", f"{proxy.base}/x")) as stream:
                with pytest.raises(Unreachable):
                    async for _ in stream.parts:
                        pass

        talk(work, proxy.base)
        assert len(proxy.asked) == 1


def test_a_stream_is_bounded_asked_once_and_may_be_left(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(SMALL * 1000))

    async def read(wire: Wire, limit: int) -> bytes:
        async with wire.stream(Ask("GET", f"{proxy.base}/x", limit=limit)) as stream:
            return b"".join([part async for part in stream.parts])

    with pytest.raises(SourceError, match="larger than allowed"):
        talk(lambda wire: read(wire, 100), proxy.base)

    async def leave(wire: Wire) -> bytes:
        proxy.plan = faults.Plan(stop_at=1000, stop="silence")
        async with wire.stream(Ask("GET", f"{proxy.base}/x")) as stream:
            async for _ in stream.parts:
                break
        proxy.plan = faults.Plan()
        return await read(wire, 100_000)

    assert talk(leave, proxy.base, limits=Limits(at_once=1)) == SMALL * 1000
    assert proxy.hung_up.wait(60)
    proxy.source = faults.http(b"", "503 Busy", retry_after="7")
    before = len(proxy.asked)
    with pytest.raises(Overloaded) as caught:
        talk(lambda wire: read(wire, 100), proxy.base)
    assert (caught.value.retry_after, len(proxy.asked)) == (7.0, before + 1)


def test_urls_stay_out_of_a_log_that_takes_everything(fault_proxy: Any, faults: Any, caplog: pytest.LogCaptureFixture) -> None:
    proxy = fault_proxy(faults.http(b"{}", location="https://127.0.0.1/Patient/CANARY"))
    with caplog.at_level(logging.DEBUG):
        asked(proxy, Ask("GET", f"{proxy.base}/Patient?identifier=CANARY"))
    assert "CANARY" not in caplog.text

"""The wire: questions to allowed origins, answered whole or not at all.

No redirect is followed, no cookie kept, no proxy or password taken from the environment. A token goes to the exact origins that
may see it, over TLS or to this machine itself, and to nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir.errors import BreakerOpen, DeadlinePassed, ElsewhereRefused, Overloaded, SourceError, Unreachable
from fhir.wire.authorization import Authorization
from fhir.wire.breaker import Breaker
from fhir.wire.encoding import decoded
from fhir.wire.exchange import Answer, Ask
from fhir.wire.origins import Origin, Origins
from fhir.wire.patience import Limits, asks_again, retry_after

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx

    from fhir.wire.witness import Witness

_BUSY = frozenset({429, 503})
_BROKEN = frozenset({500, 502, 504})
_NO_BODY = frozenset({204, 304})


@dataclass
class Stream:
    """An answer whose body is still to come. `headers` in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    parts: AsyncIterator[bytes] = field(repr=False)
    """The body, decompressed, part by part. Raises Unreachable when it is cut off, SourceError when it is more than was allowed."""


class Wire:
    """A pool of connections to a few origins. `aclose` gives it back."""

    def __init__(
        self,
        origins: Origins,
        *,
        authorization: Authorization | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            origins: Whom it may ask, and who may see the token.
            authorization: Where the token comes from; None asks without.
            limits: Time and numbers.
            tls: How servers prove themselves; None: the machine's certificates, TLS 1.2 or newer.
            headers: Sent with every question.
            witness: Told of every exchange; what it raises ends the question in the answer's place.
        """
        import httpx

        _quieten()
        self.origins, self.limits = origins, limits
        self._authorization, self._witness = authorization, witness
        self._breakers: dict[Origin, Breaker] = {}
        self._slots = asyncio.Semaphore(limits.at_once)
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "Sidenote", "Accept-Encoding": "gzip", **(headers or {})},
            timeout=httpx.Timeout(limits.silence, connect=limits.connect, pool=None),
            limits=httpx.Limits(max_connections=limits.at_once * 2, max_keepalive_connections=limits.at_once),
            follow_redirects=False,
            trust_env=False,
            verify=tls or _certificates(_any_tls(origins)),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def ask(self, ask: Ask) -> Answer:
        """Ask, wait, ask again where that is safe, and take the whole answer, whatever its status is below 500 but 429.

        Raises:
            ElsewhereRefused: its origin is not on the list.
            Unreachable: no answer, one cut off, or a broken server, after every attempt; its subclasses say more.
            SourceError: more than `ask.limit` bytes.
            AuthorizationError: no token is to be had.
        """
        origin = self.origins.require(ask.url)
        try:
            async with asyncio.timeout(self.limits.deadline):
                return await self._patiently(ask, origin)
        except TimeoutError:
            raise DeadlinePassed("the server did not answer within the time that was given") from None

    @asynccontextmanager
    async def stream(self, ask: Ask) -> AsyncIterator[Stream]:
        """Ask once, and hand the body over as it comes. No repetition, no deadline but silence: what is long may take long.

        Raises as `ask` does; while the body is read, see `Stream.parts`.
        """
        origin = self.origins.require(ask.url)
        async with self._opened(ask, origin) as stream:
            yield stream

    async def _patiently(self, ask: Ask, origin: Origin) -> Answer:
        import stamina

        limits = self.limits
        ends = asyncio.get_running_loop().time() + limits.deadline
        retries = stamina.retry_context(
            lambda error: asks_again(error, ends - asyncio.get_running_loop().time()),
            attempts=limits.attempts if ask.may_repeat else 1,
            timeout=None,
            wait_initial=limits.wait,
            wait_max=limits.longest_wait,
            wait_jitter=limits.wait,
        )
        async for attempt in retries:
            with attempt:
                return await self._once(ask, origin)
        raise AssertionError("stamina ends with an answer or an error")  # pragma: no cover

    async def _once(self, ask: Ask, origin: Origin) -> Answer:
        async with self._opened(ask, origin) as stream:
            body = await _whole(stream)
        return Answer(stream.status, stream.headers, body, ask.url)

    @asynccontextmanager
    async def _opened(self, ask: Ask, origin: Origin) -> AsyncIterator[Stream]:
        """The head of the answer; of two, when the first was 401 and there is another token.

        A slot is held for an answer and not for a renewal, which may be asked through this very wire.
        """
        token = await self._token(ask, origin)
        async with self._sent(ask, origin, token) as stream:
            if stream.status != 401 or token is None or self._authorization is None:
                yield stream
                return
            refusal = await _whole(stream)
        if not await self._authorization.renew(token):
            yield Stream(stream.status, stream.headers, _again(refusal))
            return
        async with self._sent(ask, origin, await self._authorization.header()) as stream:
            yield stream

    @asynccontextmanager
    async def _sent(self, ask: Ask, origin: Origin, token: str | None) -> AsyncIterator[Stream]:
        """The head of one answer. The breaker hears how it ends."""
        async with self._slots:
            breaker = self._breakers.setdefault(origin, Breaker())
            if not breaker.admits():
                raise BreakerOpen("the server failed too often and is left alone for a while")
            ended = breaker.gave_up
            try:
                response = await self._send(ask, token)
                try:
                    await self._told(ask, response.status_code)
                    _require_alive(response)
                    yield Stream(response.status_code, dict(response.headers.items()), _limited(response, ask.limit))
                finally:
                    await response.aclose()
                ended = breaker.succeeded
            except Overloaded:
                ended = breaker.succeeded  # busy is alive
                raise
            except Unreachable:
                ended = breaker.failed
                raise
            finally:
                ended()

    async def _token(self, ask: Ask, origin: Origin) -> str | None:
        if self._authorization is None or not ask.with_token or origin not in self.origins.trusted:
            return None
        if not origin.private:
            raise ElsewhereRefused("a token is never sent without TLS")
        return await self._authorization.header()

    async def _send(self, ask: Ask, token: str | None) -> httpx.Response:
        import httpx

        headers = dict(ask.headers) if token is None else {**ask.headers, "Authorization": token}
        try:
            request = self._client.build_request(ask.method, ask.url, headers=headers, content=ask.body)
            return await self._client.send(request, stream=True)
        except (httpx.InvalidURL, UnicodeError):  # such as a host xn-- that is no name
            raise ElsewhereRefused("no URL that can be asked") from None
        except httpx.HTTPError as error:
            await self._told(ask, None)
            raise Unreachable(_no_answer(error)) from error
        finally:
            self._client.cookies.clear()

    async def _told(self, ask: Ask, status: int | None) -> None:
        if self._witness is not None:
            await self._witness.saw(ask, status)


def _require_alive(response: httpx.Response) -> None:
    if response.status_code in _BUSY:
        raise Overloaded("the server is busy", retry_after=retry_after(response.headers.get("retry-after")))
    if response.status_code in _BROKEN:
        raise Unreachable("the server is broken")


def _no_answer(error: BaseException) -> str:
    """In words: a server that nobody vouches for is another trouble than one that is not there."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the server's certificate does not hold, or no authority that is known here has signed it"
        cause = cause.__cause__ or cause.__context__
    return "the server did not answer in time, or not as HTTP"


async def _limited(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    import httpx

    taken = 0
    empty = response.request.method == "HEAD" or response.status_code in _NO_BODY
    try:
        async for part in decoded(response.aiter_raw(), response.headers.get("content-encoding", ""), empty=empty):
            taken += len(part)
            if taken > limit:
                raise SourceError("the server's answer is larger than allowed")
            yield part
    except httpx.HTTPError as error:
        raise Unreachable("the server cut its answer off, or went silent") from error


async def _whole(stream: Stream) -> bytes:
    body = bytearray()
    async for part in stream.parts:
        body += part
    return bytes(body)


async def _again(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _quieten() -> None:
    """What the libraries write down: URLs and headers, which may name a patient, only where somebody asks for just that."""
    import logging

    logging.getLogger("stamina").addHandler(logging.NullHandler())  # or Python writes each repetition to stderr
    for name in ("httpx", "httpcore"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)


def _any_tls(origins: Origins) -> bool:
    return any(origin.scheme == "https" for origin in origins.trusted | origins.plain)


def _certificates(needed: bool) -> ssl.SSLContext:
    """The machine's certificates: a hospital's own authority is among them, a list shipped with a library would not have it.

    They take 40 ms to load: without an origin that needs them nobody is believed.
    """
    import ssl

    context = ssl.create_default_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

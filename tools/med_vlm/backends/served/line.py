"""The line to the model's server: a question is asked, asked again where that can help, and given up in bounded time and memory.

No redirect is followed, no cookie kept, no proxy taken from the environment. Nothing that the server says of its troubles is
passed on: it might repeat what it was asked.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from fhir.wire.breaker import Breaker
from fhir.wire.patience import retry_after
from tools.med_vlm.backends.served.endpoint import Endpoint
from tools.med_vlm.deadline import require_time, until
from tools.med_vlm.errors import (
    MedVlmError,
    ModelAnswerUnusable,
    ModelServerBusy,
    ModelServerRefused,
    ModelServerResting,
    ModelServerUnreachable,
    ModelTimedOut,
)

if TYPE_CHECKING:
    import ssl

    import httpx

Taken = TypeVar("Taken")

_BUSY = frozenset({429, 503})
_REFUSALS = {401: "its key is missing or wrong", 403: "this key may not ask it", 404: "it has no such model or no such address"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for. Seconds."""

    total: float = 120.0
    """For one answer with every repetition, less where the reading has less. Passed by one silence at most."""
    silence: float = 60.0
    """Without a byte: a model that is taken from disk, or waits behind others, says nothing for long."""
    connect: float = 5.0
    attempts: int = 3
    wait: float = 0.25
    """Before the first repetition, doubled for each further one."""
    longest_wait: float = 30.0
    """That a Retry-After is honoured for; a server that asks for more is left to the caller."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: a GET without a body, a POST of JSON with one."""

    path: str
    most_bytes: int
    """Of the answer."""
    body: bytes | None = field(default=None, repr=False)
    at_once: bool = False
    """Whether the whole answer comes at its end, so that there is nothing to hear before."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still to come."""

    media_type: str
    parts: Iterator[bytes] = field(repr=False)


class Line:
    """A pool of connections to one server. Safe to share between threads; `close` gives it back."""

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience,
        *,
        breaker: Breaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is asked yet. Five failures in a row open the default breaker for half a minute."""
        import httpx

        _quieten()
        self.endpoint, self._patience, self._sleep = endpoint, patience, sleep
        self._breaker, self._lock = breaker or Breaker(failures=5, rest=30.0), threading.Lock()
        self._client = httpx.Client(
            headers=endpoint.headers,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
            follow_redirects=False,
            trust_env=False,
            verify=_certificates(endpoint.origin.scheme == "https"),
        )
        self.close = weakref.finalize(self, self._client.close)

    def ask(self, ask: Ask, take: Callable[[Stream], Taken]) -> Taken:
        """What `take` makes of the answer. It is called anew for each attempt, and may raise ModelAnswerUnusable.

        Raises:
            ModelServerUnreachable, ModelServerBusy: after every attempt; ModelServerResting without one.
            ModelTimedOut, ModelServerRefused, ModelAnswerUnusable: as their docstrings say; not asked again.
        """
        ends = until(self._patience.total)
        attempt = 0
        while True:
            try:
                return self._once(ask, take, ends)
            except (ModelServerUnreachable, ModelServerBusy) as error:
                attempt += 1
                wait = self._wait(error, attempt, ends - time.monotonic())
                if wait is None:
                    raise
                self._sleep(wait)

    def _wait(self, error: MedVlmError, attempt: int, left: float) -> float | None:
        """Seconds before the next attempt; None: there is none."""
        if attempt >= self._patience.attempts or isinstance(error, ModelServerResting) or getattr(error, "status", 0) == 500:
            return None  # 500 is how these servers answer what their model cannot do
        asked = error.retry_after if isinstance(error, ModelServerBusy) else None
        wait = self._patience.wait * 2 ** (attempt - 1) if asked is None else asked
        return wait if wait <= self._patience.longest_wait and wait < left else None

    def _once(self, ask: Ask, take: Callable[[Stream], Taken], ends: float) -> Taken:
        """One attempt. The breaker hears how it ended."""
        require_time()  # a server is not to blame for a reading that took too long before
        with self._lock:
            if not self._breaker.admits():
                raise ModelServerResting("it failed too often and is left alone for a while")
        ended = self._breaker.gave_up
        try:
            taken = self._taken(ask, take, ends)
            ended = self._breaker.succeeded
            return taken
        except (ModelServerUnreachable, ModelTimedOut):
            ended = self._breaker.failed
            raise
        except MedVlmError:
            ended = self._breaker.succeeded  # what it said is of no use, but it lives
            raise
        finally:
            with self._lock:
                ended()

    def _taken(self, ask: Ask, take: Callable[[Stream], Taken], ends: float) -> Taken:
        import httpx

        try:
            with self._client.stream(
                "GET" if ask.body is None else "POST",
                self.endpoint.url(ask.path),
                content=ask.body,
                headers={} if ask.body is None else {"Content-Type": "application/json"},
                timeout=self._timeout(ask, ends),
            ) as response:
                _require_answer(response)
                media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                return take(Stream(media_type, _bounded(response, ask.most_bytes, ends)))
        except (httpx.ConnectTimeout, httpx.ConnectError):
            raise ModelServerUnreachable("no connection, or nobody vouches for its certificate") from None
        except httpx.TimeoutException:
            raise ModelTimedOut("the model's server went silent for longer than it was given") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ModelServerUnreachable("it cut its answer off, or does not speak HTTP") from None
        finally:
            self._client.cookies.clear()

    def _timeout(self, ask: Ask, ends: float) -> httpx.Timeout:
        import httpx

        left = max(ends - time.monotonic(), 0.001)
        silence = left if ask.at_once else min(self._patience.silence, left)
        return httpx.Timeout(silence, connect=min(self._patience.connect, left), pool=None)


def _require_answer(response: httpx.Response) -> None:
    status = response.status_code
    if status in _BUSY:
        raise ModelServerBusy("the model's server is busy", retry_after=retry_after(response.headers.get("retry-after")))
    if status >= 500:
        raise ModelServerUnreachable("it says that it is broken", status=status)
    if status >= 400:
        raise ModelServerRefused(_REFUSALS.get(status, "it does not take the question"), status=status)
    if status >= 300:
        raise ModelServerRefused("it sends us elsewhere, where nothing of a patient is sent", status=status)
    if status != 200:
        raise ModelAnswerUnusable("it comes with a status that no answer has")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ModelAnswerUnusable("it is encoded in a way that was not asked for")


def _bounded(response: httpx.Response, most: int, ends: float) -> Iterator[bytes]:
    taken = 0
    for part in response.iter_raw():
        taken += len(part)
        if taken > most:
            raise ModelAnswerUnusable("it is longer than allowed")
        if time.monotonic() > ends:
            raise ModelTimedOut("the model's answer did not end in the time that was given")
        yield part


def _quieten() -> None:
    """A line for each question would be written down: only where somebody asks for just that."""
    import logging

    for name in ("httpx", "httpcore"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)


def _certificates(needed: bool) -> ssl.SSLContext:
    """The machine's certificates: a hospital's own authority is among them. On this machine itself nobody needs to be believed."""
    import ssl

    context = ssl.create_default_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

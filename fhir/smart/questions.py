"""How an authorization server is asked: forms go out, strict JSON comes in, and neither shows what it carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fhir import jsontext
from fhir.errors import AuthorizationError, ElsewhereRefused, RecordError, SourceError, Unreachable
from fhir.wire.exchange import Answer, Ask
from fhir.wire.wire import Wire

LARGEST = 64 * 1024
"""Bytes of an answer that are taken: a configuration or a key set has a few thousand."""

Wrong = type[AuthorizationError]


def document(url: str) -> Ask:
    """The question for a public JSON document, which sees no token."""
    return Ask("GET", url, {"Accept": "application/json"}, limit=LARGEST, with_token=False)


def form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Ask:
    """A form that is posted once: a code, a rotated refresh token and an assertion are each good for one use."""
    sent = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **headers}
    return Ask("POST", url, sent, urlencode(fields).encode("ascii"), limit=LARGEST, repeatable=False, with_token=False)


async def answered(wire: Wire, ask: Ask, wrong: Wrong) -> Answer:
    """The answer to a question.

    Raises:
        wrong: it is too large, or its URL leads to a host that is not on the wire's list.
        Unreachable: there is none.
    """
    try:
        return await wire.ask(ask)
    except Unreachable:
        raise
    except ElsewhereRefused:
        raise wrong("an endpoint leads to a host that is not on the list") from None
    except SourceError:
        raise wrong("the authorization server's answer is larger than allowed") from None


def json_of(answer: Answer, wrong: Wrong, *, labelled: bool = True) -> dict[str, Any]:
    """The object that an answer holds. `labelled`: its media type must be JSON's.

    Raises:
        wrong: it is no strict JSON object (a key given twice, NaN, HTML), or not labelled as one.
    """
    kind = answer.media_type
    if labelled and kind != "application/json" and not kind.endswith("+json"):
        raise wrong("the authorization server's answer is not JSON by its media type")
    try:
        return strict(answer.body)
    except RecordError:
        raise wrong("the authorization server's answer is not one strict JSON object") from None


def strict(text: bytes) -> dict[str, Any]:
    """One JSON object, after everything that `fhir.jsontext.check` looks for.

    Raises:
        RecordError: it is none.
    """
    jsontext.check(text)
    return jsontext.loads(text)

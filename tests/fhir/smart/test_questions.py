"""Forms that go out, and what comes back: strict JSON of a sane size, or a typed refusal."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import pytest

from fhir.errors import DiscoveryInvalid, TokenInvalid, Unreachable
from fhir.smart.questions import LARGEST, answered, document, form, json_of
from fhir.wire.exchange import Answer


def test_a_form_is_encoded_and_posted_once_without_the_wires_token() -> None:
    ask = form("https://ehr.example/token", {"code": "a b&c=d/ü"}, {"X": "y"})
    assert (ask.method, ask.may_repeat, ask.with_token) == ("POST", False, False)
    assert parse_qs((ask.body or b"").decode("ascii")) == {"code": ["a b&c=d/ü"]}
    assert ask.headers == {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "X": "y"}
    assert "code" not in repr(ask)
    assert not document("https://ehr.example/x").with_token


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "application/jwk-set+json", "APPLICATION/JSON"])
def test_json_of_any_kind_is_read(kind: str) -> None:
    assert json_of(Answer(200, {"content-type": kind}, b'{"a": 1}', ""), TokenInvalid) == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b'{"a": 1}'),
        ("", b'{"a": 1}'),
        ("application/jsonp", b'{"a": 1}'),
        ("application/json", b"<html>sign in</html>"),
        ("application/json", b""),
        ("application/json", b"[1]"),
        ("application/json", b'{"a": 1'),
        ("application/json", b'{"patient": "p1", "patient": "p2"}'),
        ("application/json", b'{"a": NaN}'),
        ("application/json", '{"a": "ü"}'.encode("latin-1")),
        ("application/json", b"\xef\xbb\xbf{}"),
        ("application/json", b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"),
    ],
)
def test_what_is_no_strict_json_object_is_refused_without_its_content(kind: str, body: bytes) -> None:
    with pytest.raises(TokenInvalid) as caught:
        json_of(Answer(200, {"content-type": kind}, body, ""), TokenInvalid)
    assert "p2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_json_under_another_label_is_read_where_that_is_put_up_with() -> None:
    assert json_of(Answer(200, {"content-type": "application/octet-stream"}, b"{}", ""), TokenInvalid, labelled=False) == {}


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("/large", DiscoveryInvalid),
        ("/broken", Unreachable),
        ("https://evil.example/", DiscoveryInvalid),
        ("file:///etc", DiscoveryInvalid),
    ],
)
def test_a_question_without_a_usable_answer_says_why(ehr: Any, url: str, error: type[Exception]) -> None:
    ehr.answers |= {"/fhir/large": (200, "application/json", b" " * (LARGEST + 1)), "/fhir/broken": (502, "text/plain", b"")}

    async def ask() -> None:
        wire = ehr.wire()
        try:
            await answered(wire, document(ehr.base + url if url.startswith("/") else url), DiscoveryInvalid)
        finally:
            await wire.aclose()

    with pytest.raises(error):
        asyncio.run(ask())

"""What is refused before anything of a document is believed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir.errors import BadJson, NotFhir
from fhir.jsontext import check, dumps, loads

GOOD = b'{"resourceType":"Patient","id":"p"}'


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD[:-1], "cut off"),
        (GOOD[:20], "cut off"),
        (GOOD + b"x", "byte 3"),
        (GOOD.replace(b'"p"', b"NaN"), "not valid JSON"),
        (GOOD.replace(b'"p"', b"-Infinity"), "not valid JSON"),
        (b"\xef\xbb\xbf" + GOOD, "byte order mark"),
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (GOOD.decode().encode("utf-16-le"), "UTF-16"),
        (GOOD.replace(b'"p"', b'"\xff"'), "not UTF-8"),
        (GOOD.replace(b'"p"', b'"p","id":"q"'), "twice"),
        (GOOD.replace(b'"p"', b'"p","i\\u0064":"q"'), "twice"),
        (GOOD.replace(b'"p"', b"1e400"), "out of range"),
        (GOOD.replace(b'"p"', b'"\\ud800"'), "not valid JSON"),
        (GOOD.replace(b'"p"', b"[" * 300 + b"]" * 300), "too deep"),
        (GOOD.replace(b'"p"', b"[" * 100_000), "too deep"),
        (GOOD.replace(b'"p"', b'"tab\there"'), "not valid JSON"),
        (GOOD.replace(b"}", b",}"), "not valid JSON"),
    ],
)
def test_refuses_loose_json_and_never_quotes_it(text: bytes, says: str) -> None:
    with pytest.raises(BadJson, match=says) as caught:
        check(text)
    assert "Patient" not in str(caught.value)


@pytest.mark.fault(17)
@pytest.mark.parametrize("text", [b"<!DOCTYPE html><html>login</html>", b"  <Patient/>", b"please log in", b"", b'"text"'])
def test_refuses_what_is_no_json_at_all(text: bytes) -> None:
    with pytest.raises(NotFhir):
        check(text)


def test_lets_strict_json_pass_and_keeps_its_decimals() -> None:
    text = b'{"a":1.00,"b":0.001530,"c":123456789012345678901234567890,"d":"\xc3\xa9"}'
    check(text)
    body = loads(text)
    assert body["b"] == Decimal("0.001530")
    assert dumps(body) == text


def test_loads_refuses_a_list() -> None:
    with pytest.raises(BadJson, match="not a JSON object"):
        loads(b"[1]")

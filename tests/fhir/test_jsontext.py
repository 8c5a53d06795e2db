"""What is refused before anything of a document is believed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import BadJson, NotFhir
from fhir.jsontext import check, check_encoding, dumps, elements, loads, outline

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


SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abé"', max_size=2), inner, max_size=3))
PLAGUES = {
    "a key twice": lambda inside: f'{{"k":1,"a":{inside},"k":2}}',
    "a key twice, once escaped": lambda inside: f'{{"k":{inside},"\\u006b":2}}',
    "NaN": lambda inside: f"[{inside},NaN]",
    "Infinity": lambda inside: f'{{"v":-Infinity,"a":{inside}}}',
    "a number out of range": lambda inside: f'{{"a":{inside},"v":1e400}}',
    "digits out of range": lambda inside: f"[{'9' * 401},{inside}]",
    "a lone surrogate": lambda inside: f'["\\ud800",{inside}]',
    "a lone surrogate in a key": lambda inside: f'{{"\\udc00":{inside}}}',
}
AROUND = st.lists(st.sampled_from(['{"a":%s}', "[1,%s]", '{"b":[true,%s],"c":"%%"}', ' { "n" : 1.50 , "d" : %s } ']), max_size=6)


@pytest.mark.fault(16)
@given(VALUES, st.sampled_from(sorted(PLAGUES)), AROUND)
def test_what_is_loose_is_refused_at_any_depth_and_beside_anything(inside: Any, plague: str, around: list[str]) -> None:
    written = json.dumps(inside)
    fine, loose = written, PLAGUES[plague](written)
    for shape in around:
        fine, loose = shape % fine, shape % loose
    check(b'{"x":' + fine.encode() + b"}")
    with pytest.raises(BadJson):
        check(b'{"x":' + loose.encode() + b"}")


@pytest.mark.fault(16)
@given(VALUES, st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]))
def test_anything_but_plain_utf8_is_refused(inside: Any, encoding: str) -> None:
    text = json.dumps({"é": inside}, ensure_ascii=False)
    try:
        encoded = text.encode(encoding)
    except UnicodeEncodeError:
        return
    with pytest.raises((BadJson, NotFhir)):
        check(encoded)


@pytest.mark.fault(16)
@pytest.mark.parametrize("at", [0, 1, 2, 3, 5])
def test_a_byte_that_is_not_utf8_is_named_where_it_stands_in_a_long_text_too(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.jsontext._SLICE", 7)
    text = b'{"a":"' + "é€😀".encode() * 3
    check_encoding(text + b'"}')
    with pytest.raises(BadJson, match=rf"byte {len(text) + at}\)"):
        check_encoding(text + b"x" * at + b'\xff"}')


def test_some_elements_are_read_as_the_whole_is() -> None:
    text = b'{"a":1.00,"b":{"c":[1.50]},"d":"\xc3\xa9"}'
    assert elements(text, ("b", "a", "z")) == {"a": Decimal("1.00"), "b": {"c": [Decimal("1.50")]}}
    assert str(elements(text, ("a",))["a"]) == "1.00"
    assert bytes(outline(text)["b"]) == b'{"c":[1.50]}'
    for wrong in (b"[1]", b"{", b'"a"'):
        with pytest.raises(BadJson, match="not a JSON object"):
            elements(wrong, ("a",))


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

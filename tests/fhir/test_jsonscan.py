"""The fast scan against Python's parser."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.errors import BadJson
from fhir.jsonscan import refuse_duplicates_slowly, scan, scan_in_parts

KEYS = ("a", "b", "subject", "instantiatesCanonicalOne", "instantiatesCanonicalTwo", "", 'q"', "\\", "x{", "é", "a:b")
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(alphabet='a"\\:{}[], \n\u00e9\U0001f600', max_size=8))


def _escaped(key: str) -> str:
    return '"' + "".join(f"\\u{ord(one):04x}" for one in key) + '"'


SPELLED = st.sampled_from([spelling for key in KEYS for spelling in (json.dumps(key), _escaped(key))])
SPACES = st.sampled_from(["", " ", "\n  "])


@cache
def texts(depth: int = 3) -> st.SearchStrategy[str]:
    """JSON text in which an object may give a key twice, in several spellings and with odd white space."""
    leaves = st.builds(lambda value, ascii_: json.dumps(value, ensure_ascii=ascii_), LEAVES, st.booleans())
    if not depth:
        return leaves
    inner = texts(depth - 1)
    arrays = st.lists(inner, max_size=3).map(lambda values: "[" + ",".join(values) + "]")
    objects = st.builds(_object, SPACES, st.lists(st.tuples(SPELLED, inner), max_size=4))
    return st.integers(0, 3).flatmap((leaves, arrays, objects, objects).__getitem__)


def _object(space: str, pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{space}{key}{space}:{space}{value}" for key, value in pairs) + space + "}"


def _refuses(check: Any, text: bytes) -> bool:
    try:
        check(text)
    except BadJson:
        return True
    return False


@given(texts())
@settings(max_examples=250, deadline=None)
@pytest.mark.fault(16)
def test_finds_exactly_the_duplicates_that_pythons_parser_finds(text: str) -> None:
    raw = text.encode()
    assert _refuses(scan, raw) == _refuses(refuse_duplicates_slowly, raw)


@given(st.lists(texts(), max_size=4))
@settings(max_examples=60, deadline=None)
def test_lines_of_documents_are_scanned_as_separate_documents(lines: list[str]) -> None:
    raw = "\n".join(lines).encode()
    assert _refuses(scan, raw) == any(_refuses(refuse_duplicates_slowly, line.encode()) for line in lines)


@given(st.lists(texts(), max_size=6), st.integers(1, 60))
@settings(max_examples=150, deadline=None)
@pytest.mark.fault(16)
def test_a_text_scanned_in_parts_is_refused_exactly_when_the_whole_is(values: list[str], group: int) -> None:
    document = '{"type":"x","entry":[' + ",".join(f'{{"resource":{value}}}' for value in values) + "]}"
    assert _refuses(lambda raw: scan_in_parts(raw, _each(values), depth=3, group=group), document.encode()) == _refuses(
        scan, document.encode()
    )
    lines = "\n".join(values)
    assert _refuses(lambda raw: scan_in_parts(raw, _each(values), group=group), lines.encode()) == _refuses(scan, lines.encode())


def _each(values: list[str]) -> list[bytes]:
    return [value.encode() for value in values]


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    "text",
    ['{"a":{"x":1},"a":{"x":1}}', '{"a":{"x":1},"b":{"c":2,"c":{"x":1}}}', '{"a":{"x":1},"n":1e999}', '{"a":{"x":1},"s":"\\ud800"}'],
    ids=["the part twice", "outside of the parts", "a number outside", "a surrogate outside"],
)
def test_what_is_wrong_outside_of_the_parts_is_found_too(text: str) -> None:
    with pytest.raises(BadJson):
        scan_in_parts(text.encode(), [b'{"x":1}'], depth=1, group=4)


def test_a_part_counts_at_the_depth_it_lies_in() -> None:
    deep = b"[" * 198 + b"]" * 198
    text = b'{"entry":[{"resource":' + deep + b"}]}"
    scan_in_parts(b'{"entry":[' + deep[1:-1] + b"]}", [deep[1:-1]], depth=2, group=4)
    with pytest.raises(BadJson, match=r"nested too deep$"):
        scan_in_parts(text, [deep], depth=3, group=4)


def test_keys_that_only_share_their_ends_are_let_pass() -> None:
    scan(b'{"abcdefgh-1-abcdefgh":1,"abcdefgh-2-abcdefgh":2}')


def test_finds_one_duplicate_among_many_objects() -> None:
    many = [{"resourceType": "Observation", "id": str(n), "subject": {"reference": "Patient/1"}} for n in range(5000)]
    text = json.dumps(many)
    scan(text.encode())
    with pytest.raises(BadJson, match="twice"):
        scan(text.replace('"id": "4321"', '"id": "4321", "id": "9"').encode())


@pytest.mark.fault(16)
@pytest.mark.parametrize("number", ["1e400", "-1E+401", "1e9999999999", "1" * 400, "0.5e-400", "1.5e400"])
def test_refuses_a_number_out_of_range(number: str) -> None:
    with pytest.raises(BadJson, match="number out of range"):
        scan(f'{{"a":1,"value":{number},"s":"x"}}'.encode())


@pytest.mark.parametrize("text", ['{"id":"5e400"}', '{"a":true,"b":1e30,"c":[false,0.001530]}', '{"a":"' + "7" * 400 + '"}'])
def test_lets_ordinary_numbers_and_digits_in_strings_pass(text: str) -> None:
    scan(text.encode())


@pytest.mark.fault(16)
@pytest.mark.parametrize("text", [r'"\ud800"', r'"\udc00"', r'"\ud800\u0041"', r'"\ud800x"', r'"\udbff\ud800"'])
def test_refuses_a_lone_surrogate(text: str) -> None:
    with pytest.raises(BadJson, match="surrogate"):
        scan(f'{{"a":{text}}}'.encode())


@pytest.mark.parametrize("text", [r'"\ud83d\ude00"', r'"\\ud800"', r'"\u00e9"', '"\U0001f600"'])
def test_lets_whole_characters_pass(text: str) -> None:
    scan(f'{{"a":{text}}}'.encode())


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_refuses_nesting_over_200_and_lets_200_pass(opening: str, closing: str) -> None:
    scan((opening * 200 + "1" + closing * 200).encode())
    with pytest.raises(BadJson, match="too deep"):
        scan((opening * 201 + "1" + closing * 201).encode())

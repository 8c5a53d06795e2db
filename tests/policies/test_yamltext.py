"""Strict YAML: what people write, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import RuleUnreadable
from policies.yamltext import read_yaml


def test_plain_scalars_keep_the_forms_of_fhir() -> None:
    text = b'date: 2026-11-23\nno: off\nyes: true\ncode: 0123\nnumber: 4.25\nwhole: 30\nempty:\nminus: -2\ntext: "30"'
    assert read_yaml(text, "a.yaml") == {
        "date": "2026-11-23",
        "no": "off",
        "yes": True,
        "code": "0123",
        "number": 4.25,
        "whole": 30,
        "empty": None,
        "minus": -2,
        "text": "30",
    }


@pytest.mark.fault(121)
@pytest.mark.parametrize(
    "text",
    [
        b"a: !!python/object/apply:os.system ['true']",
        b"a: !!python/name:os.system",
        b"a: !local x",
        b"a: !!str 1",
        b"!!map {a: 1}",
    ],
)
def test_refuses_every_tag(text: bytes) -> None:
    with pytest.raises(RuleUnreadable, match="tags are not allowed"):
        read_yaml(text, "a.yaml")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"id: a\nid: b", "key 'id' given twice"),
        (b"a: {b: 1, b: 2}", "key 'b' given twice"),
        (b"a: &x [1]\nb: *x", "anchors and aliases"),
        (b"a: [1", "not plain YAML"),
        (b"a: b: c", r"not plain YAML \(line 1\)"),
        (b"- 1", "not a mapping"),
        (b"", "not a mapping"),
        (b"[a]: 1", "a key that is not text"),
        (b"a: 1\n---\nb: 2", "not plain YAML"),
        (b"\xff\xfe\x00", "not plain YAML"),
        (b"a: " + b"x" * 300_000, "larger than"),
        (b"a: " + b"[" * 5000, "not plain YAML"),
    ],
)
def test_refuses_and_names_the_fault(text: bytes, what: str) -> None:
    with pytest.raises(RuleUnreadable, match=what):
        read_yaml(text, "a.yaml")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        value = read_yaml(text, "a.yaml")
    except RuleUnreadable as error:
        value = {"refused": str(error)}
    assert isinstance(value, dict)
    assert "refused" not in value or str(value["refused"]).startswith("a.yaml: ")

"""What an archive says of a case is read strictly, and the schema of it is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.archive.case_line import CaseLine, case_schema, read_strictly, strict_json
from retrieval.errors import BadCase

PUBLISHED = Path(__file__).parents[3] / "docs" / "cases.schema.json"
NEEDED: dict[str, Any] = {
    "key": "case-1",
    "person": "urn:site|4711",
    "study": "1.2.3",
    "as_of": "2020-05-06",
    "modality": "CR",
    "view": "PA",
    "age": None,
    "sex": "unknown",
    "report": "Normal.",
    "image": "one.png",
    "consent": "broad consent",
    "licence": "CC0-1.0",
}


def test_the_published_schema_is_that_of_the_code() -> None:
    """Write it again with `python -m retrieval.archive.case_line > docs/cases.schema.json`."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == case_schema()


def test_every_element_is_described_and_what_is_needed_is_said() -> None:
    schema = case_schema()
    assert [name for name, element in schema["properties"].items() if "description" not in element] == []
    assert set(schema["required"]) == set(NEEDED)
    assert schema["additionalProperties"] is False


def test_a_line_with_what_is_needed_is_a_case() -> None:
    line = read_strictly(CaseLine, NEEDED)
    assert (line.body_part, line.site, line.findings, line.identifiers, line.outcome) == ("CHEST", "unknown", None, (), None)


def test_a_refusal_names_elements_and_never_what_they_hold() -> None:
    with pytest.raises(BadCase) as refused:
        read_strictly(CaseLine, {**NEEDED, "sex": "Jane Doe", "age": "4711", "Jane Doe": 1})
    assert str(refused.value) == "not a case: age, sex"


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": 1, "a": 1}', b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"1 2"])
def test_text_that_is_no_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadCase, match="not strict JSON in UTF-8"):
        strict_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*NEEDED, "findings", "identifiers", "site", "other"]), json_values), st.booleans())
def test_whatever_is_written_is_a_case_or_refused(changes: dict[str, Any], whole: bool) -> None:
    try:
        line = read_strictly(CaseLine, {**NEEDED, **changes} if whole else changes)
    except BadCase as error:
        assert error.reason.startswith("not a case: ")  # noqa: PT017 - either outcome is right
    else:
        assert line.model_dump(mode="json")["as_of"] == line.as_of.isoformat()

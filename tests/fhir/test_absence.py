"""What the record says it does not have."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

import fhir.absence
from fhir.absence import DATA_ABSENT_REASON, NULL_FLAVOR, declared_absent, given, result_absent, value_in

ABSENT = {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": "unknown"}]}
NULL = {"extension": [{"url": "urn:x"}, {"url": NULL_FLAVOR, "valueCode": "NI"}]}


@pytest.mark.std("E5")
@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"birthDate": "1960"}, "1960"),
        ({"birthDate": "1900", "_birthDate": ABSENT}, None),
        ({"birthDate": "1900", "_birthDate": NULL}, None),
        ({"_birthDate": ABSENT}, None),
        ({"birthDate": "1960", "_birthDate": {"extension": [{"url": "urn:time-of-birth"}]}}, "1960"),
        ({"birthDate": "1960", "_birthDate": {"id": "x"}}, "1960"),
        ({"birthDate": ABSENT}, None),
        ({}, None),
    ],
)
def test_an_element_declared_absent_is_never_read_as_a_value(body: dict[str, Any], value: str | None) -> None:
    assert given(body, "birthDate") == value


@pytest.mark.std("E5")
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"valueQuantity": {"value": 5}}, "valueQuantity"),
        ({"valueBoolean": False}, "valueBoolean"),
        ({"valueInteger": 0, "status": "final"}, "valueInteger"),
        ({"valueQuantity": {"value": 5}, "dataAbsentReason": {"text": "clotted"}}, None),
        ({"valueQuantity": ABSENT}, None),
        ({"_valueString": ABSENT}, None),
        ({"valueString": "low", "_valueString": ABSENT}, None),
        ({"valueQuantity": None}, None),
        ({}, None),
    ],
)
def test_a_result_has_a_value_unless_it_says_why_it_has_none(body: dict[str, Any], name: str | None) -> None:
    assert value_in(body) == name


@drawn(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["extension", "url", "a"]), inner, max_size=3), max_leaves=8))  # fmt: skip
def test_any_shape_is_read_and_nothing_but_the_two_extensions_declares_absence(element: Any) -> None:
    assert declared_absent(element) is False
    assert declared_absent({"extension": [element, {"url": DATA_ABSENT_REASON}]}) is True
    assert result_absent({"dataAbsentReason": element}) is bool(element)


def test_the_examples_of_the_docstrings_are_true() -> None:
    done = doctest.testmod(fhir.absence)
    assert (done.failed, done.attempted > 0) == (0, True)

"""Reading a search: what is understood, what is ignored, what is refused."""

from __future__ import annotations

import pytest

from sandbox.ehr.outcome import Refusal
from sandbox.ehr.query import named_patients, parse_query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonsense", "1"),
        ("code", ""),
        ("patient.name", "x"),
        ("_sort", "nonsense"),
        ("_sort", "date,nonsense"),
        ("_summary", "true"),
        ("_include", "Observation:nonsense"),
        ("_include", "Observation:code"),
        ("_include", "Patient:general-practitioner"),
        ("_include:iterate", "Observation:encounter"),
        ("_revinclude", "Nonsense:target"),
        ("_revinclude:iterate", "Provenance:target"),
    ],
)
@pytest.mark.std("E2")
def test_what_is_not_known_is_ignored_and_named_or_with_strict_handling_refused(name: str, value: str) -> None:
    query = parse_query("Observation", [("code", "a"), (name, value)])
    assert query.ignored == [name]
    assert query.accepted == [("code", "a")]
    with pytest.raises(Refusal, match="unknown search parameters"):
        parse_query("Observation", [(name, value)], strict=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "soon"),
        ("date", "ap2024"),
        ("code:text", "x"),
        ("code:missing", "maybe"),
        ("_count", "-1"),
        ("_count", "ten"),
        ("_count", "²"),
        ("_total", "all"),
        ("_lastUpdated", "xx2024"),
    ],
)
def test_a_known_parameter_with_an_impossible_value_is_refused_in_any_case(name: str, value: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_query("Observation", [(name, value)])
    assert refused.value.status == 400
    assert value not in refused.value.reason


def test_result_parameters_are_read_and_format_leaves_no_trace() -> None:
    pairs = [("_sort", "-date,_id"), ("_count", "7"), ("_summary", "count"), ("_total", "none"), ("_format", "json")]
    query = parse_query("Observation", [*pairs, ("_include", "Observation:subject:Patient"), ("_revinclude", "Provenance:target")])
    assert [(each.name, down) for each, down in query.sort] == [("date", True), ("_id", False)]
    assert (query.count, query.summary_count, query.total, query.ignored) == (7, True, "none", [])
    assert [(each.source, each.parameter.name, each.target) for each in query.includes] == [("Observation", "subject", "Patient")]
    assert [(each.source, each.parameter.name, each.target) for each in query.reverse_includes] == [("Provenance", "target", None)]
    assert "_format" not in query.text


@pytest.mark.parametrize(
    ("pairs", "type_", "expected"),
    [
        ([("patient", "p1")], "Observation", {"p1"}),
        ([("patient", "Patient/p1,p2")], "Observation", {"p1", "p2"}),
        ([("subject", "http://ehr/fhir/Patient/p1"), ("patient:Patient", "p2")], "Observation", {"p1", "p2"}),
        ([("_id", "p1")], "Patient", {"p1"}),
        ([("_id", "o1")], "Observation", set()),
    ],
)
def test_the_patients_that_a_search_names_are_found(pairs: list[tuple[str, str]], type_: str, expected: set[str]) -> None:
    assert named_patients(pairs, type_) == expected

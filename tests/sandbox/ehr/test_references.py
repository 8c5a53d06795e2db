"""References and element paths."""

from __future__ import annotations

import pytest

from sandbox.ehr.references import local, references, rewritten, values


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("http://ehr/fhir/Patient/p1", "Patient/p1"),
        ("http://other/fhir/Patient/p1", None),
        ("http://ehr/fhirs/Patient/p1", None),
        ("#inner", None),
        ("urn:uuid:1", None),
        ("Patient?identifier=1", None),
        ("Patient/p_1", None),
        ("Patient/p1/extra", None),
        ("", None),
    ],
)
@pytest.mark.std("E3")
def test_a_reference_is_local_when_it_names_a_resource_of_this_server(reference: str, expected: str | None) -> None:
    assert local(reference, "http://ehr/fhir") == expected


def test_references_are_found_at_any_depth_and_rewritten_without_touching_the_original() -> None:
    body = {"subject": {"reference": "urn:uuid:a"}, "list": [{"x": [{"reference": "Patient/b", "display": "urn:uuid:b"}]}], "n": 1}
    assert list(references(body)) == ["urn:uuid:a", "Patient/b"]
    done = rewritten(body, {"urn:uuid:a": "Patient/a"}.get)
    assert list(references(done)) == ["Patient/a", "Patient/b"]
    assert body["subject"] == {"reference": "urn:uuid:a"}
    assert done["n"] == 1


@pytest.mark.parametrize(("path", "expected"), [("a.b", [1, 2]), ("a", [{"b": 1}, {"b": 2}]), ("a.c", []), ("a.b.c", []), ("z", [])])
def test_a_path_opens_lists_and_finds_nothing_where_there_is_nothing(path: str, expected: list[object]) -> None:
    assert list(values({"a": [{"b": 1}, {"b": 2}]}, path)) == expected

"""Of an OperationOutcome only codes are repeated, whatever stands in their place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.issues import issues_in


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        ([{"severity": "error", "code": "not-found"}], (("error", "not-found"),)),
        ([{"severity": "warning"}, {"code": "too-costly"}], (("warning", None), (None, "too-costly"))),
        ([{"severity": "Mrs CANARY", "code": "the patient CANARY"}], ((None, None),)),
        ([{"severity": 7, "code": ["error"]}], ((None, None),)),
        ([{"severity": "e", "code": "x" * 40}], ((None, None),)),
        (["error", None], ()),
        ({"severity": "error"}, ()),
        (None, ()),
    ],
)
def test_issues_are_told_by_their_codes_alone(issue: Any, expected: tuple[tuple[str | None, str | None], ...]) -> None:
    assert issues_in({"resourceType": "OperationOutcome", "issue": issue}) == expected


@given(st.text(), st.text())
def test_what_is_told_has_the_shape_of_a_code(severity: str, code: str) -> None:
    ((told_severity, told_code),) = issues_in({"issue": [{"severity": severity, "code": code}]})
    for told, given_text in ((told_severity, severity), (told_code, code)):
        assert told is None or (told == given_text and told.isascii() and told.replace("-", "").isalpha() and told == told.lower())

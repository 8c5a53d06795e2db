"""What is ever repeated of an OperationOutcome: severity and code of its issues. Everything else in it may quote the record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhir.views import objects

Issue = tuple[str | None, str | None]
"""`severity` and `code`; None for what has not the shape of a FHIR code: prose in the wrong place is not repeated either."""

_CODE = re.compile(r"[a-z][a-z-]{1,30}")
"""Shape of an IssueSeverity or IssueType code."""


def issues_in(outcome: Mapping[str, Any]) -> tuple[Issue, ...]:
    """The issues of a parsed OperationOutcome, in order.

    >>> issues_in({"issue": [{"severity": "error", "code": "Mrs Smith was not found"}]})
    (('error', None),)
    """
    return tuple((_code(issue.get("severity")), _code(issue.get("code"))) for issue in objects(outcome.get("issue")))


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None

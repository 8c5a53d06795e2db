"""What a server says went wrong, by code alone."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir.bulk.issues import UNREADABLE, Issue, is_grave, issues_of


def read(*lines: bytes, limit: int = 10_000) -> Counter[Issue]:
    async def parts() -> AsyncIterator[bytes]:
        yield b"\n".join(lines)

    return asyncio.run(issues_of(parts(), limit))


def said(*issues: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": list(issues)}).encode()


@pytest.mark.std("C3")
def test_issues_are_counted_by_severity_and_code() -> None:
    text = said(
        {"severity": "error", "code": "exception", "diagnostics": "Mrs Canary"}, {"severity": "information", "code": "informational"}
    )
    assert read(text, text) == {("error", "exception"): 2, ("information", "informational"): 2}


@pytest.mark.std("C3")
@pytest.mark.parametrize(
    "line",
    [b"<html>", b"{", b'{"resourceType":"Patient"}', said(), b'{"resourceType":"OperationOutcome"}', b"x" * 20_000, b'{"a":1,"a":2}'],
)
def test_a_line_that_is_no_outcome_counts_as_something_wrong(line: bytes) -> None:
    assert read(line) == {UNREADABLE: 1}


def test_prose_in_the_place_of_a_code_is_not_repeated() -> None:
    assert read(said({"severity": "error", "code": "Mrs Canary has left"}, {})) == {
        ("error", "unreadable"): 1,
        ("unreadable", "unreadable"): 1,
    }


@pytest.mark.parametrize(
    ("severity", "grave"),
    [("fatal", True), ("error", True), ("unreadable", True), ("disaster", True), ("warning", False), ("information", False)],
)
def test_whatever_is_neither_a_warning_nor_information_is_grave(severity: str, grave: bool) -> None:
    assert is_grave((severity, "incomplete")) is grave

"""What is no longer on the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir.bulk.deletions import deletions_of
from fhir.bulk.lines import BadLine


def read(*lines: bytes, limit: int = 10_000) -> tuple[frozenset[str], tuple[BadLine, ...]]:
    async def parts() -> AsyncIterator[bytes]:
        yield b"\n".join(lines)

    return asyncio.run(deletions_of(parts(), limit))


def gone(*urls: Any, method: str = "DELETE") -> bytes:
    entries = [{"request": {"method": method, "url": url}} for url in urls]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


@pytest.mark.std("C3")
def test_deleted_resources_are_named_whatever_the_form_of_their_url() -> None:
    found, bad = read(gone("Patient/p1", "https://ehr.example/fhir/Observation/o.1-a"), b"", gone("/Condition/c"))
    assert found == {"Patient/p1", "Observation/o.1-a", "Condition/c"}
    assert bad == ()


@pytest.mark.std("C3")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (gone("Patient/p2", "Patient?identifier=1"), "not_fhir"),
        (gone("Patient/p2", method="POST"), "not_fhir"),
        (gone("Patient/p2", 7), "not_fhir"),
        (gone(), "not_fhir"),
        (b'{"resourceType":"Patient","id":"p2"}', "not_fhir"),
        (b"<html>", "not_fhir"),
        (gone("Patient/p2")[:-1], "bad_json"),
        (gone("Patient/p2") + b" " * 20 + gone(*["Patient/p2"] * 400), "line_too_long"),
    ],
)
def test_a_line_that_says_no_such_thing_is_told_and_taken_not_even_in_part(line: bytes, code: str) -> None:
    assert read(gone("Patient/p1"), line) == ({"Patient/p1"}, (BadLine(2, code),))

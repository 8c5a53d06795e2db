"""A hash-chained JSON lines file: each line carries the hash of the line before it and its own.

A line is canonical JSON. `sha256` is the hash of the line's canonical JSON without that key, so any changed byte of a line
breaks either its own hash or its canonical form, and any line taken out, put in or moved breaks `prev`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.blobs import canonical, sha256

FIRST = "0" * 64
"""`prev` of the first line."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold. `line` counts from 1."""

    line: int
    reason: str


def link(fields: Mapping[str, Any], prev: str) -> tuple[bytes, str]:
    """One line with its newline, and its hash, which is the next line's `prev`."""
    body = {**fields, "prev": prev}
    head = sha256(canonical(body))
    return canonical({**body, "sha256": head}) + b"\n", head


def read_chain(data: bytes) -> tuple[tuple[dict[str, Any], ...], Break | None]:
    """The lines that hold, up to the first that does not, and where that is."""
    good: list[dict[str, Any]] = []
    prev = FIRST
    for number, line in enumerate(_lines(data), start=1):
        fields, reason = _check(line, prev)
        if fields is None:
            return tuple(good), Break(number, reason)
        good.append(fields)
        prev = fields["sha256"]
    return tuple(good), None


def _lines(data: bytes) -> Iterator[bytes]:
    """Lines with their newline; a tail without one is a line that will not hold."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


def _check(line: bytes, prev: str) -> tuple[dict[str, Any] | None, str]:
    try:
        fields = json.loads(line)
    except ValueError:
        return None, "is not JSON"
    if not isinstance(fields, dict) or not isinstance(fields.get("sha256"), str):
        return None, "carries no hash"
    body = {key: value for key, value in fields.items() if key not in {"sha256", "prev"}}
    if fields.get("prev") != prev:
        return None, "does not follow the line before it"
    try:
        expected = link(body, prev)[0]
    except (ValueError, UnicodeEncodeError):
        return None, "holds what canonical JSON cannot"
    return (fields, "") if expected == line else (None, "does not match its hash")

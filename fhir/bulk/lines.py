"""NDJSON as it comes: cut into lines and checked, never more held than a few hundred lines or one long one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from fhir.bundles import Item, read_document
from fhir.errors import SourceError
from fhir.jsonscan import GROUP

LINE_LIMIT = 64 * 1024 * 1024
"""Bytes of one line: a DocumentReference carries its document in it."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out."""

    line: int
    """From 1, counted as the file has them."""
    code: str
    """Of the error of `fhir.errors`, or `line_too_long`, `wrong_type`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with something on it; `text` is None when it is longer than allowed."""

    number: int
    text: bytes | None


async def lines_of(parts: AsyncIterator[bytes], limit: int = LINE_LIMIT) -> AsyncIterator[Line]:
    """Cut a body into lines; blank ones are passed over. What is held is one line, and nothing of one that is too long."""
    held, number, too_long = bytearray(), 1, False
    async for part in parts:
        start = 0
        while (end := part.find(b"\n", start)) >= 0:
            held += part[start:end]
            line = _line(number, held, too_long or len(held) > limit)
            if line is not None:
                yield line
            held, number, too_long, start = bytearray(), number + 1, False, end + 1
        held += part[start:]
        if len(held) > limit:
            held, too_long = bytearray(), True
    line = _line(number, held, too_long)
    if line is not None:
        yield line


def _line(number: int, held: bytearray, too_long: bool) -> Line | None:
    if too_long:
        return Line(number, None)
    text = bytes(held).strip()
    return Line(number, text) if text else None


async def checked(lines: AsyncIterator[Line], resource_type: str) -> AsyncIterator[Item | BadLine]:
    """The resource on every line, or why the line is left out, in order.

    A line that passes is one that `fhir.files.FileSource` takes: strict JSON, one R4 resource. Lines are looked at some hundred
    together, which is ten times as fast as one by one; where one of them is bad, they are looked at again one by one.

    Args:
        lines: What came.
        resource_type: What their file says that it holds.
    """
    waiting: list[Line] = []
    size = 0
    async for line in lines:
        waiting.append(line)
        size += len(line.text or b"")
        if size >= GROUP:
            for found in _look(waiting, resource_type):
                yield found
            waiting, size = [], 0
    for found in _look(waiting, resource_type):
        yield found


def _look(lines: list[Line], resource_type: str) -> Sequence[Item | BadLine]:
    texts = [line.text for line in lines if line.text is not None]
    with suppress(SourceError):
        items = read_document(b"\n".join(texts), lines=True).items
        if len(items) == len(lines) and all(item.header.resourceType == resource_type for item in items):
            return items
    return [_look_at(line, resource_type) for line in lines]


def _look_at(line: Line, resource_type: str) -> Item | BadLine:
    if line.text is None:
        return BadLine(line.number, "line_too_long")
    try:
        items = read_document(line.text, lines=True).items
    except SourceError as error:
        return BadLine(line.number, error.code)
    if [item.header.resourceType for item in items] != [resource_type]:
        return BadLine(line.number, "wrong_type")
    return items[0]

"""Where a quote stands in its source: element paths, and the exact text at them.

A path names an element as FHIR does, with list positions: `component[0].valueQuantity.value`. A stretch of a longer text is
named as RFC 5147 names it: `conclusion#char=0,42` (characters, end excluded). For `Attachment.data` the characters are those of
the decoded text, so that a sentence of an attached note has a place one can go back to.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from fhir.chart import Fact
from policies.evidence import Quote

_as_written = msgspec.json.Decoder(float_hook=str)
_STEP = re.compile(r"(?P<name>[A-Za-z_]\w*)(\[(?P<index>\d+)\])?")
_STRETCH = re.compile(r"#char=(?P<start>\d+),(?P<end>\d+)")


def as_written(fact: Fact) -> Mapping[str, Any]:
    """The resource with every decimal as the text it was written with (`1.00` stays `1.00`, `1e3` stays `1e3`)."""
    body: Mapping[str, Any] = _as_written.decode(fact.raw)
    return body


def text_at(body: Mapping[str, Any], path: str) -> str | None:
    """The exact text at `path` of a resource read by `as_written`; None when no primitive stands there."""
    element, marked, _ = path.partition("#")
    text = _primitive(_walk(body, element))
    if not marked or text is None:
        return text
    shape = _STRETCH.fullmatch(path, len(element))
    if shape is None:
        return None
    if element.split(".")[-1] == "data":
        text = decoded(text)
    start, end = int(shape["start"]), int(shape["end"])
    return text[start:end] if text is not None and start < end <= len(text) else None


def stands(quote: Quote, fact: Fact) -> bool:
    """Whether `quote` stands at its path in `fact`, character for character."""
    return text_at(as_written(fact), quote.path) == quote.text


def decoded(data: str) -> str | None:
    """The UTF-8 text of a base64 `Attachment.data`; None when it is not that. Spaces inside occur in the field."""
    try:
        return base64.b64decode("".join(data.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _walk(value: Any, path: str) -> Any:
    for name, position in _steps(path):
        if not isinstance(value, Mapping) or name is None:
            return None
        value = value.get(name)
        if position is not None:
            value = value[position] if isinstance(value, list) and position < len(value) else None
    return value


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[tuple[str | None, int | None], ...]:
    """Names and list positions of an element path; a step that is none has no name. A chart asks for few paths, and often."""
    return tuple(_step(step) for step in path.split("."))


def _step(step: str) -> tuple[str | None, int | None]:
    shape = _STEP.fullmatch(step)
    if shape is None:
        return None, None
    return shape["name"], None if shape["index"] is None else int(shape["index"])


def _primitive(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) and value != "" else None

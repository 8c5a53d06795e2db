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
from typing import Any

import msgspec

from fhir.chart import Fact
from policies.evidence import Quote

_as_written = msgspec.json.Decoder(float_hook=str)
_STEP = re.compile(r"(?P<name>[A-Za-z_]\w*)(\[(?P<index>\d+)\])?")
_PATH = re.compile(r"(?P<element>[^#]+)(#char=(?P<start>\d+),(?P<end>\d+))?")


def as_written(fact: Fact) -> Mapping[str, Any]:
    """The resource with every decimal as the text it was written with (`1.00` stays `1.00`, `1e3` stays `1e3`)."""
    body: Mapping[str, Any] = _as_written.decode(fact.raw)
    return body


def text_at(body: Mapping[str, Any], path: str) -> str | None:
    """The exact text at `path` of a resource read by `as_written`; None when no primitive stands there."""
    shape = _PATH.fullmatch(path)
    if shape is None:
        return None
    text = _primitive(_walk(body, shape["element"]))
    if text is None or shape["start"] is None:
        return text
    if shape["element"].split(".")[-1] == "data":
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
    for step in path.split("."):
        shape = _STEP.fullmatch(step)
        if shape is None or not isinstance(value, Mapping):
            return None
        value = value.get(shape["name"])
        if shape["index"] is not None:
            position = int(shape["index"])
            value = value[position] if isinstance(value, list) and position < len(value) else None
    return value


def _primitive(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) and value != "" else None

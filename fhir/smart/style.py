"""The EHR's colours and measures (`smart_style_url`, App Launch 2.2), let through by name and by shape alone.

What is let through ends up in a style sheet: a value that could close a declaration or load something is no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhir.errors import RecordError, TokenInvalid
from fhir.smart.questions import answered, document, json_of
from fhir.wire.wire import Wire

_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})", re.ASCII)
_LENGTH = re.compile(r"\d{1,4}(?:\.\d{1,3})?(?:px|pt|em|rem|%)?", re.ASCII)
_FAMILY = r"(?:[A-Za-z][A-Za-z0-9 -]{0,40}|'[A-Za-z][A-Za-z0-9 -]{0,40}'|\"[A-Za-z][A-Za-z0-9 -]{0,40}\")"
_FONTS = re.compile(rf"{_FAMILY}(?:, ?{_FAMILY}){{0,9}}", re.ASCII)

SHAPES: Mapping[str, re.Pattern[str]] = {
    "color_background": _COLOUR,
    "color_error": _COLOUR,
    "color_highlight": _COLOUR,
    "color_modal_backdrop": _COLOUR,
    "color_success": _COLOUR,
    "color_text": _COLOUR,
    "dim_border_radius": _LENGTH,
    "dim_font_size": _LENGTH,
    "dim_spacing_size": _LENGTH,
    "font_family_body": _FONTS,
    "font_family_heading": _FONTS,
}
"""The keys of the standard, and what their values look like."""


def sanitised(body: Mapping[str, Any]) -> dict[str, str]:
    """Those values of a style document that have a known key and its shape.

    >>> sanitised({"color_text": "#123456", "color_error": "red;} body{display:none", "other": "1px"})
    {'color_text': '#123456'}
    """
    return {name: body[name] for name, shape in SHAPES.items() if isinstance(body.get(name), str) and shape.fullmatch(body[name])}


async def fetched(wire: Wire, url: str) -> dict[str, str]:
    """The style at a `smart_style_url`; empty when it cannot be had or is no JSON: a page looks well without it.

    The URL has passed `fhir.smart.context`: https, or this machine. The wire asks only the EHR's own origins.
    """
    try:
        answer = await answered(wire, document(url), TokenInvalid)
        return sanitised(json_of(answer, TokenInvalid)) if answer.status == 200 else {}
    except RecordError:
        return {}

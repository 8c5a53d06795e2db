"""The scripts and styles of the chart pages: an explicit table, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
NAMES = (
    "chart.css",
    "chart.js",
    "dom.js",
    "icon.svg",
    "launch.js",
    "messages.js",
    "page.js",
    "panel.js",
    "patients.js",
    "post.js",
    "server.js",
    "switching.js",
    "theme.js",
)


@cache
def file(name: str) -> tuple[bytes, str] | None:
    """A file's content and media type; None for a name that is not in the table."""
    return ((_FOLDER / name).read_bytes(), _KINDS[Path(name).suffix]) if name in NAMES else None

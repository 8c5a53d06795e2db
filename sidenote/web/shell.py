"""The files of the page, from an explicit table: read once, named by their hash, and nothing else of any folder is served."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

FILES: Mapping[str, str] = {
    name: "text/css" if name.endswith(".css") else "text/javascript"
    for name in (
        *("main.js", "context.js", "session.js", "stream.js", "messages.js", "dom.js", "theme.js", "ended.js"),
        *("banner.js", "progress.js", "cards.js", "decide.js", "evidence.js", "ask.js", "foot.js"),
        *("viewer.js", "pixels.js", "heat.js", "gestures.js", "priors.js", "voices.js", "similar.js", "policies.js", "missing.js"),
        *("parts.js", "regions.js", "reading.js", "model_card.js", "tokens.css", "sidebar.css", "viewer.css", "parts.css"),
    )
}
"""Name -> media type."""
INDEX = "index.html"
_HERE = '"./static/'
"""How the shell names its files; a page one folder deeper finds them one folder up."""


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    content: bytes
    packed: bytes
    """The same by gzip: a third of it, made once."""
    media_type: str
    etag: str


class Shell:
    """The page and its files."""

    def __init__(self) -> None:
        """Read them all.

        Raises:
            FileNotFoundError: one of them is missing.
        """
        folder = files("sidenote.web") / "static"
        self.files = {name: _file((folder / name).read_bytes(), kind) for name, kind in FILES.items()}
        self._index = (folder / INDEX).read_text("utf-8")

    def page(self, up: str = "./") -> str:
        """The HTML of the page; `up` leads from its folder to ours."""
        return self._index.replace(_HERE, f'"{up}static/')


def _file(content: bytes, media_type: str) -> File:
    return File(content, gzip.compress(content, mtime=0), media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

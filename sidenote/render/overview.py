"""A page that lists reviews and links to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from sidenote.render.html import csp_hash, environment
from sidenote.render.layout import NOT_A_DEVICE


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One review in the list. `page` is relative to the list."""

    patient: str
    story: str
    status: str
    status_words: str
    fired: str
    page: str


def overview(title: str, lead: str, rows: Sequence[OverviewRow]) -> str:
    """The list as one self-contained page."""
    here = files("sidenote.render")
    style = (here / "page.css").read_text("utf-8")
    template = environment().from_string((here / "overview.html.jinja").read_text("utf-8"))
    return template.render(title=title, lead=lead, rows=rows, style=style, style_hash=csp_hash(style), not_a_device=NOT_A_DEVICE)

"""The card's figures as pictures: how far stated probabilities came true, and how wrong the model is when it answers less.

Each picture is a plot for each finding. A page lays the plots out by its width; a file holds them all in three columns. They are
light or dark as the page around them is, on a ground of their own, so that they can be read where nobody says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fhir.codes import FINDING
from tools.med_vlm.compact.card import Card, FindingMeasured

RELIABILITY, RISK = "reliability.svg", "risk-coverage.svg"
_WIDTH, _HEIGHT, _SIDE, _LEFT, _TOP = 152, 140, 112, 32, 8
"""Of a plot and of the square in it, in pixels."""
_COLUMNS, _ACROSS, _DOWN, _MARGIN, _LINE, _CAPTION = 3, 200, 208, 20, 17, 38
"""Of the sheet; from plot to plot there is room for the longest name of a finding."""
_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #55636f }
.name { font-size: 13px; font-weight: 600; fill: #15202b }
.title { font-size: 17px; font-weight: 600; fill: #15202b }
.ground { fill: #ffffff }
.grid { fill: none; stroke: #dde3e8 }
.ideal { stroke: #7d8a96; stroke-dasharray: 4 3 }
.line { fill: none; stroke: #0b6068; stroke-width: 2; stroke-linejoin: round }
.dot { fill: #0b6068; stroke: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #9aa8b5 }
.name, .title { fill: #e6ebf0 }
.ground { fill: #161c22 }
.grid { stroke: #2a333c }
.ideal { stroke: #6b7985 }
.line { stroke: #6cc5cd }
.dot { fill: #6cc5cd; stroke: #161c22 }
}
</style>"""
"""The sidebar's colours."""

_RELIABILITY_WORDS = (
    "Across: the probability that was stated.",
    "Upright: the share of images that had the finding.",
    "On the broken line both agree. A larger dot stands for more images.",
)
_RISK_WORDS = (
    "Across: the share of images answered, the surest first.",
    "Upright: the share of these answered wrongly.",
    "The broken line stands at the share on which the model commits itself.",
)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot, without its title and note. `alt` says its figures in words."""

    title: str
    note: str
    alt: str
    plot: tuple[str, ...]
    """Elements of SVG."""

    @property
    def svg(self) -> str:
        """The plot alone, as a picture."""
        return _picture(_WIDTH, _HEIGHT, self.plot)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: sentences on how to read it, its plots, and all of it as one file."""

    file: str
    title: str
    words: tuple[str, ...]
    panels: tuple[Panel, ...]

    @property
    def svg(self) -> str:
        """All plots in three columns, under the title."""
        return _sheet(self)


@dataclass(frozen=True, slots=True)
class _Plot:
    """Points in 0..1, joined in order; `ideal` is a broken line between two points, in 0..1 of the square."""

    points: tuple[Point, ...]
    radii: tuple[float, ...]
    ideal: tuple[Point, Point]
    highest: float = 1.0
    """Of the upright axis."""


def drawings(findings: Sequence[FindingMeasured]) -> tuple[Drawing, ...]:
    """The two pictures of a card's findings; none where nothing was measured that could be drawn."""
    highest = _highest(findings)
    reliable = tuple(_reliability(one) for one in findings if one.reliability)
    risky = tuple(_risk(one, highest) for one in findings if one.risk_coverage)
    made = (
        Drawing(RELIABILITY, "Reliability", _RELIABILITY_WORDS, reliable),
        Drawing(RISK, "Risk and coverage", _RISK_WORDS, risky),
    )
    return tuple(drawing for drawing in made if drawing.panels)


def write_pictures(card: object, folder: Path) -> tuple[Path, ...]:
    """Write the pictures of a card into `folder`; a card without measurements has none.

    Raises:
        OSError: the folder cannot be written.
    """
    found = drawings(card.findings) if isinstance(card, Card) else ()
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        (folder / one.file).write_text(one.svg, encoding="utf-8")
    return tuple(folder / one.file for one in found)


def _reliability(one: FindingMeasured) -> Panel:
    most = max(count for _, _, count in one.reliability)
    radii = tuple(2 + 4 * (count / most) ** 0.5 for _, _, count in one.reliability)
    plot = _Plot(tuple((stated, seen) for stated, seen, _ in one.reliability), radii, ((0, 0), (1, 1)))
    told = "; ".join(f"{stated:.2f} stated, {seen:.2f} had it, {count} images" for stated, seen, count in one.reliability)
    return _panel(one, f"calibration error {one.calibration_error:.3f}", told, plot)


def _risk(one: FindingMeasured, highest: float) -> Panel:
    plot = _Plot(one.risk_coverage, (2.5,) * len(one.risk_coverage), ((one.decided, 0), (one.decided, 1)), highest)
    told = "; ".join(f"{answered:.2f} answered, {wrong:.2f} of them wrongly" for answered, wrong in one.risk_coverage)
    return _panel(one, f"decided {one.decided:.2f} of images", told, plot)


def _panel(one: FindingMeasured, note: str, told: str, plot: _Plot) -> Panel:
    name = FINDING[one.key].display
    name = f"{name[:1].upper()}{name[1:]}"
    return Panel(name, note, f"{name}: {told}.", tuple(_drawn(plot)))


def _highest(findings: Sequence[FindingMeasured]) -> float:
    """One scale for all plots, so that they can be compared: the highest risk, rounded up to a twentieth."""
    worst = max((risk for one in findings for _, risk in one.risk_coverage), default=0.0)
    return max(0.05, round(-(-worst // 0.05) * 0.05, 2))


def _drawn(plot: _Plot) -> Iterator[str]:
    right, bottom, middle = _LEFT + _SIDE, _TOP + _SIDE, _SIDE / 2
    yield f'<rect class="grid" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>'
    yield f'<path class="grid" d="M{_LEFT} {_TOP + middle:g}h{_SIDE}M{_LEFT + middle:g} {_TOP}v{_SIDE}"/>'
    (x1, y1), (x2, y2) = (_place(point, 1.0) for point in plot.ideal)
    yield f'<line class="ideal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
    placed = [_place(point, plot.highest) for point in plot.points]
    yield f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)}"/>'
    for (x, y), radius in zip(placed, plot.radii, strict=True):
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
    yield _text(_LEFT - 6, _TOP + 9, f"{plot.highest:g}", anchor="end")
    yield _text(_LEFT - 6, bottom, "0", anchor="end")
    yield _text(_LEFT, bottom + 15, "0")
    yield _text(_LEFT + middle, bottom + 15, "0.5", anchor="middle")
    yield _text(right, bottom + 15, "1", anchor="end")


def _place(point: Point, highest: float) -> Point:
    return _LEFT + point[0] * _SIDE, _TOP + _SIDE * (1 - min(point[1] / highest, 1))


def _sheet(drawing: Drawing) -> str:
    rows = -(-len(drawing.panels) // _COLUMNS)
    width = 2 * _MARGIN + _COLUMNS * _ACROSS
    head = 2 * _MARGIN + _LINE * (1 + len(drawing.words))
    title = f"<title>{escape(drawing.title)}</title>"
    words = [_text(_MARGIN, 2 * _MARGIN + _LINE * line, said) for line, said in enumerate(drawing.words, start=1)]
    plots = [line for number, panel in enumerate(drawing.panels) for line in _placed(panel, *divmod(number, _COLUMNS), head)]
    height = head + rows * _DOWN
    return _picture(width, height, [title, _text(_MARGIN, 2 * _MARGIN, drawing.title, "title"), *words, *plots])


def _placed(panel: Panel, row: int, column: int, head: int) -> Iterator[str]:
    """A plot at its place on the sheet, under its name and note."""
    x, y = _MARGIN + column * _ACROSS, head + row * _DOWN
    yield f'<g transform="translate({x} {y})">'
    yield _text(0, 12, panel.title, "name")
    yield _text(0, 12 + _LINE, panel.note)
    yield f'<g transform="translate(0 {_CAPTION})">'
    yield from panel.plot
    yield "</g></g>"


def _picture(width: int, height: int, body: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    ground = f'<rect class="ground" width="{width}" height="{height}"/>'
    return "\n".join([head, _STYLE, ground, *body, "</svg>", ""])


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'

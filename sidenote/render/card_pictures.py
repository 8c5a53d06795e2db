"""The card's figures as pictures: how far stated probabilities came true, and how wrong the model is when it answers less."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fhir.codes import FINDING
from tools.med_vlm.compact.card import Card, FindingMeasured

RELIABILITY, RISK = "reliability.svg", "risk-coverage.svg"
_SIDE, _LEFT, _TOP, _GAP_X, _GAP_Y, _COLUMNS = 150, 46, 66, 34, 62, 5
_INK, _SOFT, _FAINT, _MARK = "#1c2430", "#5b6675", "#d9dee5", "#0b6bcb"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One small plot: points in 0..1, joined in order; `sizes` of the dots, in pixels."""

    title: str
    note: str
    points: tuple[Point, ...]
    sizes: tuple[float, ...]
    highest: float = 1.0
    """Of the upright axis."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with its words."""

    file: str
    title: str
    alt: str
    svg: str


def drawings(findings: Sequence[FindingMeasured]) -> tuple[Drawing, ...]:
    """The two pictures of a card's findings; none where nothing was measured that could be drawn."""
    reliable = [_reliability(one) for one in findings if one.reliability]
    risky = [_risk(one, _highest(findings)) for one in findings if one.risk_coverage]
    made: list[Drawing] = []
    if reliable:
        words = ("Reliability", "probability that was stated", "share that had it")
        alt = "For each finding, the share of images that had it against the probability stated; on the diagonal both agree."
        made.append(Drawing(RELIABILITY, words[0], alt, _svg(words, reliable, diagonal=True)))
    if risky:
        words = ("Risk and coverage", "share of images answered, surest first", "share of these answered wrongly")
        alt = "For each finding, the share answered wrongly against the share of images answered, the surest answers first."
        made.append(Drawing(RISK, words[0], alt, _svg(words, risky, diagonal=False)))
    return tuple(made)


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
    sizes = tuple(2 + 5 * (count / most) ** 0.5 for _, _, count in one.reliability)
    note = f"calibration error {one.calibration_error:.3f}"
    return Panel(FINDING[one.key].display, note, tuple((stated, seen) for stated, seen, _ in one.reliability), sizes)


def _risk(one: FindingMeasured, highest: float) -> Panel:
    note = f"decided {one.decided:.2f} of images"
    return Panel(FINDING[one.key].display, note, one.risk_coverage, (2.0,) * len(one.risk_coverage), highest)


def _highest(findings: Sequence[FindingMeasured]) -> float:
    """One scale for all panels, so that they can be compared: the highest risk, rounded up to a twentieth."""
    worst = max((risk for one in findings for _, risk in one.risk_coverage), default=0.0)
    return max(0.05, -(-worst // 0.05) * 0.05)


def _svg(words: tuple[str, str, str], panels: Sequence[Panel], *, diagonal: bool) -> str:
    rows = -(-len(panels) // _COLUMNS)
    width = _LEFT + min(_COLUMNS, len(panels)) * (_SIDE + _GAP_X)
    height = _TOP + rows * (_SIDE + _GAP_Y)
    title, across, upright = words
    body = [line for number, panel in enumerate(panels) for line in _panel(panel, *_corner(number), diagonal=diagonal)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">'
    texts = [_text(12, 24, title, 18, _INK, weight=600), _text(12, 44, f"Across: {across}. Upright: {upright}.", 13, _SOFT)]
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *texts, *body, "</svg>", ""])


def _corner(number: int) -> tuple[float, float]:
    row, column = divmod(number, _COLUMNS)
    return _LEFT + column * (_SIDE + _GAP_X), _TOP + 22 + row * (_SIDE + _GAP_Y)


def _panel(panel: Panel, x: float, y: float, *, diagonal: bool) -> Iterable[str]:
    yield _text(x, y - 6, panel.title, 13, _INK, weight=600)
    yield f'<rect x="{x}" y="{y}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="{_FAINT}"/>'
    if diagonal:
        yield f'<line x1="{x}" y1="{y + _SIDE}" x2="{x + _SIDE}" y2="{y}" stroke="{_FAINT}" stroke-dasharray="4 3"/>'
    placed = [(x + u * _SIDE, y + _SIDE * (1 - min(v / panel.highest, 1))) for u, v in panel.points]
    line = " ".join(f"{left:.1f},{top:.1f}" for left, top in placed)
    yield f'<polyline points="{line}" fill="none" stroke="{_MARK}" stroke-width="1.5"/>'
    for (left, top), size in zip(placed, panel.sizes, strict=True):
        yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{size:.1f}" fill="{_MARK}" fill-opacity="0.7"/>'
    yield _text(x - 4, y + 9, f"{panel.highest:g}", 11, _SOFT, anchor="end")
    yield _text(x - 4, y + _SIDE, "0", 11, _SOFT, anchor="end")
    yield _text(x + _SIDE, y + _SIDE + 14, "1", 11, _SOFT, anchor="end")
    yield _text(x, y + _SIDE + 14, panel.note, 11, _SOFT)


def _text(x: float, y: float, text: str, size: int, colour: str, *, weight: int = 400, anchor: str = "start") -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'

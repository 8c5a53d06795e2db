"""A model card on the terminal: tables a reader can take in, with the cautions first."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fhir.codes import FINDING
from tools.med_vlm.compact.card import Card, Estimate, FindingMeasured


def render_card(card: Card) -> Group:
    """The whole card as one rich renderable."""
    parts: list[RenderableType] = [
        Text(f"{card.name} {card.version}  {card.licence}", style="bold"),
        Text(card.summary),
        Panel("\n".join(card.cautions), title="Read this first", border_style="yellow"),
        _made(card),
        Text(),
        _findings(card),
        Text(),
        _elsewhere(card),
        Text(),
        _refusals(card),
        Text(),
        _attributes(card),
    ]
    return Group(*parts)


def shown(value: Estimate | None) -> str:
    """An estimate with its interval, or a dash."""
    if value is None or value.value is None:
        return "–"
    return f"{value.value:.3f} ({value.low:.2f}–{value.high:.2f})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        # on a narrow terminal names are broken between words first, since half an interval is none
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _made(card: Card) -> Table:
    made = card.training
    table = Table.grid(padding=(0, 2))
    rows = (
        ("data", made.data),
        ("examples", f"{made.train} to train, {made.held_out} to choose the epoch, {made.calibration} to calibrate, {made.test} to test"),
        ("training", f"{made.pixels} pixels, epoch {made.best_epoch} of {made.epochs}, {made.minutes} minutes, seed {made.seed}"),
        ("command", made.command),
        *(("remark", text) for text in made.remarks),
        ("view", f"{shown(card.view_accuracy)} named rightly"),
        ("retrieval", _retrieval(card)),
    )
    for name, text in rows:
        table.add_row(Text(name, style="dim"), text)
    return table


def _retrieval(card: Card) -> str:
    found = card.retrieval
    return (
        f"a report of the same meaning is first for {found.first:.2f} of {found.total} images "
        f"(chance {found.chance_first:.2f}), among the first ten for {found.first_ten:.2f}"
    )


def _findings(card: Card) -> Table:
    columns = ("finding", "AUROC (95 %)", "cal. error", "covered", "decided", "side", "points (chance)", "region")
    table = _table("On held-out phantoms", *columns)
    for one in card.findings:
        table.add_row(*_finding_row(one))
    return table


def _finding_row(one: FindingMeasured) -> tuple[str, ...]:
    side = _share(None if one.side_accuracy is None else one.side_accuracy.value)
    points = f"{_share(one.pointing.value)} ({_share(one.pointing_chance)})"
    return (
        FINDING[one.key].display,
        shown(one.auroc),
        f"{one.calibration_error:.3f}",
        _share(one.coverage),
        _share(one.decided),
        side,
        points,
        "shown" if one.localised else "withheld",
    )


def _elsewhere(card: Card) -> RenderableType:
    if not card.external:
        return Text("Not measured on real radiographs.", style="dim")
    table = _table(
        "On real radiographs, as if it had not abstained", "images", "its label", "our finding", "AUROC (95 % interval)", "carriers"
    )
    for one in card.external:
        carriers = f"{one.auroc.positives} of {one.auroc.total}"
        table.add_row(one.images, one.labelled, FINDING[one.finding].display, shown(one.auroc), carriers)
    return table


def _refusals(card: Card) -> Table:
    table = _table("Refused to read", "images", "refused", "share")
    for one in card.refusals:
        table.add_row(one.images, f"{one.refused} of {one.total}", f"{one.refused / max(1, one.total):.3f}")
    return table


def _attributes(card: Card) -> Table:
    table = _table("Source attributes (45 CFR 170.315(b)(11)(iv)(B))", "attribute", "value")
    table.columns[1].justify = "left"
    for name, text in card.attributes.items():
        table.add_row(name.replace("_", " "), text)
    return table

"""A model card on the terminal: tables a reader can take in, with the cautions first."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sidenote.render import model_card as rows
from sidenote.render.legible import legible
from tools.med_vlm.compact.card import Card
from tools.med_vlm.site_card import SiteCard


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


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        # on a narrow terminal names are broken between words first, since half an interval is none
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _made(card: Card) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")  # addresses in credits are longer than a narrow terminal
    for name, text in rows.made_rows(card):
        table.add_row(Text(name, style="dim"), text)
    return table


def _findings(card: Card) -> Table:
    table = _table("On held-out phantoms", *rows.FINDING_COLUMNS)
    for one in card.findings:
        table.add_row(*rows.finding_row(one))
    return table


def _elsewhere(card: Card) -> RenderableType:
    if not card.external:
        return Text(rows.NOTHING_ELSEWHERE, style="dim")
    table = _table(rows.ELSEWHERE_TITLE, "images", "its label", "our finding", "AUROC (95 % interval)", "carriers")
    for row in rows.elsewhere_rows(card):
        table.add_row(*row)
    return table


def _refusals(card: Card) -> Table:
    table = _table("Refused to read", "images", "refused", "share")
    for row in rows.refusal_rows(card):
        table.add_row(*row)
    return table


def _attributes(card: Card) -> Table:
    table = _table(rows.ATTRIBUTES_TITLE, "attribute", "value")
    table.columns[1].justify = "left"
    for row in rows.attribute_rows(card):
        table.add_row(*row)
    return table


def render_site_card(name: str, card: SiteCard) -> Group:
    """The card of a model that the site brought. Its words are its publisher's: shown as they are, and obeyed by no terminal."""
    card = legible(card)
    table = _table(rows.ATTRIBUTES_TITLE, "attribute", "value")
    table.columns[1].justify = "left"
    for attribute, said in rows.named_attributes(card.attributes):
        table.add_row(attribute, Text(said))
    caution = Panel(Text("\n".join(card.cautions)), title="Read this first", border_style="yellow")
    return Group(Text(name, style="bold"), Text(card.summary), caution, table)

"""`sidenote index search`: similar cases by an image, a text, or both."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from sidenote.commands.index.options import ENCODER, JSON, LIBRARY, asked_milvus, at_milvus, cards_url, encoder_of, folder_of
from sidenote.problems import refusals
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from retrieval.cards import Neighbour, Present, Query, SearchResult

FILTERS = {
    "modality": ("modalities", "DICOM Modality, e.g. DX"),
    "body-part": ("body_parts", "Body Part Examined, e.g. CHEST"),
    "view": ("views", "View Position, e.g. PA"),
    "age-band": ("age_bands", "ten-year band, e.g. 60-69"),
    "sex": ("sexes", "female, male, other or unknown"),
    "site": ("sites", "site of the archive"),
    "licence": ("licences", "licence of the case"),
}
"""Option -> (field of `retrieval.cards.Filter`, what it takes)."""


def _filters(command: Any) -> Any:
    for option, (field, words) in reversed(FILTERS.items()):
        command = click.option(f"--{option}", field, multiple=True, help=f"Only this {words}; repeat for more.")(command)
    return command


@click.command()
@click.option("--image", type=click.Path(path_type=Path, dir_okay=False), help="DICOM, PNG or JPEG file to search by.")
@click.option("--text", help="Report text to search by.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="No case later than this day; default: today.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="No case before this day.")
@click.option("-k", type=click.IntRange(1, 100), default=5, show_default=True)
@_filters
@click.option("--finding", "findings", multiple=True, help="What the present case shows, e.g. nodule; default: what the text states.")
@LIBRARY
@at_milvus
@ENCODER
@JSON
def search(image: Path | None, text: str | None, library: Path | None, encoder: str | None, form: str, **asked: Any) -> None:
    """Find similar cases by an image, a text, or both."""
    words = (text or "").strip() or None
    if image is None and words is None:
        raise click.UsageError("give --image FILE, --text TEXT, or both")
    with refusals():
        named = {name: asked.pop(name) for name in ("uri", "collection", "token_file")}
        result = _search(image, words, _open(library, **named), encoder_of(encoder), asked)
    click.echo(json.dumps(_result(result), indent=2)) if form == "json" else _show(result)


class _Open(Protocol):
    """A library that is asked once."""

    def search(self, query: Query) -> SearchResult: ...

    def close(self) -> None: ...


def _open(library: Path | None, **named: Any) -> Callable[[str], _Open]:
    """Opens the library that was named, or the one that reviews ask, for an encoder's fingerprint."""
    place = asked_milvus(library, **named)
    if place is not None:
        return place.open
    from retrieval.library import open_library

    return lambda fingerprint: open_library(folder_of(library), fingerprint, last_good_instead=True, cards_url=cards_url())


def _search(image: Path | None, text: str | None, opener: Callable[[str], _Open], name: str, asked: dict[str, Any]) -> SearchResult:
    from sidenote.encoders import encoder_named

    encoder = encoder_named(name, load_settings().model_folder)
    opened = opener(encoder.fingerprint)
    try:
        return opened.search(_query(image, text, encoder, asked))
    finally:
        opened.close()


def _query(image: Path | None, text: str | None, encoder: Any, asked: dict[str, Any]) -> Query:
    from retrieval.cards import Filter, Query
    from retrieval.keys import check_image, difference_hash
    from sidenote.archives.pictures import read_any_picture

    pixels = None if image is None else read_any_picture(image)
    if pixels is not None:
        check_image(pixels)
    sets = {field: frozenset(asked[field]) or None for field, _ in FILTERS.values()}
    return Query(
        image=None if pixels is None else encoder.images([pixels])[0],
        text=None if text is None else encoder.texts([text])[0],
        as_of=_day(asked["as_of"]) or datetime.now(UTC).date(),
        k=asked["k"],
        image_hash=None if pixels is None else difference_hash(pixels),
        only=Filter(**sets, since=_day(asked["since"])),
        present=_present(text, asked["findings"]),
    )


def _present(text: str | None, named: tuple[str, ...]) -> Present:
    """The present case's findings: those that are named, else those that the text states."""
    from retrieval.cards import Present
    from tools.labeler import label

    if named or text is None:
        return Present(findings=frozenset(named))
    stated = label(text)
    sides = frozenset((one.key, one.side) for one in stated if one.side)
    places = frozenset((one.key, one.location) for one in stated if one.location)
    return Present(findings=frozenset(one.key for one in stated), sides=sides, locations=places)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _result(result: SearchResult) -> dict[str, Any]:
    shown = {name: getattr(result, name) for name in result.__dataclass_fields__ if name != "neighbours"}
    return {**shown, "excluded": dict(result.excluded), "neighbours": [_neighbour(one) for one in result.neighbours]}


def _neighbour(neighbour: Neighbour) -> dict[str, Any]:
    card = neighbour.card
    plain = ("key", "modality", "body_part", "view", "age_band", "sex", "site", "report", "licence", "consent", "outcome")
    return {
        "distance": neighbour.distance,
        "shared": neighbour.shared,
        "differs": neighbour.differs,
        "year": card.year,
        "findings": [{"key": finding.key, "side": finding.side, "location": finding.location} for finding in card.findings],
        **{name: getattr(card, name) for name in plain},
    }


def _show(result: SearchResult) -> None:
    from rich.console import Console
    from rich.table import Table

    from retrieval.finding_words import told

    console = Console(highlight=False)
    if result.notice:
        console.print(f"[bold yellow]{result.notice}")
    console.print(f"[bold]{result.reason}[/] · searched {result.searched}, {result.plan} ({result.plan_reason})")
    for reason, count in result.excluded:
        console.print(f"left out: {count} x {reason}")
    table = Table("distance", "case", "findings", "shares", "differs")
    for one in result.neighbours:
        findings = ", ".join(told(finding) for finding in one.card.findings) or "none"
        table.add_row(f"{one.distance:.2f}", f"{one.card.key[:8]} {one.card.year}", findings, "; ".join(one.shared), "; ".join(one.differs))
    if result.neighbours:
        console.print(table)

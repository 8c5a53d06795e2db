"""`sidenote record show|verify|replay ID`: what a review was made of, whether it is untouched, and making it again offline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.replay import Replayed, ReplayParts
    from agent.review import Review
    from agent.verify import SealedRecord

CHANGED = 3
"""Exit code: the record does not verify, or the replay differs."""

_records = click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of flight records; default: the configured one.",
)


@click.group()
def record() -> None:
    """Show, verify and replay flight records."""


@record.command()
@click.argument("review_id")
@_records
def show(review_id: str, records: Path | None) -> None:
    """Show the steps of a review and what came out. The record is verified first."""
    from agent.replay import recorded_review
    from agent.verify import open_record
    from sidenote.problems import refusals

    with refusals(review_id):
        sealed = open_record(_folder(records), review_id)
        _print_record(sealed, recorded_review(sealed))


@record.command()
@click.argument("review_id")
@_records
def verify(review_id: str, records: Path | None) -> None:
    """Check every line and blob of a record; name the first that was changed."""
    from agent.verify import verify as check
    from sidenote.problems import refusals

    with refusals(review_id):
        result = check(_folder(records), review_id)
    if not result.whole:
        click.echo(f"CHANGED  {result.where}: {result.reason}")
        sys.exit(CHANGED)
    click.echo(f"whole    {result.lines} lines, {result.blobs} blobs")


@record.command()
@click.argument("review_id")
@_records
@click.option("--rules", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Folder of other policy rules.")
def replay(review_id: str, records: Path | None, rules: Path | None) -> None:
    """Make the review again from its record alone and compare, byte for byte. Needs no server, model or index."""
    from agent.replay import replay as again
    from sidenote.problems import refusals

    with refusals(review_id):
        done = again(_folder(records), review_id, _parts(rules))
    _print_replay(done)
    if not done.equal:
        sys.exit(CHANGED)


def _folder(records: Path | None) -> Path:
    from sidenote.settings import load_settings

    return records if records is not None else load_settings().records_folder


def _parts(rules: Path | None) -> ReplayParts:
    from sidenote.settings import load_settings
    from sidenote.wiring import replay_parts

    settings = load_settings()
    return replay_parts(settings if rules is None else settings.model_copy(update={"rules": rules}))


def _print_record(sealed: SealedRecord, review: Review) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sidenote.render.legible import legible

    console, review = Console(), legible(review)
    console.print(Text.assemble((review.review_id, "bold"), f"  {review.status}  {review.patient.reference}  as of {review.as_of}"))
    steps = Table("#", "step", "ms", "kept", "hash", box=None, header_style="dim")
    for line in sealed.lines:
        kept = ", ".join((*line.get("inputs", {}), *line.get("outputs", {})))
        steps.add_row(str(line["seq"]), line["step"], f"{line['ms']:.1f}" if "ms" in line else "", kept, line["sha256"][:12])
    console.print(steps)
    for claim in review.claims:
        console.print(Text.assemble(f"  {claim.id}  {claim.text}  ", (" ".join(claim.evidence), "dim")))
    for withheld in review.withheld:
        console.print(Text(f"  withheld {withheld.claim.id}: {withheld.reason}", style="dim"))
    for policy in review.policies:
        if policy.outcome != "clear":
            console.print(Text(f"  {policy.id}  {policy.outcome} → {policy.action}: {policy.message}"))


def _print_replay(done: Replayed) -> None:
    for result in done.compared:
        click.echo(f"{'same' if result.equal else 'DIFFERS':8} {result.name:10} {result.recorded[:12]} {result.again[:12]}")
    for name in done.changed:
        click.echo(f"note     {name} changed since the record was written")

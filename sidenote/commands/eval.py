"""`sidenote eval`: how good the parts are, measured on phantoms and on data at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.problems import DEFECT, refusals
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from evaluation.case_sets import CaptionSet, CaseSet
    from evaluation.retrieval import RetrievalStudy

PHANTOMS_PER_QUERY = 4
CAPTIONS_PER_QUERY = 5


@click.group("eval")
def eval() -> None:
    """Measure how good the parts are. No figure is clinical validity."""


@eval.command()
@click.option(
    "--kit", type=click.Path(path_type=Path, file_okay=False), help="Folder of openly licensed test data: its sets are measured too."
)
@click.option("--cases", type=click.Path(path_type=Path, file_okay=False), help="A folder with cases.jsonl to be measured too.")
@click.option("--encoder", help="Who embeds; default: as configured.")
@click.option("--queries", type=click.IntRange(20, 10_000), default=150, show_default=True, help="Held-out cases to ask with, of each set.")
@click.option("--format", "form", type=click.Choice(["terminal", "json", "md"]), default="terminal", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the study to this file.")
@click.option("--gate", is_flag=True, help="Fail when a floor is missed: a leak, less coverage than stated, no better than chance.")
def retrieval(kit: Path | None, cases: Path | None, encoder: str | None, queries: int, form: str, out: Path | None, gate: bool) -> None:
    """Measure the search for similar cases: libraries are built, asked by cases they do not hold, and thrown away."""
    with refusals(), _progress() as tell:
        study = _study(kit, cases, encoder, queries, tell)
    text = _rendered(study, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        from sidenote.render.write import write_whole

        with refusals():
            write_whole(out, text)
    _judge(study, gate)


def _study(
    kit: Path | None, cases: Path | None, encoder: str | None, queries: int, tell: Callable[[str, int, int | None], None]
) -> RetrievalStudy:
    from evaluation.retrieval import study
    from sidenote.encoders import encoder_named

    settings = load_settings()
    name = encoder or settings.encoder
    embedder = encoder_named(name, settings.model_folder)
    sets: list[CaseSet] = []
    captions: CaptionSet | None = None
    if kit is not None:
        from evaluation.kit import captions as captions_of
        from evaluation.kit import kit_sets

        sets += kit_sets(kit)
        captions = captions_of(kit, queries * CAPTIONS_PER_QUERY)
    if cases is not None:
        sets.append(_archive(cases))
    sets.insert(0, _phantoms(queries * PHANTOMS_PER_QUERY, tell))
    return study(sets, captions, embedder, name=name, queries=queries, tell=tell)


def _phantoms(count: int, tell: Callable[[str, int, int | None], None]) -> CaseSet:
    from evaluation.case_sets import CaseSet
    from sidenote.library import PHANTOM_SEED, phantom_cases, phantom_keyring

    drawn = []
    for case in phantom_cases(count):
        drawn.append(case)
        tell("phantoms: drawing", len(drawn), count)
    words = f"made-up chest radiographs and reports, seed {PHANTOM_SEED}, which no shipped model was trained on; every finding is known"
    return CaseSet("Phantoms", words, phantom_keyring(), tuple(drawn), held_to_rank=True)


def _archive(folder: Path) -> CaseSet:
    """The cases of an archive under keys that nobody can make again: the library lives no longer than the study."""
    import secrets

    from evaluation.case_sets import CaseSet
    from retrieval.archive.cases import read_cases
    from retrieval.cards import SourceCase
    from retrieval.keys import Keyring
    from tools.labeler import label

    keyring = Keyring(secrets.token_bytes(32), secrets.token_bytes(16))
    read = list(read_cases(folder, keyring, label=label))
    kept = tuple(case for case in read if isinstance(case, SourceCase))
    words = (
        f"an archive of {len(read)} cases, {len(read) - len(kept)} of them unreadable; findings as the archive names them, else by rules"
    )
    return CaseSet("Archive", words, keyring, kept)


def _rendered(study: RetrievalStudy, form: str) -> str:
    from rich.console import Console

    from sidenote.render.study import as_json, as_markdown, show

    if form == "json":
        return as_json(study) + "\n"
    if form == "md":
        return as_markdown(study)
    console = Console(highlight=False)
    with console.capture() as captured:
        show(study, console)
    return captured.get()


def _judge(study: RetrievalStudy, gate: bool) -> None:
    from evaluation.gates import missed

    if gate and (words := missed(study)):
        click.echo("\n".join(words), err=True)
        sys.exit(DEFECT)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """What to tell of each step: a bar in a terminal, elsewhere a line for each step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        told: set[str] = set()

        def line(step: str, count: int, total: int | None) -> None:
            if step not in told:
                told.add(step)
                click.echo(step, err=True)

        yield line
        return
    columns = (TextColumn("{task.description:44}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda step, count, total: bar.update(task, description=step, completed=count, total=total)

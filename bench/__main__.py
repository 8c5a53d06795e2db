"""`python -m bench`: runs the benchmarks one after another and writes `bench/RESULTS.md`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.catalogue import BENCHMARKS
from bench.children import ROOT
from bench.report import results
from bench.rows import Row
from bench.setting import Setting

KIT = ROOT.parent / "shared" / "kit"
COLUMNS = (SpinnerColumn(), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="Run only this one; may be given again.")
@click.option("--quick", is_flag=True, help="Few rounds and a small library, for a look.")
@click.option("--kit", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of real data. Default ../shared/kit.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write. Default bench/RESULTS.md for a full run.")
def main(only: tuple[str, ...], quick: bool, kit: Path | None, out: Path | None) -> None:
    """Measure what Sidenote costs, beside what others cost. A quick or partial run is shown, and written only with --out."""
    measured: dict[str, tuple[Row, ...]] = {}
    with tempfile.TemporaryDirectory(prefix="sidenote-bench-") as scratch, Progress(*COLUMNS, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(only or BENCHMARKS))
        for_kit = kit or (KIT if KIT.is_dir() else None)
        setting = Setting(for_kit, quick, Path(scratch), lambda text: progress.update(task, description=text))
        for name in only or BENCHMARKS:
            setting.tell(name)
            measured[name] = BENCHMARKS[name](setting)
            progress.advance(task)
        page = results(measured, subject=setting.subject, quick=quick)
    target = out or (None if quick or only else ROOT / "bench" / "RESULTS.md")
    if target is not None:
        target.write_text(page, encoding="utf-8")
    click.echo(page)


if __name__ == "__main__":
    main()

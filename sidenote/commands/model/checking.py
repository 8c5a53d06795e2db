"""`sidenote model check` and `calibrate`: what to expect of a model here, and what its probabilities are worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhir.codes import FINDING
from sidenote.commands.model.naming import named, open_named, spec_of
from sidenote.settings import COMPACT

if TYPE_CHECKING:
    from tools.med_vlm.reading import Reader
    from tools.med_vlm.trust.calibration import Record
    from tools.med_vlm.trust.check import Expectation, Share


@click.command()
@named
@click.option("--count", type=click.IntRange(min=1, max=10_000), default=40, show_default=True, help="Phantoms that it reads.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
def check(name: str, folder: Path | None, count: int, form: str) -> None:
    """Load a model, have it read drawn phantoms, ask again without the image, and say what to expect of it here.

    Exit code 3 with a problem document when it cannot be loaded or does not answer; 1 when it reads noise as a radiograph, or when
    its answers do not depend on the image.
    """
    from sidenote.commands.model.images import phantoms
    from sidenote.problems import refusals
    from tools.med_vlm.trust.check import expect
    from tools.med_vlm.trust.references import shipped

    with refusals():
        reader = open_named(name, folder)
        found = expect(reader, phantoms(count), shipped())
        refused = _refuses_noise(reader)
    if form == "json":
        click.echo(found.model_dump_json(indent=1))
    else:
        click.echo(f"{reader.name}: loaded, fingerprint {reader.fingerprint}")
        for line in expectation_lines(found):
            click.echo(line)
        click.echo("noise: abstained" if refused else "noise: READ AS A RADIOGRAPH")
    if found.blind or not refused:
        raise SystemExit(1)


def _refuses_noise(reader: Reader) -> bool:
    import numpy as np

    from tools.med_vlm.asked import asked_of

    return reader.read(asked_of(np.random.default_rng(0).random((256, 256), dtype=np.float32))).abstained


def expectation_lines(found: Expectation) -> Iterator[str]:
    """What was measured, a line each."""
    memory = "not told by this system" if found.memory_mb is None else f"{found.memory_mb:.0f} MB more while it read"
    yield f"speed: {found.seconds:.2f} s a reading with its probe (median of {found.images} phantoms; slowest {found.slowest:.2f} s)"
    yield f"memory: {memory}; what a server takes is not seen"
    yield f"abstained: {_told(found.abstained)} of the images"
    yield from (f"  {number} times: {reason}" for reason, number in found.reasons.items())
    yield f"decided: {_told(found.decided)} of the findings; the others were uncertain"
    yield f"covered: {_told(found.coverage)} of the answers hold the truth; of those decided {_told(found.right)} are right"
    blind = "  ITS ANSWERS DO NOT DEPEND ON THE IMAGE" if found.blind else ""
    yield f"looks at the image: {_told(found.moved)} of the findings moved when the image was replaced{blind}"
    for key, share in found.auroc.items():
        yield f"  {FINDING[key].display}: AUROC {_told(share)}"
    yield "On drawn phantoms: that it works, and nothing about patients."


def _told(share: Share) -> str:
    if share.value is None:
        return "not measurable"
    return f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f})"


@click.command()
@click.argument("name")
@click.option(
    "--archive", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with `cases.jsonl`, as the library's."
)
@click.option("--phantoms", "count", type=click.IntRange(min=1), help="Drawn phantoms instead: to try the command, for no patient.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where the calibration is written.")
def calibrate(name: str, archive: Path | None, count: int | None, out: Path) -> None:
    """Fit a model's probabilities on labelled images, and measure on others what they are worth.

    The labels of an archive are what its reports say, read by rules. `calibration = "OUT"` in the model's [[model]] table uses it.
    """
    from sidenote.commands.model.images import archived, phantoms
    from sidenote.problems import refusals
    from tools.med_vlm.catalogue import open_uncalibrated
    from tools.med_vlm.trust.calibration_folder import save
    from tools.med_vlm.trust.fitting import fit

    if name == COMPACT:
        raise click.UsageError("the compact model is calibrated when it is trained")
    if (archive is None) == (count is None):
        raise click.UsageError("give either --archive or --phantoms")
    with refusals():
        spec = spec_of(name, None)
        assert spec is not None
        fitted = fit(open_uncalibrated(spec), archived(archive) if archive else phantoms(count or 0))
        save(fitted, out)
    for line in calibration_lines(fitted.record):
        click.echo(line)
    click.echo(f'{out} written; `calibration = "{out}"` in the [[model]] table of {name} uses it')


def calibration_lines(record: Record) -> Iterator[str]:
    """What the calibration is worth, a line each."""
    yield f"{record.reader}: fitted on {record.fitted_on} images, measured on {record.measured_on} others, {record.unreadable} unreadable"
    for one in record.measured:
        if one.key in record.never_decided:
            yield f"  {FINDING[one.key].display}: too few images with it or without it; it will always be uncertain"
            continue
        shares = (one.coverage_present, one.coverage_absent, one.decided)
        present, absent, decided = ("–" if share.value is None else f"{share.value:.2f}" for share in shares)
        yield f"  {FINDING[one.key].display}: covered {present} of those with it, {absent} of those without; decided {decided}"

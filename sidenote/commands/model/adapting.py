"""`sidenote model train contrastive`, `mlm`, `lora` and `distil`: a model adapted to a site's archive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tools.med_vlm.adapting.progress import Progress
    from tools.med_vlm.adapting.training.adapted import Adapted

Command = TypeVar("Command", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
ARCHIVE = click.argument("archive", type=click.Path(exists=True, file_okay=False, path_type=Path))
WORK = click.option("--out", "folder", type=FOLDER, required=True, help="Working folder; a killed run goes on there.")
OPTIONS = (
    click.option("--epochs", type=int, help="How often every case is seen."),
    click.option("--batch", type=int, help="Cases that one step learns from."),
    click.option("--peak", type=float, help="Highest learning rate."),
    click.option("--held-out", type=float, help="Share of the persons whose cases only measure."),
    click.option("--seed", type=int, help="Of every draw."),
    click.option("--save-every", type=int, help="Steps after which the state is written; a kill loses at most these."),
    click.option("--fast", is_flag=True, default=None, help="bfloat16 where it is safe: quicker, other digits."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it runs."),
    click.option("--noncommercial", is_flag=True, default=None, help="A yes to cases whose licence forbids commercial use."),
    click.option("--consent", "consents", multiple=True, help="A ground of use that allows training; without any every stated one does."),
)


def adapting(command: Command) -> Command:
    """The archive, the folder and the options that every strategy has."""
    for option in reversed((ARCHIVE, WORK, *OPTIONS)):
        command = option(command)
    return command


@click.command()
@adapting
@click.option("--base", required=True, help="Folder of a CLIP or SigLIP, or `compact`.")
@click.option("--loss", type=click.Choice(["infonce", "sigmoid"]), help="How pairs are told apart.")
@click.option("--freeze", type=click.Choice(["none", "vision", "text"]), help="The tower that stays as it is.")
def contrastive(archive: Path, folder: Path, **options: Any) -> None:
    """Align images and reports of ARCHIVE: pairs of equal findings belong together, however often a normal report repeats."""
    from sidenote.archives.pictures import read_any_picture
    from tools.med_vlm.adapting.contrastive.alignment import ContrastivePlan, align

    _run(lambda tell: align(ContrastivePlan(**given(options)), archive, folder, tell, read=read_any_picture))


@click.command()
@adapting
@click.option("--base", required=True, help="Folder of a VisualBERT or MedViLL with its pre-training heads.")
@click.option("--architecture", type=click.Choice(["visualbert", "medvill"]), required=True)
@click.option("--vision", help="Folder of the image tower whose regions VisualBERT sees.")
@click.option("--freeze", type=click.Choice(["none", "vision"]), help="Whether MedViLL's ResNet stays.")
@click.option("--matching/--no-matching", default=None, help="Whether it also learns which report belongs to the image.")
def mlm(archive: Path, folder: Path, **options: Any) -> None:
    """Hide words of the reports of ARCHIVE and learn them from the image and the other words."""
    from sidenote.archives.pictures import read_any_picture
    from tools.med_vlm.adapting.mlm.hidden_words import MlmPlan, learn_words

    _run(lambda tell: learn_words(MlmPlan(**given(options)), archive, folder, tell, read=read_any_picture))


@click.command()
@adapting
@click.option("--base", required=True, help="Folder of a generative reader.")
@click.option("--rank", type=int, help="Of the adapter's matrices.")
@click.option("--alpha", type=int, help="The adapter is multiplied with alpha / rank.")
@click.option("--dropout", type=float, help="Share of what goes into the adapter that is left out.")
@click.option("--where", type=click.Choice(["language", "all"]), help="Whether the image tower gets adapters as well.")
@click.option("--questions", type=int, help="Findings that it affirms, and that it denies, asked of each case beside its report.")
@click.option("--share", type=int, help="Tasks that go through the model at once: fewer take less memory.")
@click.option("--longest", type=int, help="Tokens of an answer; longer ones are left out.")
@click.option("--merge", is_flag=True, default=None, help="Write the whole adapted model besides.")
def lora(archive: Path, folder: Path, **options: Any) -> None:
    """Train a small adapter for a generative reader on the reports of ARCHIVE. Needs the extra `training`."""
    from sidenote.archives.pictures import read_any_picture
    from tools.med_vlm.adapting.lora.adapter import LoraPlan, adapt

    _run(lambda tell: adapt(LoraPlan(**given(options)), archive, folder, tell, read=read_any_picture))


@click.command()
@adapting
@click.option("--teacher", required=True, help="A [[model]] of the settings: who is asked about every image, once.")
@click.option("--base", help="Folder of a compact model to begin with; without it the one that ships.")
@click.option("--temperature", type=float, help="By which the teacher's log-odds are divided.")
@click.option("--calibration", type=float, help="Share of the persons whose cases calibrate.")
@click.option("--askers", type=click.IntRange(min=1, max=64), default=1, show_default=True, help="Questions asked of the teacher at once.")
def distil(archive: Path, folder: Path, teacher: str, askers: int, **options: Any) -> None:
    """Teach the compact model what another model says of the images of ARCHIVE."""
    from sidenote.archives.pictures import read_any_picture
    from sidenote.models import spec_named
    from sidenote.problems import refusals
    from sidenote.settings import load_settings
    from tools.med_vlm.adapting.distil.distillation import DistilPlan
    from tools.med_vlm.adapting.distil.distillation import distil as distilled
    from tools.med_vlm.adapting.distil.teaching import Teacher
    from tools.med_vlm.catalogue import open_uncalibrated

    with refusals():
        asked = Teacher(open_uncalibrated(spec_named(load_settings(), teacher)), askers=askers)
    _run(lambda tell: distilled(DistilPlan(**given(options)), asked, archive, folder, tell, read=read_any_picture))


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given: a plan knows better than a command what is usual for it."""
    return {name: value for name, value in options.items() if value is not None and value != ()}


def _run(train: Callable[[Callable[[Progress], None]], Adapted]) -> None:
    from sidenote.problems import refusals

    with refusals(), bar() as tell:
        done = train(tell)
    for line in result_lines(done):
        click.echo(line)


def result_lines(done: Adapted) -> Iterator[str]:
    """What came of it, a line each."""
    cases, persons = done.data.cases, done.data.persons
    parts = ", ".join(f"{cases[part]} cases of {persons[part]} persons to {part.replace('_', ' ')}" for part in cases if cases[part])
    yield f"{done.strategy} from {done.base.name}: {done.steps} steps, the best at {done.best_step}; {parts}"
    yield from (f"  left out {count}: {reason}" for reason, count in done.data.left_out.items())
    for name, after in done.after.items():
        before = done.before.get(name)
        yield f"  {name.replace('_', ' ')}: {after:.4f}" + (f" (before {before:.4f})" if before is not None else "")
    yield done.caution


@contextmanager
def bar() -> Iterator[Callable[[Progress], None]]:
    """What a training tells how far it is: a bar with rate, time left and loss, or a line for each tenth where no terminal is."""
    from rich.console import Console

    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield _lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
    with Bars(*columns, console=console) as shown:
        tasks: dict[str, Any] = {}

        def tell(progress: Progress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = shown.add_task(progress.phase, total=progress.total, words="")
            shown.update(tasks[progress.phase], completed=progress.done, words=progress_words(progress))

        yield tell


def progress_words(progress: Progress) -> str:
    """Rate, time left and losses, as far as they are known."""
    left = progress.seconds_left
    words = (
        f"{progress.rate:.1f}/s" if progress.rate else "",
        "" if left is None else f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left",
        "" if progress.loss is None else f"loss {progress.loss:.3f}",
        "" if progress.held_out is None else f"held out {progress.held_out:.3f}",
    )
    return ", ".join(word for word in words if word)


def _lines() -> Callable[[Progress], None]:
    told: dict[str, int] = {}

    def tell(progress: Progress) -> None:
        tenth = 10 * progress.done // max(progress.total, 1)
        if tenth > told.get(progress.phase, -1) or progress.held_out is not None:
            told[progress.phase] = tenth
            click.echo(f"{progress.phase} {progress.done}/{progress.total}, {progress_words(progress)}".rstrip(", "), err=True)

    return tell

"""`sidenote review`: one patient, one study, in four formats."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sidenote.problems import WITHHELD, refusals
from sidenote.settings import Settings, load_settings

if TYPE_CHECKING:
    from agent.graph import Finished
    from agent.request import ReviewRequest

Format = Literal["terminal", "json", "html", "fhir"]
_STEPS = 11


class AsOf(click.ParamType[datetime]):
    """An ISO 8601 instant with its offset: a review that guesses the zone guesses the day of a laboratory result."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse it, or fail as a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("not an ISO 8601 instant, such as 2026-11-20T09:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail("an instant needs its offset, such as ...T09:00:00Z", param, ctx)
        return moment


AS_OF = click.option("--as-of", type=AsOf(), help="The moment the review holds for; default: now.")
FHIR = click.option(
    "--fhir", "sources", required=True, multiple=True, metavar="SOURCE", help="Base URL, bundle, NDJSON or folder; repeatable."
)


@click.command()
@click.argument("patient")
@FHIR
@click.option("--study", help="Which ImagingStudy; default: the newest.")
@click.option("--image", "images", type=click.Path(path_type=Path), multiple=True, help="Review these image files instead of the study's.")
@click.option("--question", help="What the reader wants to know; kept with the review.")
@AS_OF
@click.option("--format", "form", type=click.Choice(["terminal", "json", "html", "fhir"]), default="terminal", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of standard output.")
@click.option("--no-image-model", is_flag=True, help="Rest on the record alone; no image is read.")
def review(
    patient: str,
    sources: tuple[str, ...],
    study: str | None,
    images: tuple[Path, ...],
    question: str | None,
    as_of: datetime | None,
    form: Format,
    out: Path | None,
    no_image_model: bool,
) -> None:
    """Review PATIENT and say what the record, the image and past cases support, each sentence cited.

    Exit code 0: presented or abstained; 2: usage; 3: input refused, with a problem document on stderr; 4: withheld by policy.
    """
    _check_out(out, (*map(Path, sources), *images))
    with refusals(patient):
        from agent.request import ReviewRequest

        moment = as_of or datetime.now(UTC)
        request = ReviewRequest(patient, moment, study=study, question=question, images=images, image_model=not no_image_model)
        done = asyncio.run(perform(request, sources, load_settings()))
        render(done, form, out)
    if done.review.status == "withheld":
        sys.exit(WITHHELD)


def _check_out(out: Path | None, inputs: Iterable[Path]) -> None:
    """Refuse an output that cannot be meant, before anything is read."""
    if out is None:
        return
    if not out.resolve().parent.is_dir():
        raise click.UsageError("the folder of --out does not exist")
    if out.resolve() in {path.resolve() for path in inputs}:
        raise click.UsageError("--out names a file that is read: the record would be written over")


async def perform(request: ReviewRequest, sources: tuple[str, ...], settings: Settings) -> Finished:
    """Run one review with a progress line on stderr when that is a terminal."""
    from agent.graph import run_review
    from sidenote.wiring import wired

    with _progress() as on_step:
        async with wired(settings, sources, image_model=request.image_model) as parts:
            return await run_review(request, parts, on_step=on_step)


def _progress() -> AbstractContextManager[Callable[[str, str], None] | None]:
    if not sys.stderr.isatty():
        return nullcontext()
    from sidenote.render.progress import step_progress

    return step_progress(_STEPS)


def render(done: Finished, form: Format, out: Path | None) -> None:
    """Write the review in the asked format."""
    if form == "terminal":
        from sidenote.render.terminal import print_review

        print_review(done.review, out)
        return
    text = rendered(done, form)
    if out is None:
        sys.stdout.write(text + "\n")
    else:
        from sidenote.render.write import write_whole

        write_whole(out, text + "\n")


def rendered(done: Finished, form: Literal["json", "html", "fhir"]) -> str:
    """The review as text in one of the machine formats."""
    if form == "json":
        return done.review.model_dump_json(indent=2)
    if form == "html":
        from sidenote.render.page import page

        return page(done.review, done.pixels)
    from sidenote.render.bundle import as_bundle

    return json.dumps(as_bundle(done.review), indent=2, ensure_ascii=False)

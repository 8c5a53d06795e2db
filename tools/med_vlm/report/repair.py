"""From the text a model wrote to a report, with one repair at most: mended where it was cut off, else asked for once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tools.med_vlm.asked import Asked
from tools.med_vlm.errors import ModelAnswerUnusable, ModelOutputInvalid
from tools.med_vlm.formats.denials import without_denied
from tools.med_vlm.formats.document import Frame, Report
from tools.med_vlm.formats.forms import Form
from tools.med_vlm.report.prompting import again, prompt
from tools.med_vlm.vision_model import Prompt, VisionModel, Written

_THOUGHT: Final = ("<think>", "</think>")
"""What reasoning models think stands between these before the answer, and is no part of it."""


def reported(model: VisionModel, asked: Asked, form: Form, samples: int) -> tuple[Report, tuple[Report, ...]]:
    """The report without chance, and those drawn that can be read: in one call, or in two if the first has to be asked for again.

    `asked` holds the images that the model is shown, and no other.

    Raises:
        ModelOutputInvalid: the report cannot be read, neither mended nor asked for again.
        MedVlmError: the model did not answer.
    """
    told = prompt(asked, form)
    frame = Frame(asked.focal.pixels.shape[0], asked.focal.pixels.shape[1])
    written = _written(model, asked, told, samples)
    if isinstance(written, ModelOutputInvalid):
        return _asked_again(model, asked, told, written.reason, form=form, frame=frame), ()
    drawn = [readable(one, form, frame) for one in written[1:]]
    first = readable(written[0], form, frame)
    if isinstance(first, ModelOutputInvalid):
        first = _asked_again(model, asked, told, first.reason, form=form, frame=frame)
    made = tuple(one for one in drawn if isinstance(one, Report))
    unread = (f"{len(drawn) - len(made)} of {len(drawn)} drawn reports could not be read",) if len(made) < len(drawn) else ()
    return replace(first, notes=(*first.notes, *unread)), made


def readable(written: Written, form: Form, frame: Frame) -> Report | ModelOutputInvalid:
    """The report as written, else as mended; else what was wrong with it as written."""
    try:
        return read(written, form, frame)
    except ModelOutputInvalid as error:
        wrong = error
    try:
        return mended(written, form, frame)
    except ModelOutputInvalid:
        return wrong


def read(written: Written, form: Form, frame: Frame) -> Report:
    """The report, nothing mended.

    Raises:
        ModelOutputInvalid: the text ended at the limit of tokens, or is not of the form.
    """
    text = _answer(written)
    if not written.whole:
        raise ModelOutputInvalid("it was cut off at the limit of its length")
    return without_denied(form.parse(text, frame))


def mended(written: Written, form: Form, frame: Frame) -> Report:
    """The report of what is whole of the text; its notes say what was done.

    Raises:
        ModelOutputInvalid: what is whole is not of the form either.
    """
    text, notes = form.mend(_answer(written))
    made = without_denied(form.parse(text, frame))
    return replace(made, notes=(*notes, *made.notes))


def _answer(written: Written) -> str:
    opened, closed = _THOUGHT
    _, found, answer = written.text.rpartition(closed)
    if not found and opened in written.text:
        raise ModelOutputInvalid("it holds thoughts and no answer")
    return answer.strip()


def _asked_again(model: VisionModel, asked: Asked, told: Prompt, reason: str, *, form: Form, frame: Frame) -> Report:
    written = _written(model, asked, again(told, reason), 1)
    if isinstance(written, ModelOutputInvalid):
        raise written
    made = read(written[0], form, frame)
    return replace(made, notes=(f"the model was asked again: {reason}", *made.notes))


def _written(model: VisionModel, asked: Asked, told: Prompt, samples: int) -> tuple[Written, ...] | ModelOutputInvalid:
    """What was written; or what is wrong with it where a back end could not even take it for a text: empty, endless, too long."""
    try:
        written = model.write(asked, told, samples=samples)
    except ModelAnswerUnusable as error:
        return ModelOutputInvalid(error.reason)
    return written or ModelOutputInvalid("nothing was written")

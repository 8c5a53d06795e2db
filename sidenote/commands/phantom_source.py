"""Phantom studies as training examples of the compact model: `tools` knows no sandbox, so the wiring is here."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sandbox.phantoms.render import render
from sandbox.phantoms.sample import corpus, sample
from sandbox.phantoms.spec import PhantomCase
from sandbox.phantoms.truth import truth
from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage
from tools.med_vlm.compact.examples.example import TrainingExample

SIZES = (256, 256, 384, 256, 256, 512)
"""Rendered pixels, by number: the model must not learn the noise grain of one resolution."""

SEED = 0
"""Seed of the phantom corpus; examples differ by number."""


def example(case: PhantomCase) -> TrainingExample:
    """One phantom study as a training example. A tension pneumothorax is a pneumothorax with the same mask."""
    masks = dict(case.phantom.masks)
    if "tension_pneumothorax" in masks:
        masks.setdefault("pneumothorax", masks["tension_pneumothorax"])
    pixels = case.phantom.pixels.astype(np.float32) / (2**case.phantom.bits - 1)
    return TrainingExample(
        number=case.number,
        image=pixels,
        labels=dict(truth(case.phantom.spec)),
        masks=masks,
        sentences=(*case.report.findings, *case.report.impression),
        view=case.phantom.spec.view,
    )


def one(number: int) -> TrainingExample:
    """The frontal phantom `number`."""
    (case,) = corpus([number], size=SIZES[number % len(SIZES)], seed=SEED, frontal_only=True)
    return example(case)


def lateral_phantoms(numbers: Sequence[int]) -> Iterator[LabelledImage]:
    """Lateral views of the phantoms `numbers`: a picture the model is not made for and has to refuse."""
    for number in numbers:
        spec = replace(sample(number), view="LATERAL", devices=())
        phantom = render(spec, size=256)
        pixels = phantom.pixels.astype(np.float32) / np.float32(2**phantom.bits - 1)
        yield LabelledImage("phantoms, lateral view", pixels, frozenset(), "DX")


def phantom_source(numbers: Sequence[int]) -> Iterator[TrainingExample]:
    """The phantoms `numbers` in that order, drawn by as many processes as there are cores; few are drawn in this one."""
    if len(numbers) < 64:
        yield from map(one, numbers)
        return
    with multiprocessing.get_context("spawn").Pool(max(1, min(16, os.cpu_count() or 1))) as pool:
        yield from pool.imap(one, numbers, chunksize=8)

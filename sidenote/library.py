"""The phantom library: phantom studies as cases.

The phantom library holds nobody: its secret is public, and is no secret. A site's own archive needs a secret of the site.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import numpy as np

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.keys import Keyring, age_band, difference_hash, report_sketch
from sandbox.phantoms.sample import corpus
from sandbox.phantoms.spec import PhantomCase
from sandbox.phantoms.truth import truth
from sidenote.encoders import COMPACT, encoder_named
from sidenote.settings import Settings

PHANTOM_SECRET = b"sidenote phantoms: public, hides nobody"
PHANTOM_SALT = b"sidenote phantom library"
PHANTOM_SEED = 2_025
"""Another seed than training uses: the model never saw the library's phantoms."""
PHANTOM_SIZE = 256
"""Pixels of a rendered phantom on each side."""
PHANTOM_LICENCE = "Apache-2.0 (synthetic)"
FIRST_DAY = date(2015, 1, 1)
LAST_DAY = date(2025, 12, 31)
DRAWING_PROCESSES = 2
_DAYS_APART = 2_483
"""The golden section of the span, and coprime to it: any few cases are spread over all years."""


def phantom_keyring() -> Keyring:
    """The keyring of the phantom library."""
    return Keyring(PHANTOM_SECRET, PHANTOM_SALT)


def library_is_current(settings: Settings, cases: int) -> bool:
    """Whether the configured library is whole, made by the configured model, and holds at least `cases` cases."""
    from retrieval.errors import RetrievalError
    from retrieval.library import open_library

    if not settings.library_folder.exists():
        return False
    try:
        opened = open_library(settings.library_folder, encoder_named(COMPACT, settings.model_folder).fingerprint)
    except RetrievalError:
        return False
    opened.close()
    return opened.info.cases >= cases


def phantom_case(phantom: PhantomCase) -> SourceCase:
    """A phantom study as a case: one made-up person a study, its day spread over 2015-2025 by its number."""
    pixels = phantom.phantom.pixels.astype(np.float32) / np.float32(2**phantom.phantom.bits - 1)
    spec, ring, report = phantom.phantom.spec, phantom_keyring(), phantom.report.text
    card = CaseCard(
        key=ring.case(f"phantom-{phantom.number}"),
        person=ring.person(f"phantom-person-{phantom.number}"),
        study=ring.study(f"phantom-study-{phantom.number}"),
        as_of=FIRST_DAY + timedelta(days=phantom.number * _DAYS_APART % ((LAST_DAY - FIRST_DAY).days + 1)),
        modality="DX",
        body_part="CHEST",
        view=spec.view,
        age_band=age_band(spec.subject.age),
        sex=spec.subject.sex,
        findings=tuple(CaseFinding(key, side) for key, side in truth(spec)),
        report=report,
        report_hash=ring.report(report),
        report_sketch=report_sketch(report),
        image_hash=difference_hash(pixels),
        consent="not needed: synthetic, nobody",
        licence=PHANTOM_LICENCE,
    )
    return SourceCase(card, pixels)


def phantom_cases(count: int, *, seed: int = PHANTOM_SEED, first: int = 0) -> Iterator[SourceCase]:
    """`count` phantom studies in the order of their numbers, drawn by two processes while the caller embeds."""
    draw = partial(_drawn, seed=seed)
    numbers = range(first, first + count)
    if count < 64:  # not worth the start of a process
        yield from map(draw, numbers)
        return
    with multiprocessing.get_context("spawn").Pool(DRAWING_PROCESSES) as pool:
        yield from pool.imap(draw, numbers, chunksize=8)


def _drawn(number: int, *, seed: int) -> SourceCase:
    (phantom,) = corpus([number], size=PHANTOM_SIZE, seed=seed)
    return phantom_case(phantom)

"""Labelled images that a model is checked or calibrated on: drawn phantoms, or the cases of a site's archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.med_vlm.trust.labelled import Labelled

FIRST = 4_000_000
"""First of the phantom numbers that no training, calibration or test uses."""


def phantoms(count: int, first: int = FIRST) -> Iterator[Labelled]:
    """`count` drawn chest phantoms with all their findings known."""
    from sidenote.commands.phantom_source import phantom_source
    from tools.med_vlm.trust.labelled import labelled_of

    yield from (labelled_of(example) for example in phantom_source(range(first, first + count)))


def archived(folder: Path) -> Iterator[Labelled]:
    """The cases of an archive whose report says of a finding that it is there or that it is not; what it leaves open teaches nothing.

    Raises:
        retrieval.errors.BadArchive: there is no readable `cases.jsonl`.
        tools.med_vlm.errors.TrainingDataRefused: no case can be used.
    """
    from fhir.regions import regions
    from retrieval.errors import BadCase
    from sidenote.archives.pictures import read_any_picture
    from tools.med_vlm.adapting.examples.corpus import read_corpus
    from tools.med_vlm.adapting.plan import Plan
    from tools.med_vlm.asked import Asked, Image
    from tools.med_vlm.trust.labelled import Labelled

    for pair in read_corpus(folder, Plan(held_out=0)).pairs["train"]:
        try:
            pixels = read_any_picture(pair.image)
        except BadCase:
            continue
        shown = regions((), (pair.body_part,))
        view = pair.view if pair.view not in ("", "UNKNOWN") else None
        image = Image(pixels, view, pair.modality or None, next(iter(shown)) if len(shown) == 1 else None)
        present = frozenset(key for key, said in pair.said.items() if said == "present")
        known = frozenset(key for key, said in pair.said.items() if said != "uncertain")
        yield Labelled(Asked((image,), age_years=pair.age), present, known, str(pair.person))

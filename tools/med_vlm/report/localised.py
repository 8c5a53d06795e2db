"""Ties what a model drew to the findings its sentences name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from policies.evidence import Region
from tools.med_vlm.formats.document import Box, Drawn, Told
from tools.med_vlm.reading import Mask, Sentence
from tools.med_vlm.report.masks import united
from tools.med_vlm.report.stated import affirmed, stated

MOST_REGIONS: Final = 8
"""Of one finding; a ninth box says nothing more."""
UNVOUCHED: Final = 0.0
"""Score of a box without one of its own, for something the model was not asked about."""


def sentence(told: Told, probabilities: Mapping[str, float]) -> Sentence:
    """The sentence with the findings of `probabilities` it speaks of, and its boxes.

    A box without a score of its own takes the highest probability among the findings it is drawn for.
    """
    spoken = {one.finding for one in stated(told.text)}
    boxes = ((box, _best(told, drawn, probabilities)) for drawn in told.drawn for box in drawn.boxes)
    return Sentence(
        text=told.text,
        findings=tuple(key for key in probabilities if key in spoken),
        regions=_strongest(_region(box, score) for box, score in boxes),
    )


def regions(key: str, sentences: Sequence[Told], probability: float) -> tuple[Region, ...]:
    """Boxes drawn where sentences state or doubt the finding, the strongest first, `MOST_REGIONS` at most."""
    return _strongest(_region(box, probability) for drawn in _drawn_for(key, sentences) for box in drawn.boxes)[:MOST_REGIONS]


def mask(key: str, sentences: Sequence[Told]) -> Mask | None:
    """All masks drawn where sentences state or doubt the finding, as one."""
    return united([mask for drawn in _drawn_for(key, sentences) for mask in drawn.masks])


def about(drawn: Drawn, told: Told) -> frozenset[str]:
    """The findings something is drawn for: those its words name, of those its sentence states or doubts.

    Words that name none ("the left base") are drawn for a place, and for no finding.
    """
    here = affirmed(stated(told.text))
    return here & {one.finding for one in stated(drawn.words)}


def _drawn_for(key: str, sentences: Sequence[Told]) -> Iterator[Drawn]:
    return (drawn for told in sentences for drawn in told.drawn if key in about(drawn, told))


def _best(told: Told, drawn: Drawn, probabilities: Mapping[str, float]) -> float:
    return max((probabilities[key] for key in about(drawn, told) if key in probabilities), default=UNVOUCHED)


def _region(box: Box, score: float) -> Region:
    return Region(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1, score=score if box.score is None else box.score)


def _strongest(found: Iterable[Region]) -> tuple[Region, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda one: -one.score))

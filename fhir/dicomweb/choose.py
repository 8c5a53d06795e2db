"""Which instances of a study are worth fetching: pictures alone, a few, the same ones every time, and what is left out is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fhir.study import ImageSource

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_PICTURE: tuple[tuple[str, str], ...] = (
    ("9.", "waveform"),
    ("11.", "presentation state"),
    ("30", "parametric map"),
    ("66", "raw data, registration or segmentation"),
    ("67", "real world value map"),
    ("68.", "surface scan"),
    ("77.1.1.1", "video"),
    ("77.1.2.1", "video"),
    ("77.1.4.1", "video"),
    ("78.", "eye measurement"),
    ("79.", "eye measurement"),
    ("80.", "eye measurement"),
    ("88.", "structured report or key object selection"),
    ("104.", "encapsulated document"),
    ("481.", "radiotherapy object"),
)
"""SOP classes (DICOM PS3.4 B.5) that hold no single picture to look at, by what follows the root of the storage classes."""
_PICTURES = frozenset({"481.1"})
"""What is a picture all the same: RT Image."""
_NO_PICTURE_MODALITIES = frozenset({"SR", "PR", "KO", "DOC", "SEG", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "ECG", "PLAN", "AU"})
_SLICES = frozenset({"CT", "MR", "PT", "NM", "CBCT"})
"""Modalities whose series are slices of a volume: some evenly spaced ones say more than the first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance that may be fetched, with what is known of its series."""

    image: ImageSource
    modality: str | None = None


def no_picture(sop_class: str | None, modality: str | None) -> str | None:
    """What an instance is that holds no picture, in words of ours; None for a picture, and for what is not known.

    >>> no_picture("1.2.840.10008.5.1.4.1.1.88.22", "SR")
    'structured report or key object selection'
    """
    tail = (sop_class or "").removeprefix(_STORAGE)
    if tail != (sop_class or "") and tail not in _PICTURES:
        for root, kind in _NO_PICTURE:
            if tail.startswith(root) if root.endswith(".") else tail == root or tail.startswith(root + "."):
                return kind
    return "object without a picture" if modality in _NO_PICTURE_MODALITIES else None


def choose(candidates: Sequence[Candidate], most: int) -> tuple[tuple[ImageSource, ...], tuple[str, ...]]:
    """At most `most` images, and notes on what is left out.

    Of slices, some evenly spaced ones of the largest series; of anything else one of each series in turn, since a series is often a view.

    Args:
        candidates: In the order of series and instance.
        most: How many at most, 1 or more.
    """
    kinds = [no_picture(_sop_class(one), one.modality) for one in candidates]
    pictures = [one for one, kind in zip(candidates, kinds, strict=True) if kind is None]
    counted = sorted(Counter(kind for kind in kinds if kind).items())
    notes = tuple(f"{number} of the study's objects left out, no picture: {kind}" for kind, number in counted)
    if len(pictures) <= most:
        return tuple(one.image for one in pictures), notes
    series: dict[str, list[Candidate]] = {}
    for one in pictures:
        series.setdefault(_series_uid(one), []).append(one)
    largest = max(series.values(), key=len)
    if largest[0].modality in _SLICES:
        chosen, how = _spaced(largest, most), f", evenly spaced over the largest of {len(series)} series"
    else:
        chosen, how = _in_turn(list(series.values()), most), ""
    note = f"{len(pictures) - len(chosen)} of {len(pictures)} images were not looked at; {len(chosen)} were{how}"
    return tuple(one.image for one in chosen), (*notes, note)


def _sop_class(one: Candidate) -> str | None:
    return one.image.instance.sop_class if one.image.instance else None


def _series_uid(one: Candidate) -> str:
    return one.image.instance.series_uid if one.image.instance else ""


def _spaced(series: list[Candidate], most: int) -> list[Candidate]:
    """The middle of each of so many equal parts."""
    taken = min(most, len(series))
    return [series[(2 * number + 1) * len(series) // (2 * taken)] for number in range(taken)]


def _in_turn(series: list[list[Candidate]], most: int) -> list[Candidate]:
    """The first of each series, then the second of each, and so on, put back into their order."""
    turns = [(place, number, one) for number, each in enumerate(series) for place, one in enumerate(each)]
    chosen = sorted(turns, key=lambda turn: turn[:2])[:most]
    return [one for _, _, one in sorted(chosen, key=lambda turn: (turn[1], turn[0]))]

"""What an index is, for people and for `index info`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.generation.manifest import Generation, SegmentEntry
from retrieval.vectors import Dimensions, NearNote


@dataclass(frozen=True)
class IndexInfo:
    """A generation of an index as its manifest describes it."""

    folder: Path
    """Of the generation."""
    sha256: str
    """Of the manifest."""
    source: str
    """What was indexed, in words; of several archives, one after the other."""
    built_at: str
    cases: int
    """That can be found."""
    skipped: Mapping[str, int]
    """Reason -> cases left out for it."""
    gone: Mapping[str, int]
    """Reason -> cases that are in the files and are not found: removed, or in quarantine."""
    quarantined: int
    """How many of those may be released."""
    segments: tuple[tuple[str, int], ...]
    """(name, cases), what is gone included."""
    encoder_fingerprint: str
    dimensions: Dimensions
    image_weight: float
    image_weight_reason: str
    coverage: float
    thresholds: Mapping[str, float | None]
    """Kind of query -> distance beyond which no case is comparable; None when there were too few cases to say."""
    near: tuple[str, ...]
    """Of each segment that has one, what finds near rows fast, with its measured recall."""
    notes: Mapping[str, int]
    """What the readers counted, e.g. names they replaced in reports."""
    signed: bool
    """Whether the signature of every archive was checked."""
    cards: str
    """Where the cards are: `sqlite` or `postgresql`."""
    size: int
    """Bytes of all files but manifest and seal."""
    seconds: float | None = None
    """Duration of the work that returned this; None when read from disk."""
    skipped_at: tuple[tuple[str, str], ...] = ()
    """(reason, position) of the first skipped cases, from the work that returned this."""
    changed: int | None = None
    """Cases added, removed, released or written anew by the work that returned this."""
    cards_left: bool = False
    """Whether a database still keeps cards that this work would have deleted, for it did not answer: the next change deletes them."""


def describe(generation: Generation) -> IndexInfo:
    """What the manifest of a checked generation says."""
    manifest = generation.manifest
    return IndexInfo(
        folder=generation.folder,
        sha256=generation.sha256,
        source="; ".join(dict.fromkeys(source.words for source in manifest.sources)),
        built_at=manifest.built_at,
        cases=manifest.cases,
        skipped=_sum(source.skipped for source in manifest.sources),
        gone=manifest.gone,
        quarantined=manifest.quarantined,
        segments=tuple((segment.name, segment.cases) for segment in manifest.segments),
        encoder_fingerprint=manifest.encoder_fingerprint,
        dimensions=manifest.dimensions,
        image_weight=manifest.image_weight,
        image_weight_reason=manifest.image_weight_reason,
        coverage=manifest.coverage,
        thresholds={kind: _two_digits(limit.distance) for kind, limit in manifest.thresholds.items()},
        near=tuple(_near(segment, segment.near) for segment in manifest.segments if segment.near is not None),
        notes=_sum(dict(source.notes) for source in manifest.sources),
        signed=all(source.signed for source in manifest.sources),
        cards=manifest.cards,
        size=sum(entry.size for entry in manifest.files.values()),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sorted(sum((Counter(one) for one in counts), Counter[str]()).items()))


def _near(segment: SegmentEntry, note: NearNote) -> str:
    """E.g. `seg-0001: IVF1024,PQ96x4fs, recall image 0.99, text 0.98`, the least of each kind's measured settings."""
    least = {kind: min(point.recall for point in note.points if point.kind == kind) for kind in {point.kind for point in note.points}}
    measured = ", ".join(f"{kind} {recall:.2f}" for kind, recall in sorted(least.items()))
    return f"{segment.name}: {note.factory}, recall {measured or 'unmeasured'}"


def _two_digits(distance: float | None) -> float | None:
    return None if distance is None else round(distance, 2)

"""What an index is, for people and for `index info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.manifest import Generation


@dataclass(frozen=True)
class IndexInfo:
    """A generation of an index as its manifest describes it."""

    folder: Path
    """Of the generation."""
    sha256: str
    """Of the manifest."""
    source: str
    built_at: str
    cases: int
    skipped: Mapping[str, int]
    """Reason -> cases left out for it."""
    encoder_fingerprint: str
    dimension: int
    image_weight: float
    coverage: float
    thresholds: Mapping[str, float | None]
    """Kind of query -> distance beyond which no case is comparable; None when there were too few cases to say."""
    size: int
    """Bytes of all files but manifest and seal."""
    seconds: float | None = None
    """Duration of the build that returned this; None when read from disk."""
    skipped_at: tuple[tuple[str, str], ...] = ()
    """(reason, position) of the first skipped cases, from the build that returned this."""


def describe(generation: Generation) -> IndexInfo:
    """What the manifest of a checked generation says."""
    manifest = generation.manifest
    return IndexInfo(
        folder=generation.folder,
        sha256=generation.sha256,
        source=manifest.source,
        built_at=manifest.built_at,
        cases=manifest.cases,
        skipped=manifest.skipped,
        encoder_fingerprint=manifest.encoder_fingerprint,
        dimension=manifest.dimension,
        image_weight=manifest.image_weight,
        coverage=manifest.coverage,
        thresholds={kind: _two_digits(limit.distance) for kind, limit in manifest.thresholds.items()},
        size=sum(entry.size for entry in manifest.files.values()),
    )


def _two_digits(distance: float | None) -> float | None:
    return None if distance is None else round(distance, 2)

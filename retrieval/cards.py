"""What the index knows of a past case, and what it answers. A case has a key; an identity it has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Side = Literal["left", "right", "bilateral"]


class Encoder(Protocol):
    """Embeds images and texts. Vectors of two encoders never meet: `fingerprint` tells them apart."""

    @property
    def image_dimension(self) -> int:
        """Length of an image's vector."""
        ...

    @property
    def text_dimension(self) -> int:
        """Length of a text's vector."""
        ...

    @property
    def one_space(self) -> bool:
        """Whether images and texts share a space, so that a picture may be looked for by words.

        An image-only model beside a text model shares none.
        """
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 that changes whenever the vectors would."""
        ...

    def images(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit vectors [n, image_dimension] for images [rows, columns] in 0..1."""
        ...

    def texts(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, text_dimension] for report texts; a row of zeros for a text that says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """A finding the past case's report stated, with its side and its place."""

    key: str
    side: Side | None = None
    location: str | None = None
    """Where, in words of the report, e.g. `lower lobe`."""


@dataclass(frozen=True, slots=True)
class CaseCard:
    """One past case. Keys are salted hashes: equal keys mean the same person, study, image or report, and nothing more."""

    key: str
    person: str
    study: str
    as_of: date
    """Day of the study: rules compare it, nobody is shown it; see `year`."""
    modality: str
    body_part: str
    view: str
    age_band: str
    """Ten-year band, e.g. `60-69`."""
    sex: str
    findings: tuple[CaseFinding, ...]
    report: str
    report_hash: str
    """Of the normalised report text: equal for reports that differ in numbers, dates and punctuation alone."""
    report_sketch: int
    """64-bit similarity hash of the report's words (`retrieval.keys.report_sketch`): near for near-duplicates."""
    image_hash: int
    """64-bit perceptual hash (difference hash) of the image."""
    consent: str
    licence: str
    outcome: str | None = None
    thumbnail_png: bytes = b""
    """At most 128 x 128, 8-bit grey."""
    linked: tuple[str, ...] = ()
    """Keys of the person's other identifiers."""
    site: str = "unknown"
    """Name of the site in its archive, e.g. `north`."""

    @property
    def year(self) -> str:
        """Of the study: all of its date that is shown. The day of another patient's study identifies (45 CFR 164.514(b)(2)(i)(C))."""
        return f"{self.as_of.year:04d}"


@dataclass(frozen=True, slots=True)
class SourceCase:
    """A case on its way into the index: a card and its image [rows, columns] in 0..1."""

    card: CaseCard
    image: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A case that a source could not read. `reason` is a fixed phrase, `where` a position; neither holds content."""

    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases may be found at all, by what they are. None keeps every value; the empty set keeps nothing."""

    modalities: frozenset[str] | None = None
    body_parts: frozenset[str] | None = None
    views: frozenset[str] | None = None
    age_bands: frozenset[str] | None = None
    sexes: frozenset[str] | None = None
    sites: frozenset[str] | None = None
    licences: frozenset[str] | None = None
    since: date | None = None
    """No case before this day."""


@dataclass(frozen=True, slots=True)
class Present:
    """What is known of the present case: neighbours say what they share with it. Nothing here filters."""

    findings: frozenset[str] = frozenset()
    sides: frozenset[tuple[str, Side]] = frozenset()
    """(finding key, side) where the present case has a side."""
    locations: frozenset[tuple[str, str]] = frozenset()
    """(finding key, place in words)."""
    modality: str | None = None
    view: str | None = None
    age_band: str | None = None
    sex: str | None = None
    doubted: frozenset[str] = frozenset()
    """Findings of which the present case's reading or report says that they may be there."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, and what must not be found."""

    image: NDArray[np.float32] | None
    """Unit vector [image_dimension], or None for a text-only query."""
    text: NDArray[np.float32] | None
    """Unit vector [text_dimension], or None for an image-only query."""
    as_of: date
    """No case later than this is returned."""
    k: int = 5
    key_check: str = ""
    """`Keyring.check` of the keyring that made the keys below. Keys of another keyring would exclude nobody: refused."""
    persons: frozenset[str] = frozenset()
    """Keys of the bound patient, linked identifiers too: never returned."""
    studies: frozenset[str] = frozenset()
    image_hash: int | None = None
    report_hash: str | None = None
    report_sketch: int | None = None
    only: Filter = Filter()
    present: Present = Present()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One similar case and why it is comparable. `distance` is rounded to two digits: raw scores do not leave."""

    card: CaseCard
    distance: float
    shared: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Neighbours, nearest first; or none, and why."""

    neighbours: tuple[Neighbour, ...]
    comparable: bool
    """False means "no comparable cases": the nearest is farther than the calibrated threshold."""
    reason: str
    searched: int
    """Cases that remained after exclusions and filters."""
    excluded: tuple[tuple[str, int], ...]
    """(why, how many), e.g. ("same person", 2)."""
    plan: str
    """How the nearest were found, e.g. `exact scan over kept rows`."""
    plan_reason: str
    threshold: float
    coverage: float
    """Share of in-library cases that stay under the threshold by calibration, e.g. 0.95."""
    generation: str
    """SHA-256 of the index manifest that answered."""
    notice: str = ""
    """Set when an older generation answered because the one in use was refused: show it."""

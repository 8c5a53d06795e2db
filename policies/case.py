"""What a policy looks at: the bound chart, the study and its reading as facts, what is proposed, what was not available."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from fhir.chart import Chart
from fhir.codes import Side
from fhir.study import IdentityCheck
from policies.claim import Claim
from policies.evidence import Evidence, Polarity

if TYPE_CHECKING:
    from policies.conditions.index import ChartIndex


@dataclass(frozen=True, slots=True)
class ImageFinding:
    """A finding of the reading, as a policy sees it."""

    key: str
    presence: Polarity
    probability: float
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """What the image model said, as a policy sees it. `mode` is `off` when no image model was asked."""

    mode: Literal["read", "abstained", "off", "refused"]
    reason: str = ""
    findings: tuple[ImageFinding, ...] = ()
    ood_score: float | None = None
    ood_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """The focal study, as a policy sees it: each source's word on side and identity, side by side."""

    reference: str
    modality: tuple[str, ...]
    body_part: str | None
    identity: IdentityCheck | None
    """None when no pixels were fetched."""
    order_side: Side | None = None
    series_side: Side | None = None
    image_side: Side | None = None
    """DICOM (0020,0060) Laterality or (0020,0062) ImageLaterality; for a chest radiograph usually absent."""
    report_sides: tuple[tuple[str, Side], ...] = ()
    """(finding key, side) as the report states it."""


@dataclass(frozen=True)
class PolicyCase:
    """Everything a rule may look at. Build it with a chart and nothing else for a rule that needs no more."""

    chart: Chart
    as_of: datetime
    """Aware; rules never ask for the present time."""
    study: StudyFacts | None = None
    reading: ReadingFacts | None = None
    claims: tuple[Claim, ...] = ()
    """What would be shown: only claims that grounding supports."""
    evidence: tuple[Evidence, ...] = ()

    @cached_property
    def index(self) -> ChartIndex:
        """The chart's facts by value set, built as conditions ask for them."""
        from policies.conditions.index import ChartIndex

        return ChartIndex(self.chart)

"""What a Med-VLM says of a study: coded findings, sentences tied to them, a comparison; or that it abstains, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import Field

from fhir.codes import Side
from policies.evidence import Frozen, Region
from tools.med_vlm.asked import Asked
from tools.med_vlm.profile import Profile

Presence = Literal["present", "absent", "uncertain"]

Change = Literal["new", "resolved", "unchanged", "larger", "smaller", "undecided"]
"""Of a finding against the prior image. `undecided`: one of both was not decided, or only its extent could have changed."""

Reliance = Literal["moved", "unmoved", "untested"]
"""Whether a finding's probability moved when the model was shown a blank, noise and another image instead."""


class Mask(Frozen):
    """The pixels of a finding: alternating run lengths of outside and inside, row by row over rows x columns (COCO's idea)."""

    rows: int = Field(gt=0)
    columns: int = Field(gt=0)
    runs: tuple[int, ...]


class FindingReading(Frozen):
    """One finding of a reading. `probability` is calibrated where the reading says so, and the model's own word where not."""

    key: str
    """Of `fhir.codes.FINDING`."""
    code: str | None = None
    """`system|code`, SNOMED CT or RadLex, where one is certain."""
    presence: Presence
    probability: float = Field(ge=0, le=1)
    side: Side | None = None
    regions: tuple[Region, ...] = ()
    """Boxes, the strongest first; only where the model's localisation was measured to work, or the model itself drew them."""
    mask: Mask | None = None
    heat_map: tuple[tuple[float, ...], ...] | None = None
    """Coarse grid [rows][columns] of values 0..1 over the whole image, or None."""
    change: Change | None = None
    """Against the prior image; None without one."""
    reliance: Reliance = "untested"

    @property
    def region(self) -> Region | None:
        """The strongest box."""
        return self.regions[0] if self.regions else None


class Sentence(Frozen):
    """One sentence of the narrative."""

    text: str
    findings: tuple[str, ...] = ()
    """Keys of the findings it speaks of."""
    regions: tuple[Region, ...] = ()
    """What the model drew for this sentence."""
    source: str | None = None
    """Of a drafted sentence: report and character span it was taken from, e.g. `phantom-001234#17-58`."""


class Reading(Frozen):
    """What one model said of one study."""

    model: str
    """Name and version, e.g. `compact 0.2.0`."""
    fingerprint: str
    """Of the reader: SHA-256 of weights or what names them, of how they were asked, and of the calibration where there is one."""
    abstained: bool
    reason: str
    """Why it abstained, or an empty string."""
    ood_score: float | None = None
    """Distance from the images the gate was fitted on; comparable with `ood_threshold` only. None: no gate was fitted."""
    ood_threshold: float | None = None
    view: str | None = None
    calibrated: bool = False
    """Whether probabilities were fitted on labelled images. Where not, no finding is more than uncertain."""
    findings: tuple[FindingReading, ...] = ()
    """All findings of the profile, in the vocabulary's order; empty when the model abstained."""
    narrative: tuple[Sentence, ...] = ()
    technique: tuple[str, ...] = ()
    """What was looked at, in sentences: views, pixels, the prior."""
    quality: tuple[str, ...] = ()
    """What limits the reading, in sentences: clipped, low resolution, little contrast."""
    compared_with: str | None = None
    """SHA-256 of the prior image."""
    notes: tuple[str, ...] = ()
    """What was mended or left out of the model's answer, in words."""


class Reader(Protocol):
    """A model that reads images of one study."""

    @property
    def name(self) -> str:
        """With its version, as a reading names it."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that its answers depend on; a calibration of it holds for no other."""
        ...

    @property
    def profile(self) -> Profile:
        """What it is for."""
        ...

    def read(self, asked: Asked) -> Reading:
        """Read the study. Odd content of an image is no error: it abstains and says why.

        Raises:
            MedVlmError: the model did not answer, or its answer cannot be used.
        """
        ...

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """The probability of each finding of the profile, nothing gated: what the image-reliance probe compares.

        Raises:
            MedVlmError: as `read`.
        """
        ...

"""What changed between two readings of one model: the study's and the prior's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from fhir.codes import FINDING
from policies.evidence import Region
from tools.med_vlm.reading import Change, FindingReading, Reading
from tools.med_vlm.report.masks import share
from tools.med_vlm.report.stated import parts

MARGIN: Final = 1.5
"""Ratio of areas from which on a finding is larger or smaller. Position, breath and the cut of the image change an area by less:
a chest that fills nine tenths of one image and eight of another differs by a quarter."""


def compared(reading: Reading, prior: Reading, prior_sha256: str | None) -> Reading:
    """`reading` with the change of each finding against `prior`, the same reader's reading of the image `prior_sha256` (None: of no file).

    A finding that is present in both has changed its extent only where both were localised in images of the same view; without
    that its change is undecided. An abstention is given back as it is.

    Raises:
        ValueError: the readings are of two models, whose findings cannot be compared.
    """
    if reading.fingerprint != prior.fingerprint:
        raise ValueError("readings of two models cannot be compared")
    if reading.abstained:
        return reading
    if prior.abstained:
        note = f"the prior image was not compared: {prior.reason}"
        return reading.model_copy(update={"notes": (*reading.notes, note)})
    before = {finding.key: finding for finding in prior.findings}
    same_view = reading.view is not None and reading.view == prior.view
    pairs = [(finding, before.get(finding.key)) for finding in reading.findings]
    findings = tuple(now.model_copy(update={"change": _change(now, then, same_view)}) for now, then in pairs)
    notes = tuple(note for now, then in pairs if then is not None for note in _sides(now, then))
    technique = (*reading.technique, "The prior image was read by the same model, and the readings were compared.")
    update = {"findings": findings, "compared_with": prior_sha256, "notes": (*reading.notes, *notes), "technique": technique}
    return reading.model_copy(update=update)


def _change(now: FindingReading, then: FindingReading | None, same_view: bool) -> Change:
    if then is None or "uncertain" in (now.presence, then.presence):
        return "undecided"
    if now.presence != then.presence:
        return "new" if now.presence == "present" else "resolved"
    return "unchanged" if now.presence == "absent" else _extent(now, then, same_view)


def _extent(now: FindingReading, then: FindingReading, same_view: bool) -> Change:
    if _appeared(now, then):
        return "new"
    if _appeared(then, now):
        return "undecided"
    if FINDING[now.key].device:
        return "unchanged"
    area, before = _areas(now, then)
    if not same_view or not area or not before:
        return "undecided"
    if area / before >= MARGIN:
        return "larger"
    return "smaller" if before / area >= MARGIN else "unchanged"


def _appeared(now: FindingReading, then: FindingReading) -> frozenset[str]:
    """Sides that the finding has now and had not; none where one of both was not told."""
    return parts(now.side) - parts(then.side) if now.side and then.side else frozenset()


def _sides(now: FindingReading, then: FindingReading) -> Iterable[str]:
    if (now.presence, then.presence) == ("present", "present"):
        display = FINDING[now.key].display
        yield from (f"{display}: new on the {side}" for side in sorted(_appeared(now, then)))
        yield from (f"{display}: no longer on the {side}" for side in sorted(_appeared(then, now)))


def _areas(now: FindingReading, then: FindingReading) -> tuple[float, float]:
    """Shares of both images: of the masks where both have one, else of the boxes; 0 where nothing was localised."""
    if now.mask is not None and then.mask is not None:
        return share(now.mask), share(then.mask)
    return covered(now.regions), covered(then.regions)


def covered(regions: Sequence[Region]) -> float:
    """The share of the image under the boxes, what lies under several counted once."""
    columns = sorted({edge for one in regions for edge in (one.x0, one.x1)})
    return sum((right - left) * _height(one for one in regions if one.x0 <= left and right <= one.x1) for left, right in pairwise(columns))


def _height(regions: Iterable[Region]) -> float:
    """How much of the height the boxes cover."""
    total, reached = 0.0, 0.0
    for one in sorted(regions, key=lambda each: each.y0):
        total += max(0.0, one.y1 - max(one.y0, reached))
        reached = max(reached, one.y1)
    return total

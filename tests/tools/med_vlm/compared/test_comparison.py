"""Change against the prior: said where both were decided, and where the images can show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.evidence import Region
from tools.med_vlm.compared.comparison import MARGIN, compared, covered
from tools.med_vlm.reading import Change, FindingReading, Mask, Reading

PRIOR = "b" * 64


def region(x0: float, y0: float, x1: float, y1: float) -> Region:
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, score=0.5)


def finding(
    presence: Any = "present", side: Any = None, regions: Sequence[Region] = (), key: str = "pleural_effusion", **more: Any
) -> FindingReading:
    return FindingReading(key=key, presence=presence, probability=0.5, side=side, regions=tuple(regions), **more)


def read(*findings: FindingReading, view: str | None = "PA", **more: Any) -> Reading:
    told: dict[str, Any] = {"model": "m", "fingerprint": "0" * 64, "abstained": False, "reason": "", **more}
    return Reading(findings=findings, view=view, **told)


HALF, QUARTER, THIRD = [region(0, 0, 1, 0.5)], [region(0, 0, 0.5, 0.5)], [region(0, 0, 1, 0.36)]


@pytest.mark.parametrize(
    ("now", "then", "change"),
    [
        (finding("present"), finding("absent"), "new"),
        (finding("absent"), finding("present"), "resolved"),
        (finding("absent"), finding("absent"), "unchanged"),
        (finding("present"), finding("present"), "undecided"),
        (finding("uncertain"), finding("absent"), "undecided"),
        (finding("present"), finding("uncertain"), "undecided"),
        (finding(regions=HALF), finding(regions=QUARTER), "larger"),
        (finding(regions=QUARTER), finding(regions=HALF), "smaller"),
        (finding(regions=HALF), finding(regions=THIRD), "unchanged"),
        (finding(regions=HALF), finding(regions=HALF), "unchanged"),
        (finding(regions=HALF), finding(), "undecided"),
        (finding(side="right"), finding(side="left"), "new"),
        (finding(side="bilateral"), finding(side="left"), "new"),
        (finding(side="left"), finding(side="bilateral"), "undecided"),
        (finding(side="left", regions=HALF), finding(regions=QUARTER), "larger"),
        (finding(key="pacemaker"), finding(key="pacemaker"), "unchanged"),
        (finding(), finding(key="nodule"), "undecided"),
    ],
)
def test_a_finding_has_changed_where_both_images_can_show_it(now: FindingReading, then: FindingReading, change: Change) -> None:
    made = compared(read(now), read(then), PRIOR)
    assert [one.change for one in made.findings] == [change]
    assert made.compared_with == PRIOR


@pytest.mark.parametrize(("view", "before"), [("PA", "AP"), (None, None), ("PA", None)])
def test_an_extent_is_not_compared_between_views(view: str | None, before: str | None) -> None:
    made = compared(read(finding(regions=HALF), view=view), read(finding(regions=QUARTER), view=before), PRIOR)
    assert made.findings[0].change == "undecided"


def test_masks_are_measured_before_boxes() -> None:
    small, large = Mask(rows=10, columns=10, runs=(0, 10, 90)), Mask(rows=20, columns=20, runs=(0, 200, 200))
    made = compared(read(finding(regions=QUARTER, mask=large)), read(finding(regions=HALF, mask=small)), PRIOR)
    assert made.findings[0].change == "larger"


@pytest.mark.parametrize(
    ("now", "then", "note"),
    [
        ("bilateral", "left", "pleural effusion: new on the right"),
        ("left", "bilateral", "pleural effusion: no longer on the right"),
    ],
)
def test_a_change_of_side_is_noted(now: str, then: str, note: str) -> None:
    assert note in compared(read(finding(side=now)), read(finding(side=then)), PRIOR).notes


def test_that_a_prior_was_compared_stands_in_the_technique() -> None:
    made = compared(read(finding(), technique=("One view.",)), read(finding()), PRIOR)
    assert made.technique == ("One view.", "The prior image was read by the same model, and the readings were compared.")


def test_an_abstention_on_either_image_compares_nothing() -> None:
    abstained = read(abstained=True, reason="a lateral view")
    assert compared(abstained, read(finding()), PRIOR) is abstained
    made = compared(read(finding()), abstained, PRIOR)
    assert made.findings[0].change is None
    assert made.compared_with is None
    assert made.notes == ("the prior image was not compared: a lateral view",)


def test_readings_of_two_models_are_not_compared() -> None:
    with pytest.raises(ValueError, match="two models"):
        compared(read(finding()), read(finding(), fingerprint="1" * 64), PRIOR)


EDGES = st.lists(st.integers(0, 10), min_size=2, max_size=2, unique=True).map(sorted)
BOXES = st.lists(st.tuples(EDGES, EDGES).map(lambda both: (both[0][0], both[1][0], both[0][1], both[1][1])), min_size=1, max_size=6)


@given(BOXES)
def test_the_area_under_boxes_counts_each_place_once(corners: list[tuple[int, int, int, int]]) -> None:
    cells = {(x, y) for x0, y0, x1, y1 in corners for x in range(x0, x1) for y in range(y0, y1)}
    made = covered([region(*(one / 10 for one in box)) for box in corners])
    assert made == pytest.approx(len(cells) / 100)


@given(BOXES, BOXES)
def test_what_is_larger_one_way_is_smaller_the_other(now: list[tuple[int, ...]], then: list[tuple[int, ...]]) -> None:
    here, before = (read(finding(regions=[region(*(one / 10 for one in box)) for box in boxes])) for boxes in (now, then))
    mirrored = {"larger": "smaller", "smaller": "larger", "unchanged": "unchanged"}
    change, back = compared(here, before, PRIOR).findings[0].change, compared(before, here, PRIOR).findings[0].change
    assert change is not None
    assert mirrored[change] == back
    ratio = covered(here.findings[0].regions) / covered(before.findings[0].regions)
    assert (change == "larger") == (ratio >= MARGIN)

"""Findings: the right side, the right sign, the right place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fhir.codes import FINDINGS, Side
from sandbox.phantoms.errors import PhantomError, SpecRefused
from sandbox.phantoms.findings import check
from sandbox.phantoms.render import anatomy_of, attenuation, render
from sandbox.phantoms.spec import DrawnFinding, Lobe, PhantomSpec, Size, Zone

Study = Callable[..., PhantomSpec]
SIZE = 192
SIDES: tuple[Side, ...] = ("left", "right")
SIZES: tuple[Size, ...] = ("small", "moderate", "large")


def _lateral_findings(side: Side) -> list[DrawnFinding]:
    lobe: Lobe = "left lower" if side == "left" else "right lower"
    zones: tuple[Zone, ...] = ("upper", "middle", "lower")
    out = [DrawnFinding(key, side, size) for key in ("pleural_effusion", "pneumothorax") for size in SIZES]
    out += [DrawnFinding(key, side, size, lobe=lobe) for key in ("consolidation", "atelectasis") for size in SIZES]
    out += [DrawnFinding("nodule", side, zone=zone, diameter_mm=mm) for zone in zones for mm in (6, 15, 30)]
    return [*out, DrawnFinding("tension_pneumothorax", side, "large")]


LATERAL = [finding for side in SIDES for finding in _lateral_findings(side)]
LOBES: tuple[Lobe, ...] = ("right upper", "right middle", "right lower", "left upper", "left lower")
CENTRAL = [
    DrawnFinding("cardiomegaly", size="small"),
    DrawnFinding("cardiomegaly", size="large"),
    DrawnFinding("pulmonary_edema"),
    DrawnFinding("pacemaker", "left"),
    DrawnFinding("malpositioned_device", device="endotracheal tube"),
    DrawnFinding("malpositioned_device", device="nasogastric tube"),
    DrawnFinding("malpositioned_device", device="central line"),
]


def _name(finding: DrawnFinding) -> str:
    parts = (finding.key, finding.side, finding.size, finding.lobe, finding.zone, finding.device, finding.diameter_mm)
    return "-".join(str(part) for part in parts if part)


@pytest.mark.parametrize("finding", LATERAL, ids=_name)
def test_draws_a_lateral_finding_on_the_stated_side(finding: DrawnFinding, study: Study) -> None:
    mask = render(study(finding), size=SIZE).masks[finding.key]
    columns = np.flatnonzero(mask.any(axis=0))
    assert columns.size, "the finding left no truth"
    # The patient's left is on the image's right; a tilted exposure moves the midline by a few pixels at most.
    slack = SIZE // 25
    if finding.side == "left":
        assert columns.min() > SIZE // 2 - slack
        assert np.median(np.nonzero(mask)[1]) > SIZE // 2
    else:
        assert columns.max() < SIZE // 2 + slack
        assert np.median(np.nonzero(mask)[1]) < SIZE // 2


@pytest.mark.parametrize("finding", [*LATERAL, *CENTRAL], ids=_name)
def test_changes_attenuation_inside_its_mask_in_the_right_direction(finding: DrawnFinding, study: Study) -> None:
    with_it, masks, _ = attenuation(study(finding), SIZE)
    without, _, _ = attenuation(study(), SIZE)
    change = float((with_it - without)[masks[finding.key]].mean())
    if "pneumothorax" in finding.key:
        assert change < -0.03
    else:
        assert change > 0.02


@pytest.mark.parametrize("lobe", LOBES)
def test_consolidation_of_an_upper_lobe_lies_above_that_of_a_lower(lobe: Lobe, study: Study) -> None:
    side: Side = "left" if lobe.startswith("left") else "right"
    mask = render(study(DrawnFinding("consolidation", side, lobe=lobe)), size=SIZE).masks["consolidation"]
    middle = float(np.nonzero(mask)[0].mean()) / SIZE
    assert middle < 0.45 if lobe.endswith("upper") else middle > 0.5


@pytest.mark.parametrize("key", ["pleural_effusion", "pneumothorax"])
@pytest.mark.parametrize("side", SIDES)
def test_a_larger_finding_covers_more(key: str, side: Side, study: Study) -> None:
    areas = [int(render(study(DrawnFinding(key, side, size)), size=SIZE).masks[key].sum()) for size in SIZES]
    assert areas[0] < areas[1] < areas[2]


def test_a_bilateral_effusion_lies_on_both_sides(study: Study) -> None:
    mask = render(study(DrawnFinding("pleural_effusion", "bilateral")), size=SIZE).masks["pleural_effusion"]
    assert mask[:, : SIZE // 3].any()
    assert mask[:, -SIZE // 3 :].any()


@pytest.mark.parametrize(("side", "away"), [("right", 1), ("left", -1)])
def test_tension_pushes_the_mediastinum_away_and_the_diaphragm_down(side: Side, away: int, study: Study) -> None:
    before, after = anatomy_of(study()), anatomy_of(study(DrawnFinding("tension_pneumothorax", side, "large")))
    assert away * (after.carina[0] - before.carina[0]) > 0.05
    assert after.side(side).dome > before.side(side).dome + 0.03
    row = np.asarray([after.right.level(0.8)], np.float32)
    assert after.side(side).inner(row)[0] < before.side(side).inner(row)[0] - 0.05


@pytest.mark.parametrize(("side", "towards"), [("right", -1), ("left", 1)])
def test_collapse_of_a_lobe_pulls_the_mediastinum_towards_it(side: Side, towards: int, study: Study) -> None:
    lobe: Lobe = "right upper" if side == "right" else "left upper"
    before, after = anatomy_of(study()), anatomy_of(study(DrawnFinding("atelectasis", side, "large", lobe=lobe)))
    assert towards * (after.carina[0] - before.carina[0]) > 0.02


def test_tension_leaves_a_truth_for_the_pneumothorax_too(study: Study) -> None:
    masks = render(study(DrawnFinding("tension_pneumothorax", "left", "large")), size=SIZE).masks
    assert set(masks) == {"tension_pneumothorax", "pneumothorax"}
    assert np.array_equal(masks["tension_pneumothorax"], masks["pneumothorax"])


@pytest.mark.parametrize("size", SIZES)
def test_an_enlarged_heart_measures_more_than_its_ratio_bound(size: Size, study: Study) -> None:
    spec = study(DrawnFinding("cardiomegaly", size=size))
    assert anatomy_of(spec).cardiothoracic_ratio > 0.55
    assert anatomy_of(study()).cardiothoracic_ratio < 0.50
    mask = render(spec, size=SIZE).masks["cardiomegaly"]
    lung_width = sum((anatomy_of(spec).right.width, anatomy_of(spec).left.width)) * SIZE
    columns = np.flatnonzero(mask.any(axis=0))
    assert (columns.max() - columns.min() + 1) / lung_width > 0.50


@pytest.mark.parametrize("millimetres", [8, 16, 30])
def test_a_nodule_measures_what_the_spec_says(millimetres: int, study: Study) -> None:
    phantom = render(study(DrawnFinding("nodule", "right", zone="middle", diameter_mm=millimetres)), size=512)
    measured = 2 * np.sqrt(phantom.masks["nodule"].sum() / np.pi) * phantom.pixel_spacing_mm
    assert measured == pytest.approx(millimetres, rel=0.15, abs=1.0)


def test_every_finding_of_the_vocabulary_can_be_drawn(study: Study) -> None:
    drawn = {finding.key for finding in (*LATERAL, *CENTRAL)}
    assert drawn == {finding.key for finding in FINDINGS}


REFUSED = {
    "unknown key": (DrawnFinding("fracture"),),
    "no side": (DrawnFinding("pleural_effusion"),),
    "lobe of the other side": (DrawnFinding("consolidation", "left", lobe="right upper"),),
    "no lobe": (DrawnFinding("consolidation", "left"),),
    "nodule without a zone": (DrawnFinding("nodule", "left", diameter_mm=9),),
    "nodule too large": (DrawnFinding("nodule", "left", zone="upper", diameter_mm=90),),
    "device without a name": (DrawnFinding("malpositioned_device"),),
    "twice on one side": (DrawnFinding("pleural_effusion", "left"), DrawnFinding("pleural_effusion", "bilateral")),
    "tension on both sides": (DrawnFinding("tension_pneumothorax", "bilateral"),),
    "tension and pneumothorax": (DrawnFinding("tension_pneumothorax", "left"), DrawnFinding("pneumothorax", "left")),
    "nodule in a collapsed lung": (
        DrawnFinding("tension_pneumothorax", "left"),
        DrawnFinding("nodule", "left", zone="upper", diameter_mm=9),
    ),
}


@pytest.mark.parametrize("findings", REFUSED.values(), ids=REFUSED.keys())
def test_refuses_a_spec_that_contradicts_itself(findings: tuple[DrawnFinding, ...], study: Study) -> None:
    with pytest.raises(SpecRefused) as caught:
        check(study(*findings))
    assert isinstance(caught.value, PhantomError)
    assert caught.value.code == "phantom_spec_refused"

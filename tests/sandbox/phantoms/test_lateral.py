"""The lateral view."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sandbox.phantoms.render import attenuation
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec

Study = Callable[..., PhantomSpec]
FINDINGS = [
    DrawnFinding("pleural_effusion", "left"),
    DrawnFinding("pneumothorax", "left", "large"),
    DrawnFinding("tension_pneumothorax", "left", "large"),
    DrawnFinding("consolidation", "right", lobe="right middle"),
    DrawnFinding("cardiomegaly"),
    DrawnFinding("pulmonary_edema"),
    DrawnFinding("nodule", "left", zone="lower", diameter_mm=20),
    DrawnFinding("atelectasis", "left", lobe="left lower"),
    DrawnFinding("malpositioned_device", device="endotracheal tube"),
    DrawnFinding("pacemaker", "left"),
]


@pytest.mark.parametrize("finding", FINDINGS, ids=[finding.key for finding in FINDINGS])
def test_every_finding_is_drawn_with_its_truth_and_the_right_sign(finding: DrawnFinding, study: Study) -> None:
    with_it, masks, _ = attenuation(study(finding, view="LATERAL"), 160)
    without, _, _ = attenuation(study(view="LATERAL"), 160)
    change = float((with_it - without)[masks[finding.key]].mean())
    assert change < -0.03 if "pneumothorax" in finding.key else change > 0.02


def test_an_effusion_collects_behind_and_below(study: Study) -> None:
    _, masks, _ = attenuation(study(DrawnFinding("pleural_effusion", "left", "small"), view="LATERAL"), 160)
    rows, columns = np.nonzero(masks["pleural_effusion"])
    assert rows.mean() > 0.7 * 160
    assert columns.mean() > 0.6 * 160


def test_the_spine_lies_on_the_image_right_and_the_heart_in_front(study: Study) -> None:
    image, _, _ = attenuation(study(view="LATERAL"), 160)
    assert image[80:100, 105:115].mean() > image[80:100, 88:98].mean()
    assert image[92:102, 58:68].mean() > image[60:70, 50:60].mean()

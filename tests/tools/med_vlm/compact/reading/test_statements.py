"""From logits to statements."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.preprocess import Frame
from tools.med_vlm.compact.reading.calibration import ConformalLevel, FindingCalibration, Scaling
from tools.med_vlm.compact.reading.statements import finding_readings, probabilities

PLAIN = Scaling(slope=1.0, offset=0.0)
LEVELS = (ConformalLevel(level=0.95, present_from=0.6, absent_to=0.4),)
FITTED = (
    FindingCalibration(key="pleural_effusion", scaling=PLAIN, levels=LEVELS, side=PLAIN),
    FindingCalibration(key="pacemaker", scaling=PLAIN, levels=LEVELS, side=None),
)


@pytest.fixture
def output() -> Output:
    """Two images: an effusion on the right at the lower left of the image with a pacemaker in doubt; and nothing."""
    logits = torch.tensor([[3.0, 0.0], [-3.0, -4.0]])
    halves = torch.tensor([[[3.0, -3.0], [0.0, 0.0]], [[-3.0, -3.0], [0.0, 0.0]]])
    cells = torch.full((2, 2, 4, 4), -6.0)
    cells[0, 0, 3, 0] = 4.0
    return Output(cells, logits, halves, torch.zeros(2, 3), torch.zeros(2, 384), torch.zeros(2, 8), torch.zeros(2))


def test_presence_side_and_code_follow_the_calibration(output: Output) -> None:
    effusion, pacemaker = finding_readings(output, 0, FITTED)
    assert (effusion.presence, effusion.side, effusion.regions) == ("present", "right", ())
    assert effusion.code == "http://snomed.info/sct|60046008"
    assert (pacemaker.presence, pacemaker.side) == ("uncertain", None)
    assert [one.presence for one in finding_readings(output, 1, FITTED)] == ["absent", "absent"]


def test_regions_and_maps_are_shown_only_for_localised_findings_that_are_not_absent(output: Output) -> None:
    frame = Frame(80, 80)
    effusion, pacemaker = finding_readings(output, 0, FITTED, frame, ("pleural_effusion",))
    assert effusion.region is not None
    assert (effusion.region.x0, effusion.region.y0, effusion.region.x1, effusion.region.y1) == (0.0, 0.75, 0.25, 1.0)
    assert effusion.heat_map is not None
    assert np.argmax(effusion.heat_map) == 12
    assert (pacemaker.regions, pacemaker.heat_map) == ((), None)
    nothing = finding_readings(output, 1, FITTED, frame, ("pleural_effusion", "pacemaker"))
    assert all(one.heat_map is None and one.regions == () for one in nothing)
    (_, unsure) = finding_readings(output, 0, FITTED, frame, ("pacemaker",))
    assert unsure.regions == ()
    assert unsure.heat_map is not None


def test_probabilities_are_those_of_the_statements(output: Output) -> None:
    said = {one.key: one.probability for one in finding_readings(output, 0, FITTED)}
    assert probabilities(output, 0, FITTED) == said
    assert said["pacemaker"] == pytest.approx(0.5)

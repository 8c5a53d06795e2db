"""Which calibration reads an image, and why one is not read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.files import Calibration, DomainCalibration
from tools.med_vlm.compact.network import CompactNet, Output, Shape
from tools.med_vlm.compact.reading.calibration import FindingCalibration, Scaling
from tools.med_vlm.compact.reading.gates import OF_A_PATIENT, UNLIKE, Gates
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.compact.weights import Parts, gate_units, stored_shape

TINY = Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24, domain=True)


def _gate(direction: int) -> Gate:
    """A gate for textures that lie at one of two places."""
    return Gate(np.eye(4, dtype=np.float32)[direction], np.eye(4, dtype=np.float32)[:2], 1.0, 0.5)


def _findings(slope: float) -> tuple[FindingCalibration, ...]:
    return (FindingCalibration(key="nodule", scaling=Scaling(slope=slope, offset=0), levels=(), side=None),)


@pytest.fixture
def parts() -> Parts:
    return Parts(CompactNet(TINY).eval(), _gate(0), np.zeros(384, np.float32))


@pytest.fixture
def calibration(parts: Parts) -> Calibration:
    return Calibration(
        name="x", version="1", shape=stored_shape(TINY), gate=gate_units(parts.gate), findings=_findings(1.0), localised=("nodule",)
    )


def _output(*rows: tuple[int, float]) -> Output:
    """Answers whose texture lies at a place, with their domain logit."""
    blank = torch.zeros(len(rows), 1)
    texture = torch.eye(4)[[place for place, _ in rows]]
    return Output(blank, blank, blank, blank, blank, texture, torch.tensor([logit for _, logit in rows]))


def test_without_admission_radiographs_are_refused_with_the_reason(parts: Parts, calibration: Calibration) -> None:
    judged = Gates(parts, calibration).judge(_output((0, -3.0), (0, 3.0), (1, -3.0), (1, 3.0), (0, -torch.inf)))
    assert [one.reason for one in judged] == ["", OF_A_PATIENT, UNLIKE, UNLIKE, ""]
    assert judged[0].score < judged[0].threshold < judged[2].score


def test_an_admitted_radiograph_is_read_by_its_own_gate_and_calibration(parts: Parts, calibration: Calibration) -> None:
    own = DomainCalibration(gate=gate_units(_gate(1)), findings=_findings(2.0))
    gates = Gates(replace(parts, radiographs=_gate(1)), calibration.model_copy(update={"radiographs": own}))
    drawn, taken, lost = gates.judge(_output((0, -3.0), (1, 3.0), (0, 3.0)))
    assert (drawn.reason, taken.reason, lost.reason) == ("", "", UNLIKE)
    assert (drawn.findings[0].scaling.slope, taken.findings[0].scaling.slope) == (1.0, 2.0)
    assert (drawn.localised, taken.localised) == (("nodule",), ())


def test_a_distance_that_is_no_number_is_refused(parts: Parts, calibration: Calibration) -> None:
    output = _output((0, -3.0))
    broken = replace(output, texture=output.texture * torch.nan)
    assert Gates(parts, calibration).judge(broken)[0].reason == UNLIKE

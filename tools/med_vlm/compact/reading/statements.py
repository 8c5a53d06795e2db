"""From the network's answers to statements: one finding after the other, by a calibration."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from fhir.codes import FINDING, SNOMED
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.preprocess import Frame
from tools.med_vlm.compact.reading.calibration import FindingCalibration
from tools.med_vlm.compact.reading.localise import heat_map, region
from tools.med_vlm.reading import FindingReading

F32 = NDArray[np.float32]


def finding_readings(
    output: Output, row: int, fitted: Sequence[FindingCalibration], frame: Frame | None = None, localised: Collection[str] = ()
) -> tuple[FindingReading, ...]:
    """What is said of image `row` of `output`; regions and heat maps for the `localised` findings over the image's `frame`."""
    logits, halves = output.logits[row].numpy(), output.halves[row].numpy()
    plain = tuple(_reading(one, float(logits[head]), halves[head]) for head, one in enumerate(fitted))
    if frame is None:
        return plain
    cells = output.cells[row].sigmoid().numpy()
    return tuple(_placed(one, cells[head], frame) if one.key in localised else one for head, one in enumerate(plain))


def probabilities(output: Output, row: int, fitted: Sequence[FindingCalibration]) -> dict[str, float]:
    """Calibrated probabilities of image `row` by finding."""
    logits = output.logits[row].numpy()
    return {one.key: _probability(one, float(logits[head])) for head, one in enumerate(fitted)}


def _probability(one: FindingCalibration, logit: float) -> float:
    return float(one.scaling.probability(np.array(logit, dtype=np.float64)))


def _reading(one: FindingCalibration, logit: float, halves: F32) -> FindingReading:
    probability = _probability(one, logit)
    presence, snomed = one.presence(probability), FINDING[one.key].snomed
    return FindingReading(
        key=one.key,
        code=f"{SNOMED}|{snomed}" if snomed else None,
        presence=presence,
        probability=probability,
        side=None if presence == "absent" else one.which_side(float(halves[0]), float(halves[1])),
    )


def _placed(finding: FindingReading, cells: F32, frame: Frame) -> FindingReading:
    """With the heat map of what is not absent, and the box of what is present."""
    if finding.presence == "absent":
        return finding
    boxes = (region(cells, frame),) if finding.presence == "present" else ()
    return finding.model_copy(update={"regions": boxes, "heat_map": heat_map(cells, frame)})

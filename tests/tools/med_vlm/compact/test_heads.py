"""The order of the heads is part of the weights."""

from __future__ import annotations

from fhir.codes import FINDINGS
from tools.med_vlm.compact.files import load_calibration
from tools.med_vlm.compact.heads import KEYS, LATERAL, VIEWS


def test_heads_are_the_vocabulary_in_its_order() -> None:
    assert tuple((finding.key, finding.lateral) for finding in FINDINGS) == tuple(zip(KEYS, LATERAL, strict=True))


def test_the_model_that_ships_has_these_heads() -> None:
    calibration = load_calibration()
    assert tuple(finding.key for finding in calibration.findings) == KEYS
    assert (calibration.shape.findings, calibration.shape.views) == (len(KEYS), len(VIEWS))

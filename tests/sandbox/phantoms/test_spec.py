"""The spec and the report text."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from sandbox.phantoms.devices import PATHS
from sandbox.phantoms.findings import LOBE_CENTRE
from sandbox.phantoms.spec import DeviceName, DrawnFinding, Lobe, ReportText


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DrawnFinding("nodule").key = "pacemaker"  # type: ignore[misc]  # the refusal is the point


def test_a_report_reads_as_four_sections() -> None:
    report = ReportText(("One.", "Two."), ("Three.",), "PA.", "None.")
    assert report.text.splitlines() == ["TECHNIQUE: PA.", "COMPARISON: None.", "FINDINGS: One. Two.", "IMPRESSION: Three."]


def test_every_lobe_and_device_of_the_contract_can_be_drawn() -> None:
    assert set(LOBE_CENTRE) == set(get_args(Lobe))
    assert set(PATHS) == set(get_args(DeviceName))

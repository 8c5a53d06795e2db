"""What the order and the report say of the side."""

from __future__ import annotations

from typing import Any

import pytest

from agent.sides import order_side, report_sides
from fhir.chart import chart_of
from fhir.codes import SNOMED, Side
from fhir.study import Study
from policies.evidence import Polarity, Sourced

PATIENT = {"resourceType": "Patient", "id": "p"}


def study(*orders: str) -> Study:
    return Study("ImagingStudy/s", None, None, ("DX",), None, None, None, None, orders, ("DiagnosticReport/r",), ())


def order(n: int, **more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": f"o{n}", "status": "active", "subject": {"reference": "Patient/p"}, **more}


LEFT_CODE = {"coding": [{"system": SNOMED, "code": "7771000"}]}


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("orders", "side"),
    [
        ([order(1, bodySite=[LEFT_CODE])], "left"),
        ([order(1, bodySite=[{"text": "Right lung"}])], "right"),
        ([order(1, code={"text": "Drainage, both sides"})], "bilateral"),
        ([order(1, code={"coding": [{"display": "Radiograph of left wrist"}]})], "left"),
        ([order(1, bodySite=[LEFT_CODE, {"text": "right lung"}])], None),
        ([order(1, bodySite=[LEFT_CODE]), order(2, bodySite=[{"text": "right"}])], None),
        ([order(1, code={"text": "Chest radiograph"})], None),
        ([order(1, code={"text": "Upright chest, leftover contrast"})], None),
        ([], None),
    ],
)
def test_the_orders_side_is_told_only_when_they_name_one(orders: list[dict[str, Any]], side: Side | None) -> None:
    references = (*(f"ServiceRequest/{each['id']}" for each in orders), "ServiceRequest/gone")
    assert order_side(chart_of(PATIENT, orders), study(*references)) == side


def sentence(reference: str, finding: str, polarity: Polarity, side: Side | None) -> Sourced:
    return Sourced(kind="report_sentence", reference=reference, text="t", sha256="0", finding=finding, polarity=polarity, side=side)


def test_the_reports_sides_are_those_of_the_focal_studys_present_findings() -> None:
    told = (
        sentence("DiagnosticReport/r", "pneumothorax", "present", "left"),
        sentence("DiagnosticReport/r", "pneumothorax", "present", "left"),
        sentence("DiagnosticReport/r", "nodule", "absent", "right"),
        sentence("DiagnosticReport/r", "nodule", "present", None),
        sentence("DiagnosticReport/prior", "pneumothorax", "present", "right"),
    )
    assert report_sides(told, study()) == (("pneumothorax", "left"),)

"""A patient of whom a question can be asked: kidney disease, a contrast CT on order, a chest radiograph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir.chart import Chart
from fhir.codes import SNOMED

ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}


@pytest.fixture
def resources(lab: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    values = ((26, 2.1), (25, 1.9), (20, 1.8), (18, 0.9))
    creatinine = [lab("2160-0", value, "mg/dL", f"20{year}-03-01", id=f"creatinine-{year}") for year, value in values]
    return [
        {
            "resourceType": "ServiceRequest",
            "id": "order",
            "status": "active",
            "intent": "order",
            "code": {"text": "CT abdomen and pelvis with IV contrast"},
            "authoredOn": "2026-11-22T10:00:00Z",
            "reasonCode": [{"text": "Flank pain, haematuria"}],
            "reasonReference": [{"reference": "Condition/stone"}],
            "encounter": {"reference": "Encounter/visit"},
        },
        {
            "resourceType": "Condition",
            "id": "stone",
            "clinicalStatus": ACTIVE,
            "code": {"text": "Renal colic"},
            "recordedDate": "2026-11-22",
        },
        {
            "resourceType": "Condition",
            "id": "ckd",
            "clinicalStatus": ACTIVE,
            "code": {"coding": [{"system": SNOMED, "code": "431857002"}]},
            "recordedDate": "2019-05-02",
        },
        {
            "resourceType": "Condition",
            "id": "sinus",
            "clinicalStatus": ACTIVE,
            "code": {"text": "Chronic sinusitis"},
            "recordedDate": "2001-05-02",
        },
        {
            "resourceType": "Encounter",
            "id": "visit",
            "status": "in-progress",
            "type": [{"text": "Emergency visit"}],
            "period": {"start": "2026-11-22"},
            "diagnosis": [{"condition": {"reference": "Condition/stone"}}],
        },
        {
            "resourceType": "Encounter",
            "id": "old-visit",
            "status": "finished",
            "type": [{"text": "Check-up"}],
            "period": {"start": "2009-02-01"},
        },
        {
            "resourceType": "MedicationRequest",
            "id": "for-stone",
            "status": "stopped",
            "medicationCodeableConcept": {"text": "Tamsulosin"},
            "authoredOn": "2011-01-01",
            "reasonReference": [{"reference": "Condition/stone"}],
        },
        {
            "resourceType": "Procedure",
            "id": "chest",
            "status": "completed",
            "code": {"text": "Plain chest X-ray"},
            "performedDateTime": "2012-01-01",
        },
        {
            "resourceType": "Procedure",
            "id": "undone",
            "status": "not-done",
            "code": {"text": "Nephrectomy"},
            "performedDateTime": "2026-01-01",
        },
        {
            "resourceType": "Observation",
            "id": "future",
            "status": "final",
            "code": {"text": "Potassium"},
            "effectiveDateTime": "2027-01-01",
        },
        {"resourceType": "Claim", "id": "bill", "status": "active"},
        *creatinine,
    ]


@pytest.fixture
def chart(make_chart: Callable[..., Chart], resources: list[dict[str, Any]]) -> Chart:
    return make_chart(*resources)

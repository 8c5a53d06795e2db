"""How much a fact matters: parts that add up and say why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fhir.chart import Chart
from fhir.codes import LOINC, SNOMED
from fhir.imaging import focal_study
from fhir.time import parse_when
from tools.evidence_pack.relevance import (
    ASKED,
    ASKED_WORDS,
    FINDING,
    LEAST,
    PLACE,
    READ,
    REASON,
    RECENT,
    Focus,
    Scale,
    focus_of,
    total,
    why,
)


def parts_of(concept: tuple[str, str, str], as_of: datetime, **focus: Any) -> dict[str, float]:
    system, code, text = concept
    codings = frozenset({(system, code)} if code else ())
    return {name.partition(":")[0]: weight for name, weight in Scale(Focus(as_of, **focus)).of_concept((codings, text))}


EGFR, WARFARIN = (LOINC, "33914-3", ""), ("", "", "Warfarin 5 mg tablet")
TETANUS, SINUSITIS = ("", "", "Tetanus toxoid"), ("", "", "Chronic sinusitis")


@pytest.mark.parametrize(
    ("concept", "focus", "parts"),
    [
        (SINUSITIS, {}, {}),
        (EGFR, {}, {"read by policies": READ}),
        (WARFARIN, {}, {"read by policies": READ}),
        ((SNOMED, "36118008", ""), {}, {"read by policies": READ, "a finding of images": FINDING}),
        (EGFR, {"question": "Is renal function known?"}, {"read by policies": READ, "question": ASKED}),
        (TETANUS, {"question": "Tetanus?"}, {"question": ASKED_WORDS}),
        (TETANUS, {"question": "Tetanus, diphtheria, polio or mumps vaccine given?"}, {"question": ASKED_WORDS / 2}),
        (EGFR, {"reason": "Nephropathy"}, {"read by policies": READ, "reason": REASON}),
        ((SNOMED, "7", ""), {"reason_codes": frozenset({(SNOMED, "7")})}, {"coded reason": REASON}),
        (("", "", "Plain chest X-ray"), {"place": frozenset({"chest"})}, {"body part": PLACE}),
    ],
)
def test_each_part_has_its_reason_and_its_weight(
    as_of: datetime, concept: tuple[str, str, str], focus: dict[str, Any], parts: dict[str, float]
) -> None:
    assert parts_of(concept, as_of, **focus) == parts


@pytest.mark.parametrize(
    ("resource_type", "days", "weight"),
    [
        ("Observation", 0, RECENT),
        ("Observation", 90, RECENT / 2),
        ("Condition", 730, RECENT / 2),
        ("Observation", 900, 0.002),
        ("Goal", 360, RECENT / 4),
    ],
)
def test_recency_halves_with_each_half_life_of_the_kind(as_of: datetime, resource_type: str, days: int, weight: float) -> None:
    moment = parse_when((as_of - timedelta(days=days)).isoformat())
    assert total(Scale(Focus(as_of)).recency(resource_type, moment)) == pytest.approx(weight, abs=0.001)


@pytest.mark.parametrize("text", ["2026-11", "2026", "2031-01-01"])
def test_a_date_that_may_be_today_or_later_is_as_recent_as_can_be_and_none_is_not(as_of: datetime, text: str) -> None:
    scale = Scale(Focus(as_of))
    assert total(scale.recency("Observation", parse_when(text))) == RECENT
    assert scale.recency("Observation", None) == ()


def test_old_and_untied_is_less_than_what_is_set_aside_and_read_by_policies_is_more(as_of: datetime) -> None:
    assert sum(parts_of(SINUSITIS, as_of).values()) < LEAST <= sum(parts_of(EGFR, as_of).values())


def test_why_names_the_parts_weightiest_first() -> None:
    assert why((("recent", 0.4), ("read by policies: egfr", 3.0), ("tiny", 0.01))) == "read by policies: egfr 3.0, recent 0.4"


def test_the_focus_takes_reasons_places_and_anchors_from_open_orders(chart: Chart, as_of: datetime) -> None:
    focus = focus_of(chart, as_of, None, "Contrast?")
    assert focus.question == "Contrast?"
    assert "Flank pain" in focus.reason
    assert {"abdomen", "pelvis"} <= focus.place
    assert focus.place.isdisjoint({"chest"})
    assert focus.anchors == {"ServiceRequest/order", "Condition/stone", "Encounter/visit"}


def test_the_focus_takes_place_and_modality_from_the_study(make_chart: Any, as_of: datetime) -> None:
    study = {
        "resourceType": "ImagingStudy",
        "id": "s",
        "status": "available",
        "modality": [{"code": "DX"}],
        "started": "2026-11-20",
        "series": [{"bodySite": {"display": "Thoracic structure"}}],
        "basedOn": [{"reference": "ServiceRequest/done"}],
    }
    order = {
        "resourceType": "ServiceRequest",
        "id": "done",
        "status": "completed",
        "reasonCode": [{"coding": [{"system": SNOMED, "code": "7"}]}],
    }
    chart = make_chart(study, order)
    focus = focus_of(chart, as_of, focal_study(chart))
    assert "lung" in focus.place
    assert "radiograph" in focus.modality
    assert focus.reason_codes == {(SNOMED, "7")}
    assert focus.anchors == {"ImagingStudy/s", "ServiceRequest/done"}


def test_a_chart_without_orders_and_study_asks_for_nothing_in_particular(make_chart: Any, as_of: datetime) -> None:
    assert focus_of(make_chart(), as_of) == Focus(as_of)

"""What goes with a launch. That it is a whole one is proved by test_routes.py, with the product's own SMART client."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.chart.launching import UnknownStudy, launch
from sandbox.chart.record import record_of
from sandbox.chart.staff import CLINICIANS
from sandbox.ehr.auth.grants import Launch
from sandbox.ehr.serve import Running


def minted(ward: Running, patient: str, *, launch_url: str = "http://127.0.0.1:9/launch", **how: object) -> tuple[str, str, Launch]:
    """The URL, the study and what the handle stands for, which is used up."""
    chart = record_of(ward.store, patient)
    assert chart is not None
    made = launch(ward.hospital, chart, CLINICIANS[1], launch_url, **{"study": None, "whole_page": False, **how})  # type: ignore[arg-type]
    query = parse_qs(urlsplit(made.url).query)
    assert query["iss"] == [ward.base]
    return made.url, made.study, ward.auth.launches.use(query["launch"][0])


@pytest.mark.std("A10")
def test_the_patient_the_open_visit_the_newest_study_and_the_user_go_with_it(ward: Running) -> None:
    _, study, stands_for = minted(ward, "tension-ptx")
    context = stands_for.context
    assert stands_for.user == CLINICIANS[1]
    assert (context.patient, context.encounter) == ("tension-ptx", "tension-ptx-encounter-1")
    assert context.fhir_context == ({"reference": f"ImagingStudy/{study}", "type": "ImagingStudy"},)


@pytest.mark.std("A11")
@pytest.mark.parametrize("whole_page", [False, True])
def test_a_window_of_its_own_names_the_patient_itself_and_has_no_chart_to_speak_with(ward: Running, whole_page: bool) -> None:
    context = minted(ward, "tension-ptx", whole_page=whole_page)[2].context
    assert context.need_patient_banner is whole_page
    assert (context.messaging is None) is whole_page
    assert context.messaging is None or context.messaging.origin == ward.origin


def test_a_study_of_another_chart_does_not_go_with_it(ward: Running) -> None:
    with pytest.raises(UnknownStudy):
        minted(ward, "tension-ptx", study="metformin-egfr35-imagingstudy-1")
    assert minted(ward, "metformin-egfr35", study="metformin-egfr35-imagingstudy-1")[1] == "metformin-egfr35-imagingstudy-1"


def test_a_launch_url_with_a_query_keeps_it(ward: Running) -> None:
    url, _, _ = minted(ward, "tension-ptx", launch_url="http://127.0.0.1:9/launch?site=a")
    assert parse_qs(urlsplit(url).query)["site"] == ["a"]


@pytest.mark.fault(109)
@pytest.mark.parametrize(("emergency", "intent"), [(False, None), (True, "break-glass")])
def test_an_emergency_is_told_by_the_intent_and_changes_nothing_else(ward: Running, emergency: bool, intent: str | None) -> None:
    usual = minted(ward, "tension-ptx", whole_page=True)[2]
    urgent = minted(ward, "tension-ptx", whole_page=True, emergency=emergency)[2]
    assert urgent.context == replace(usual.context, intent=intent)
    assert urgent.user == usual.user

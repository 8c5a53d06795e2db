"""Which reports speak of the study under review, and which of the one before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.composers.studies import studies_of
from fhir.chart import chart_of
from fhir.errors import UnknownStudy
from policies.case import PolicyCase, StudyFacts

Resource = dict[str, Any]


def study(name: str, started: str | None, modality: str = "DX", body_part: str = "chest") -> Resource:
    series = [{"uid": f"1.2.{len(name)}", "modality": {"code": modality}, "bodySite": {"display": body_part}}]
    started_at = {"started": started} if started else {}
    return {
        "resourceType": "ImagingStudy",
        "id": name,
        "status": "available",
        "subject": {"reference": "Patient/p"},
        "series": series,
        **started_at,
    }


def report(name: str, of: str, issued: str = "2026-11-23T10:00:00Z") -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": name,
        "status": "final",
        "code": {"text": "Chest radiograph"},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": issued,
        "imagingStudy": [{"reference": f"ImagingStudy/{of}"}],
    }


NOW, THEN, LONG_AGO = study("now", "2026-11-23T08:00:00Z"), study("then", "2026-09-02T08:00:00Z"), study("long-ago", "2020-01-01T08:00:00Z")
CT, KNEE = study("ct", "2026-10-01T08:00:00Z", "CT"), study("knee", "2026-10-01T08:00:00Z", body_part="knee")


def case(*resources: Resource, focal: str | None = None) -> PolicyCase:
    whole = PolicyCase(chart_of({"resourceType": "Patient", "id": "p"}, list(resources)), datetime(2026, 11, 23, 9, tzinfo=UTC))
    return whole if focal is None else replace(whole, study=StudyFacts(focal, ("DX",), None, None))


@pytest.mark.parametrize(
    ("resources", "named", "focal", "prior"),
    [
        ((), None, None, None),
        ((NOW,), None, "now", None),
        ((THEN, NOW, LONG_AGO), None, "now", "then"),
        ((THEN, NOW, LONG_AGO), "ImagingStudy/then", "then", "long-ago"),
        ((THEN, NOW, LONG_AGO), "long-ago", "long-ago", None),
        ((NOW, CT, LONG_AGO), None, "now", "long-ago"),
        ((NOW, KNEE, LONG_AGO), None, "now", "long-ago"),
        ((NOW, study("undated", None)), None, "now", None),
    ],
    ids=["none", "one", "three", "one is named", "the oldest is named", "a CT between", "a knee between", "one without a time"],
)
def test_finds_the_study_and_the_newest_comparable_one_before_it(
    resources: tuple[Resource, ...], named: str | None, focal: str | None, prior: str | None
) -> None:
    found = studies_of(case(*resources, focal=named))
    assert [each and each.reference for each in (found.focal, found.prior)] == [name and f"ImagingStudy/{name}" for name in (focal, prior)]


def test_the_reports_of_each_are_kept_apart() -> None:
    found = studies_of(case(NOW, THEN, report("a", "now"), report("b", "now"), report("c", "then"), report("d", "elsewhere")))
    assert found.reports == {"DiagnosticReport/a", "DiagnosticReport/b"}
    assert found.prior_reports == {"DiagnosticReport/c"}


def test_without_studies_no_report_is_anybodys() -> None:
    found = studies_of(case(report("a", "now")))
    assert (found.reports, found.prior_reports) == (frozenset(), frozenset())


def test_a_study_that_the_chart_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownStudy):
        studies_of(case(NOW, focal="ImagingStudy/elsewhere"))

"""What an export amounts to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from fhir.bulk.fetch import Fetched
from fhir.bulk.files import FileReport
from fhir.bulk.manifest import ExportManifest
from fhir.bulk.outcome import Asked, is_whole, outcome
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState

T1, T2 = "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z"
MANIFEST = ExportManifest(T2, False, ())
PATIENTS = FileReport("Patient.0001.ndjson", "Patient", 2)
WHOLE = Fetched((PATIENTS,), frozenset(), (), frozenset(), Counter())
SHORT = replace(PATIENTS, count=3)
FAILED = FileReport("Observation.0002.ndjson", "Observation", problem="fhir_unreachable")
REFUSED = replace(FAILED, problem="fhir_access_refused")
SAME = FileReport("Observation.0003.ndjson", "Observation", 5)


def state_of(
    fetched: Fetched, *, manifest: ExportManifest = MANIFEST, since: str | None = None, before: ExportState | None = None
) -> ExportState:
    asked = Asked("https://ehr.example/fhir", ExportRequest("patients", since=since), ("a", "b", "c"))
    return outcome(asked, before, manifest, fetched, runs=("run-0001",), patients={"a", "c"})


@pytest.mark.std("C5")
@pytest.mark.parametrize(
    ("fetched", "more", "whole"),
    [
        (WHOLE, False, True),
        (replace(WHOLE, issues=Counter({("warning", "timeout"): 1})), False, True),
        (replace(WHOLE, issues=Counter({("error", "timeout"): 1})), False, False),
        (replace(WHOLE, files=(SHORT,)), False, False),
        (replace(WHOLE, files=(PATIENTS, FAILED)), False, False),
        (replace(WHOLE, deletions=(replace(FAILED, resource_type="Bundle"),)), False, False),
        (WHOLE, True, False),
    ],
)
def test_the_next_run_begins_where_this_one_ended_only_when_everything_came(fetched: Fetched, more: bool, whole: bool) -> None:
    manifest = replace(MANIFEST, more=more)
    assert is_whole(manifest, fetched) is whole
    for since in (None, T1):
        assert state_of(fetched, manifest=manifest, since=since).next_since == (T2 if whole else since)


@pytest.mark.std("C6")
def test_who_was_asked_for_and_did_not_come_is_missing() -> None:
    assert state_of(WHOLE).missing == ("b",)


@pytest.mark.std("C3")
@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("files", "state"),
    [
        ((SAME,), "complete"),
        ((FAILED,), "failed"),
        ((REFUSED,), "refused"),
        ((SAME, FAILED), "truncated"),
        ((FAILED, REFUSED), "truncated"),
    ],
)
def test_a_type_is_as_complete_as_its_files(files: tuple[FileReport, ...], state: str) -> None:
    assert state_of(replace(WHOLE, files=(PATIENTS, *files))).states["Observation"] == state


@pytest.mark.std("C3")
@pytest.mark.fault(7)
def test_where_the_server_could_not_give_something_a_type_that_did_not_come_is_not_called_empty() -> None:
    assert state_of(WHOLE).states["MedicationRequest"] == "complete"
    grave = replace(WHOLE, issues=Counter({("error", "exception"): 1}))
    assert state_of(grave).states["MedicationRequest"] == "failed"
    assert state_of(grave).states["Patient"] == "complete"
    more = state_of(WHOLE, manifest=replace(MANIFEST, more=True)).states
    assert (more["MedicationRequest"], more["Patient"]) == ("failed", "truncated")


@pytest.mark.std("C3")
def test_where_deletions_are_not_known_nothing_is_complete() -> None:
    unknown = replace(WHOLE, deletions=(FileReport("deleted.0001", "Bundle", problem="not_there"),))
    assert set(state_of(unknown).states.values()) == {"truncated"}


@pytest.mark.std("C5")
def test_a_later_run_keeps_where_the_first_began() -> None:
    first = state_of(WHOLE, since=T1)
    assert (first.began, state_of(WHOLE, since=T2, before=first).began) == (T1, T1)

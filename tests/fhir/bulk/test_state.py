"""What `export.json` says, and what a chart may believe of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fhir.bulk.request import ExportRequest
from fhir.bulk.state import STATE, ExportState, described, pulled_of, read_state, write_state
from fhir.errors import ExportFailed
from fhir.types import PULLED_TYPES

T1 = "2026-11-20T09:00:00Z"
STATE_1 = ExportState(
    "https://ehr.example/fhir",
    described(ExportRequest("patients")),
    None,
    T1,
    T1,
    ("run-0001",),
    members=("a", "b"),
    states={"Observation": "truncated"},
    files=({"name": "Patient.0001.ndjson", "bad": []},),
    issues=(("error", "exception", 2),),
)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    write_state(tmp_path, STATE_1)
    assert read_state(tmp_path) == STATE_1
    assert (tmp_path / STATE).stat().st_mode & 0o777 == 0o600


def test_the_state_is_not_taken_for_a_resource(tmp_path: Path) -> None:
    write_state(tmp_path, replace(STATE_1, unknown=json.dumps({"resourceType": "Patient"})))
    from fhir.files import _looks_like_fhir

    assert not _looks_like_fhir(tmp_path / STATE)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"base":1}', b'{"base":"a","base":"b"}'])
def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / STATE).write_bytes(text)
    with pytest.raises(ExportFailed):
        read_state(tmp_path)


def test_two_runs_are_one_export_whatever_their_beginnings() -> None:
    one, other = ExportRequest("patients", since=T1), ExportRequest("patients")
    assert described(one) == described(other) != described(ExportRequest("system"))


@pytest.mark.std("C6")
def test_an_export_is_complete_when_nothing_and_nobody_is_missing() -> None:
    assert STATE_1.complete
    assert not replace(STATE_1, missing=("b",)).complete
    assert not replace(STATE_1, next_since=None).complete


@pytest.mark.std("C6")
@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("request_", "began", "expected"),
    [
        (ExportRequest("patients"), None, ("truncated", "complete")),
        (ExportRequest("patients", types=("Patient", "Observation")), None, ("truncated", "not asked")),
        (ExportRequest("patients", type_filters=("Condition?category=x",)), None, ("truncated", "truncated")),
        (ExportRequest("patients", type_filters=("Observation?category=x",)), None, ("truncated", "complete")),
        (ExportRequest("patients", elements=("id",)), None, ("truncated", "truncated")),
        (ExportRequest("patients"), T1, ("truncated", "truncated")),
    ],
)
def test_a_chart_is_told_of_every_type_whether_all_of_it_is_here(
    request_: ExportRequest, began: str | None, expected: tuple[str, str]
) -> None:
    pulled = dict(replace(STATE_1, request=described(request_), began=began).pulled())
    assert (pulled["Observation"], pulled["Condition"]) == expected
    assert set(pulled) == set(PULLED_TYPES)


@pytest.mark.std("C6")
@pytest.mark.fault(7)
def test_of_several_exports_the_worst_is_believed_and_of_other_folders_nothing_is_said(tmp_path: Path) -> None:
    assert pulled_of((tmp_path, tmp_path / "none")) == ()
    states = ({"Observation": "failed", "Goal": "truncated"}, {"Observation": "complete", "Goal": "refused"})
    for name, said in zip("ab", states, strict=True):
        (tmp_path / name).mkdir()
        write_state(tmp_path / name, replace(STATE_1, states=said))
    pulled = dict(pulled_of((tmp_path / "a", tmp_path / "b", tmp_path)))
    assert (pulled["Observation"], pulled["Goal"], pulled["Condition"]) == ("failed", "refused", "complete")

"""What an export holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir.jsontext import loads
from sandbox.ehr.access import Access
from sandbox.ehr.auth.scopes import resource_scopes
from sandbox.ehr.export import ExportFile, export_files, read_kickoff
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.store import Store

OFFERED = frozenset(("Patient", "Observation", "Encounter", "Flag"))
PATIENTS = frozenset(("p1", "p2"))


def export(store: Store, *pairs: tuple[str, str], access: Access | None = None, most: int = 100, **options: Any) -> list[ExportFile]:
    access = access or Access()
    asked = read_kickoff(pairs, access, **{"patients": None, "offered": OFFERED, "lenient": False, **options})
    return list(export_files(store, asked, access, most))


def ids(files: list[ExportFile], kind: str = "output") -> list[str]:
    return [loads(line)["id"] for each in files if each.kind == kind for line in each.text.splitlines()]


@pytest.mark.parametrize(
    ("pairs", "options", "expected"),
    [
        ([("_type", "Patient,Encounter")], {}, "enc1 p1 p2"),
        ([("_type", "Patient"), ("_type", "Encounter")], {}, "enc1 p1 p2"),
        ([("_type", "Encounter,Patient")], {"patients": frozenset(["p2"])}, "p2"),
        ([("_type", "Patient"), ("patient", "Patient/p2")], {"patients": PATIENTS}, "p2"),
        ([("_type", "Observation"), ("_typeFilter", "Observation?code=718-7")], {}, "o3"),
        ([("_type", "Observation"), ("_typeFilter", "Observation?code=718-7,8867-4&status=final,Observation?_id=o6")], {}, "o4 o6"),
        ([("_type", "Observation"), ("_typeFilter", "Observation?_id=o1"), ("_typeFilter", "Observation?_id=o2")], {}, "o1 o2"),
        ([("_type", "Patient"), ("_since", "2099-01-01T00:00:00Z")], {}, ""),
        ([("_type", "Patient"), ("_since", "1999-01-01T00:00:00.5-05:00")], {}, "p1 p2"),
        ([("_type", "Patient,Nonsense"), ("colour", "red")], {"lenient": True}, "p1 p2"),
    ],
)
@pytest.mark.std("C5")
def test_an_export_holds_what_was_asked_for(
    ward: list[dict[str, Any]], pairs: list[tuple[str, str]], options: dict[str, Any], expected: str
) -> None:
    assert ids(export(Store(ward), *pairs, **options)) == expected.split()


@pytest.mark.parametrize(
    ("pairs", "options"),
    [
        ([("_outputFormat", "text/csv")], {}),
        ([("_type", "Nonsense")], {}),
        ([("_elements", "id")], {}),
        ([("_since", "2024")], {}),
        ([("_since", "2024-01-01T00:00:00")], {}),
        ([("_since", "2024-13-01T00:00:00Z")], {}),
        ([("_type", "Patient"), ("_typeFilter", "Observation?code=1")], {}),
        ([("_typeFilter", "Observation?colour=red")], {}),
        ([("_typeFilter", "Observation?date=soon")], {}),
        ([("patient", "Patient/p3")], {"patients": PATIENTS}),
        ([("patient", "Patient/p1")], {}),
    ],
)
@pytest.mark.std("C1")
def test_what_cannot_be_exported_is_refused(pairs: list[tuple[str, str]], options: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        export(Store(), *pairs, **options)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("scopes", "pairs", "expected"),
    [
        ("system/*.rs", [], {"Observation", "Patient", "Encounter"}),
        ("system/Patient.rs", [], {"Patient"}),
        ("system/Patient.rs", [("_type", "Patient")], {"Patient"}),
        ("system/Patient.rs", [("_type", "Patient,Observation")], None),
        ("patient/*.rs", [], None),
        ("system/Patient.s", [], None),
        ("", [], None),
    ],
)
def test_an_export_goes_as_far_as_the_scopes(
    ward: list[dict[str, Any]], scopes: str, pairs: list[tuple[str, str]], expected: set[str] | None
) -> None:
    access = Access(resource_scopes(tuple(scopes.split())), "p1")
    if expected is None:
        with pytest.raises(Refusal) as refused:
            export(Store(ward), *pairs, access=access)
        assert refused.value.status == 403
    else:
        assert {each.type for each in export(Store(ward), *pairs, access=access)} == expected


def test_a_scope_with_a_condition_exports_only_what_fits_it(ward: list[dict[str, Any]]) -> None:
    access = Access(resource_scopes(("system/Observation.rs?category=vital-signs",)))
    assert ids(export(Store(ward), access=access)) == ["o4", "o5"]


def test_files_are_cut_at_the_most_resources_and_each_line_is_a_resource(ward: list[dict[str, Any]]) -> None:
    files = export(Store(ward), ("_type", "Observation"), most=4)
    assert [(each.name, each.count) for each in files] == [("output.Observation.1.ndjson", 4), ("output.Observation.2.ndjson", 2)]
    assert all(each.text.count(b"\n") == each.count for each in files)


@pytest.mark.std("C3")
def test_what_was_left_out_is_told_in_an_error_file() -> None:
    (error,) = export(Store(), ("colour", "red"), lenient=True)
    assert (error.kind, error.type, error.count) == ("error", "OperationOutcome", 1)
    assert loads(error.text)["resourceType"] == "OperationOutcome"


@pytest.mark.std("C3")
def test_what_was_deleted_since_is_listed_for_the_exported_patients_only() -> None:
    moments = iter(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(20))
    store = Store(clock=lambda: next(moments))
    for id_, owner in (("early", "p1"), ("late", "p1"), ("other", "p2")):
        store.put("Flag", id_, {"resourceType": "Flag", "subject": {"reference": f"Patient/{owner}"}})
    for id_ in ("early", "late", "other"):
        store.delete("Flag", id_)
    files = export(store, ("_since", "2024-01-05T00:00:00Z"), patients=frozenset(["p1"]))
    (deleted,) = files
    assert (deleted.kind, deleted.type) == ("deleted", "Bundle")
    assert [each["request"] for each in loads(deleted.text)["entry"]] == [{"method": "DELETE", "url": "Flag/late"}]
    assert export(store) == [], "without _since nothing is said of deletions"

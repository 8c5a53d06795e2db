"""The folder of an export, run after run, and what a run leaves that did not finish."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from fhir.bulk.folder import ExportFolder, export_folder
from fhir.bulk.state import ExportState
from fhir.errors import ExportFailed


def state_of(runs: tuple[str, ...], missing: tuple[str, ...] = ()) -> ExportState:
    return ExportState("https://ehr.example/fhir", {}, None, "2026-11-20T09:00:00Z", None, runs, missing=missing)


def put(folder: Path, name: str, *ids: str) -> None:
    kind = name.partition(".")[0]
    (folder / name).write_text("".join(json.dumps({"resourceType": kind, "id": one}) + "\n" for one in ids))


def run(out: Path, files: dict[str, tuple[str, ...]], replaced: Collection[str] = (), *, everything: bool = False) -> ExportFolder:
    with export_folder(out) as place:
        for name, ids in files.items():
            put(place.incoming, name, *ids)
        runs = place.settle(replaced=replaced, everything=everything)
        place.finish(state_of(runs), place.patients(runs))
    return place


def held(out: Path) -> dict[str, list[str]]:
    files = sorted(path for path in out.rglob("*.ndjson") if path.is_file())
    return {str(path.relative_to(out)): [json.loads(line)["id"] for line in path.read_text().splitlines()] for path in files}


def test_each_run_adds_a_folder_and_takes_out_of_the_older_ones_what_it_replaces(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, {"Patient.0001.ndjson": ("a", "b"), "Observation.0001.ndjson": ("a",)})
    run(out, {"Patient.0001.ndjson": ("b",)}, {"Patient/b", "Observation/a"})
    assert held(out) == {"run-0001/Patient.0001.ndjson": ["a"], "run-0002/Patient.0001.ndjson": ["b"]}
    assert (out / "cohort.txt").read_text() == "a\nb\n"


def test_a_run_that_brought_everything_stands_alone(tmp_path: Path) -> None:
    run(tmp_path / "out", {"Patient.0001.ndjson": ("a", "b")})
    place = run(tmp_path / "out", {"Patient.0001.ndjson": ("c",)}, everything=True)
    assert held(tmp_path / "out") == {"run-0002/Patient.0001.ndjson": ["c"]}
    assert place.runs == ("run-0002",)


@pytest.mark.std("C6")
def test_the_cohort_names_who_did_not_come(tmp_path: Path) -> None:
    with export_folder(tmp_path / "out") as place:
        put(place.incoming, "Patient.0001.ndjson", "b")
        runs = place.settle(replaced=(), everything=True)
        place.finish(state_of(runs, missing=("a",)), place.patients(runs))
    assert (tmp_path / "out" / "cohort.txt").read_text() == "a  # did not come with the export\nb\n"


def stop(out: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of everything or of changes that is killed at a moment. Raises KeyboardInterrupt."""

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, export_folder(out) as place:
        put(place.incoming, "Patient.0001.ndjson", "a", "new")
        if moment == "while files come":
            kill()
        if moment == "while it takes out what it replaces":
            patch.setattr("fhir.bulk.folder._take_out", kill)
        runs = place.settle(replaced={"Patient/a"}, everything=moment == "before it is named, with everything")
        if moment != "after it took out what it replaces":
            kill()
        place.finish(state_of(runs), place.patients(runs))
        kill()


@pytest.mark.fault(102)
@pytest.mark.parametrize(
    ("moment", "ids"),
    [
        ("while files come", ["a", "b"]),
        ("before it is named, with everything", ["a", "b"]),
        ("while it takes out what it replaces", ["a", "b", "a", "new"]),
        ("after it took out what it replaces", ["b", "a", "new"]),
    ],
)
def test_whenever_a_run_is_killed_nobody_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, ids: list[str]) -> None:
    out = tmp_path / "out"
    run(out, {"Patient.0001.ndjson": ("a", "b")})
    with pytest.raises(KeyboardInterrupt):
        stop(out, moment, monkeypatch)
    assert [one for file in held(out).values() for one in file] == ids
    run(out, {"Patient.0001.ndjson": ("a", "new")}, {"Patient/a", "Patient/new"})
    assert sorted(one for file in held(out).values() for one in file) == ["a", "b", "new"]


def test_a_folder_made_for_an_export_that_fails_is_gone_and_one_that_was_there_is_not(tmp_path: Path) -> None:
    def killed(out: Path) -> None:
        with export_folder(out):
            raise KeyboardInterrupt

    (tmp_path / "there").mkdir()
    for name in ("fresh", "there"):
        with pytest.raises(KeyboardInterrupt):
            killed(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert run(tmp_path / "there", {"Patient.0001.ndjson": ("a",)}).runs == ("run-0001",)


def test_two_exports_cannot_write_into_one_folder(tmp_path: Path) -> None:
    with export_folder(tmp_path / "out"), pytest.raises(ExportFailed, match="another export"), export_folder(tmp_path / "out"):
        raise AssertionError


@pytest.mark.parametrize("name", ["thesis.txt", "run-0001/Patient.0001.ndjson", "export.json"])
def test_a_folder_that_was_never_an_exports_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ExportFailed), export_folder(tmp_path / "out"):
        raise AssertionError
    assert path.read_text() == "mine"


def test_what_else_lies_in_an_exports_folder_is_not_taken_for_the_record(tmp_path: Path) -> None:
    run(tmp_path / "out", {"Patient.0001.ndjson": ("a",)})
    (tmp_path / "out" / "other.ndjson").write_text("{}")
    with pytest.raises(ExportFailed), export_folder(tmp_path / "out"):
        raise AssertionError

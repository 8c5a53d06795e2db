"""What a broken hospital or a hostile user hands in: refused with one problem document, or withheld; nothing half-written.

The installation itself broken (weights, index, rules, folders) is `test_bad_installation.py`; images are `test_bad_images.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

PHI = ("Quarrington", "Zebulon", "1951-07-13", "MRN-7734021", "creatinine")
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "pt-1",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "MRN-7734021"}],
    "name": [{"family": "Quarrington", "given": ["Zebulon"]}],
    "birthDate": "1951-07-13",
    "gender": "male",
}
CREATININE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "creatinine",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0", "display": "Creatinine"}]},
    "subject": {"reference": "Patient/pt-1"},
    "effectiveDateTime": "2026-11-19T08:00:00Z",
    "valueQuantity": {"value": 1.13, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
}
R5_ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "order",
    "status": "active",
    "intent": "order",
    "medication": {"concept": {"text": "apixaban"}},
    "subject": {"reference": "Patient/pt-1"},
}
OTHERS = {**CREATININE, "id": "theirs", "subject": {"reference": "Patient/somebody-else"}}
LOGIN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Zebulon Quarrington, your session ended</body></html>"


def bundle(*resources: Mapping[str, Any]) -> bytes:
    entries = [{"fullUrl": f"https://ehr.example/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


WHOLE = bundle(PATIENT, CREATININE)
SUBJECT = b'"subject": {"reference": "Patient/pt-1"}'

CHARTS: dict[str, tuple[bytes, str]] = {
    "truncated in an entry": (WHOLE[:-30], "bad_json"),
    "truncated in a word": (WHOLE[: WHOLE.index(b"Zebulon") + 3], "bad_json"),
    "truncated by one byte": (WHOLE[:-1], "bad_json"),
    "two documents": (WHOLE + WHOLE, "bad_json"),
    "subject given twice": (WHOLE.replace(SUBJECT, SUBJECT + b', "subject": {"reference": "Patient/other"}'), "bad_json"),
    "subject given twice, once escaped": (
        WHOLE.replace(SUBJECT, SUBJECT + b', "subj\\u0065ct": {"reference": "Patient/other"}'),
        "bad_json",
    ),
    "NaN": (WHOLE.replace(b"1.13", b"NaN"), "bad_json"),
    "Infinity": (WHOLE.replace(b"1.13", b"Infinity"), "bad_json"),
    "minus Infinity": (WHOLE.replace(b"1.13", b"-Infinity"), "bad_json"),
    "a number beyond all bounds": (WHOLE.replace(b"1.13", b"1e999999"), "bad_json"),
    "an integer of 5000 digits": (WHOLE.replace(b"1.13", b"9" * 5000), "bad_json"),
    "a lone surrogate": (WHOLE.replace(b"Quarrington", b"Quarrington\\ud800"), "bad_json"),
    "nested without end": (b'{"resourceType": "Bundle", "entry": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
    "UTF-16": (WHOLE.decode().encode("utf-16"), "bad_json"),
    "Latin-1": (WHOLE.replace(b"Zebulon", "Zébulon".encode("latin-1")), "bad_json"),
    "entries that are text": (b'{"resourceType": "Bundle", "entry": ["Zebulon Quarrington"]}', "bad_json"),
    "an HTML login page": (LOGIN, "not_fhir"),
    "XML": (b'<Bundle xmlns="http://hl7.org/fhir"><entry><!-- Zebulon Quarrington --></entry></Bundle>', "not_fhir"),
    "a note": (b"Zebulon Quarrington, born 1951-07-13, creatinine 1.13", "not_fhir"),
    "JSON of something else": (b'{"patients": [{"name": "Zebulon Quarrington"}]}', "not_fhir"),
    "a zip file": (b"PK\x03\x04" + bytes(200), "not_fhir"),
    "an empty file": (b"", "not_fhir"),
    "a blank file": (b" \n\t\n", "not_fhir"),
    "an R5 bundle": (bundle(PATIENT, R5_ORDER), "wrong_release"),
    "an empty bundle": (bundle(), "empty_source"),
    "an answer of errors only": (
        b'{"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "login"}]}',
        "empty_source",
    ),
    "another patient's Observation": (bundle(PATIENT, CREATININE, OTHERS), "another_patient"),
    "one Observation in two versions of the truth": (
        bundle(PATIENT, CREATININE, {**CREATININE, "status": "amended"}),
        "conflicting_copies",
    ),
    "another patient alone": (bundle({**PATIENT, "id": "pt-2"}), "unknown_patient"),
    "facts without their patient": (bundle(CREATININE), "unknown_patient"),
}


def left_behind(folder: Path) -> list[str]:
    """Files under `folder` that speak of a review: records, sealed or open, and anything half-written."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "checkpoints.sqlite" not in path.name)


@pytest.mark.parametrize("name", CHARTS)
def test_a_broken_chart_is_refused_and_nothing_is_written(name: str, command: Command, tmp_path: Path) -> None:
    text, code = CHARTS[name]
    (tmp_path / "chart.json").write_bytes(text)
    out = tmp_path / "out"
    out.mkdir()
    ended = command(
        "review", "pt-1", "--fhir", tmp_path / "chart.json", "--no-image-model", "--format", "json", "--out", out / "review.json"
    )
    ended.refused(code, "pt-1", *PHI)
    assert left_behind(out) == []
    assert left_behind(tmp_path / "home") == []


def test_the_same_chart_unbroken_is_reviewed(command: Command, tmp_path: Path) -> None:
    """What proves that the refusals above are of the damage and not of the builder."""
    (tmp_path / "chart.json").write_bytes(WHOLE)
    ended = command("review", "pt-1", "--fhir", tmp_path / "chart.json", "--no-image-model", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["patient"]["reference"] == "Patient/pt-1"


@pytest.mark.parametrize("name", ["truncated in an entry", "subject given twice", "NaN", "an R5 bundle", "another patient's Observation"])
def test_a_broken_file_in_a_folder_is_refused_too(name: str, command: Command, tmp_path: Path) -> None:
    text, code = CHARTS[name]
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "one.json").write_bytes(text)
    (tmp_path / "charts" / "two.json").write_bytes(bundle({**PATIENT, "id": "pt-2"}))
    command("review", "pt-1", "--fhir", tmp_path / "charts", "--no-image-model").refused(code, "pt-1", *PHI)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([json.dumps(PATIENT), json.dumps(CREATININE)[:-9]], "bad_json"),
        ([json.dumps(PATIENT), LOGIN.decode()], "bad_json"),
        ([LOGIN.decode(), json.dumps(PATIENT)], "not_fhir"),
        ([json.dumps(PATIENT), json.dumps(CREATININE).replace("1.13", "NaN")], "bad_json"),
        ([json.dumps(PATIENT), json.dumps(OTHERS)], "another_patient"),
    ],
)
def test_broken_ndjson_is_refused(lines: list[str], code: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.ndjson").write_text("\n".join(lines))
    command("review", "pt-1", "--fhir", tmp_path / "chart.ndjson", "--no-image-model").refused(code, "pt-1", *PHI)


WRONG_SHAPES: dict[str, dict[str, Any]] = {
    "a name that is text": {"name": "Zebulon Quarrington"},
    "a name that is a number": {"name": [7]},
    "a birth date that is none": {"birthDate": "banana"},
    "a birth date in the far past": {"birthDate": "0000-99-99"},
    "a gender that is a list": {"gender": ["male"]},
    "identifiers that are an object": {"identifier": {"value": "MRN-7734021"}},
    "identifiers that are text": {"identifier": ["MRN-7734021"]},
    "a meta that is text": {"meta": {"profile": "x", "security": 7}},
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_an_element_of_the_wrong_shape_is_refused_or_told_and_never_a_crash(name: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.json").write_bytes(bundle({**PATIENT, **WRONG_SHAPES[name]}, CREATININE))
    ended = command("review", "pt-1", "--fhir", tmp_path / "chart.json", "--no-image-model", "--format", "json")
    if ended.code == 3:
        ended.refused("bad_json", "pt-1", *PHI)
    else:
        assert (ended.code, ended.err) == (0, "")
        assert any(issue["reference"] == "Patient/pt-1" for issue in json.loads(ended.out)["manifest"]["quality"])


@pytest.mark.parametrize("asked", ["pt-9", "Patient/pt-9", "PT-1"])
def test_an_unknown_patient_is_refused_by_the_name_it_was_asked_with(asked: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.json").write_bytes(WHOLE)
    command("review", asked, "--fhir", tmp_path / "chart.json", "--no-image-model").refused("unknown_patient", asked, *PHI)


@pytest.mark.parametrize(
    "asked", ["../../etc/passwd", "pt-1/../pt-2", "pt 1", "", "Patient/", "pt-1\n", "pt-1%2f", "x" * 65, "pt-1?_count=1"]
)
def test_an_id_with_path_characters_is_refused(asked: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.json").write_bytes(WHOLE)
    ended = command("review", asked, "--fhir", tmp_path / "chart.json", "--no-image-model", "--out", tmp_path / "review.txt")
    ended.refused("request_invalid", asked, *PHI)
    assert not (tmp_path / "review.txt").exists()


@pytest.mark.parametrize("study", ["../../etc/passwd;", "no-such-study", "1.2.840.99999", ""])
def test_a_study_that_is_not_the_patients_is_refused(study: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.json").write_bytes(WHOLE)
    ended = command("review", "pt-1", "--fhir", tmp_path / "chart.json", "--no-image-model", "--study", study)
    ended.refused("request_invalid" if study in ("../../etc/passwd;", "") else "unknown_study", "pt-1", *PHI)


def test_an_empty_folder_and_a_missing_one_are_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    command("review", "pt-1", "--fhir", tmp_path / "charts", "--no-image-model").refused("empty_source", "pt-1")
    command("review", "pt-1", "--fhir", tmp_path / "nowhere", "--no-image-model").refused("source_missing", "pt-1")
    command("review", "pt-1", "--fhir", "", "--no-image-model").refused("source_missing", "pt-1")


@contextmanager
def hospital_answering(status: int, media_type: str, body: bytes, *, after: int = 0) -> Iterator[str]:
    """The base URL of a server on the loopback that gives every question the same answer; with `after`, cut off there."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: after or None])

        def log_message(self, *_: object) -> None:
            """Say nothing: stderr is what the tests look at."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


R4 = json.dumps({"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "kind": "instance"}).encode()


@pytest.mark.parametrize(
    ("status", "media_type", "body", "after", "code"),
    [
        (200, "text/html; charset=utf-8", LOGIN, 0, "not_fhir"),
        (200, "application/fhir+json", LOGIN, 0, "not_fhir"),
        (200, "application/fhir+json", R4[:-7], 0, "bad_json"),
        (200, "application/fhir+json", R4, 40, "fhir_unreachable"),
        (200, "application/fhir+json", R4.replace(b"4.0.1", b"5.0.0"), 0, "wrong_release"),
        (200, "application/fhir+json; fhirVersion=5.0", R4, 0, "wrong_release"),
        (200, "application/fhir+json", WHOLE, 0, "not_fhir"),
        (200, "application/fhir+json", R4, 0, "not_fhir"),
        (302, "text/html", LOGIN, 0, "not_fhir"),
        (401, "text/plain", b"Zebulon Quarrington", 0, "fhir_access_refused"),
        (403, "application/fhir+json", b"{}", 0, "fhir_access_refused"),
        (404, "application/fhir+json", b"{}", 0, "not_fhir"),
        (429, "text/plain", b"", 0, "server_overloaded"),
        (503, "text/html", LOGIN, 0, "server_overloaded"),
    ],
)
def test_a_server_that_is_no_hospital_is_refused(
    status: int, media_type: str, body: bytes, after: int, code: str, command: Command, tmp_path: Path
) -> None:
    with hospital_answering(status, media_type, body, after=after) as base:
        ended = command("review", "pt-1", "--fhir", base, "--no-image-model")
    document = ended.refused(code, "pt-1", *PHI)
    assert document["retryable"] is (code in ("fhir_unreachable", "server_overloaded"))
    assert left_behind(tmp_path / "home") == []


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://127.0.0.1:1/fhir", "fhir_unreachable"),
        ("http://", "source_missing"),
        ("http://127.0.0.1:99999/fhir", "source_missing"),
        ("http://[::1", "source_missing"),
        ("http://127.0.0.1:1/fh ir\x7f", "source_missing"),
        ("ftp://127.0.0.1/fhir", "source_missing"),
    ],
)
def test_a_base_that_leads_nowhere_is_refused(base: str, code: str, command: Command) -> None:
    command("review", "pt-1", "--fhir", base, "--no-image-model").refused(code, "pt-1")


def test_a_server_beside_a_file_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "chart.json").write_bytes(WHOLE)
    ended = command("review", "pt-1", "--fhir", tmp_path / "chart.json", "--fhir", "http://127.0.0.1:1", "--no-image-model")
    ended.refused("source_missing", "pt-1", *PHI)


def test_a_batch_tells_each_broken_case_and_reviews_the_rest(command: Command, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "one.json").write_bytes(bundle({**PATIENT, "id": "good"}))
    (tmp_path / "charts" / "two.json").write_bytes(CHARTS["NaN"][0])
    (tmp_path / "cohort.txt").write_text("good\npt-1\nabsent\n../../etc/passwd\n")
    arguments = (tmp_path / "cohort.txt", "--fhir", tmp_path / "charts", "--out", tmp_path / "run", "--workers", 1, "--no-image-model")
    ended = command("batch", "run", *arguments)
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    told = {row["row"]: row.get("problem", {}).get("code", row["status"]) for row in rows}
    assert told == {1: "abstained", 2: "bad_json", 3: "unknown_patient", 4: "cohort_row_invalid"}
    assert [word for word in PHI if word in json.dumps(rows) + ended.out + ended.err] == []
    assert command("batch", "run", *arguments).refused("run_exists", "cohort.txt")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty.txt", b""),
        ("comments.txt", b"# nobody\n\n"),
        ("latin.txt", "Zébulon".encode("latin-1")),
        ("other.csv", b"name,born\nZebulon Quarrington,1951-07-13\n"),
        ("long.csv", b"patient\n" + b"x" * 200_000),
        ("blank.jsonl", b"\n\n"),
    ],
)
def test_a_cohort_that_names_nobody_is_refused(name: str, text: bytes, command: Command, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text)
    (tmp_path / "chart.json").write_bytes(WHOLE)
    ended = command("batch", "run", tmp_path / name, "--fhir", tmp_path / "chart.json", "--out", tmp_path / "run", "--no-image-model")
    ended.refused("cohort_invalid", name, *PHI)
    assert not (tmp_path / "run").exists()

"""A header is read without pixels; what would cost too much is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from sidenote.archives import header_worker
from sidenote.archives.header_worker import DEEPEST, LONGEST_REPORT, header


def _on_disk(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def test_a_radiograph_says_who_when_and_that_it_is_an_image(tmp_path: Path, made: Any) -> None:
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = "OLD-1", "1.2.3"
    read = header(_on_disk(tmp_path, made.radiograph(7, OtherPatientIDsSequence=[item], OtherPatientIDs=["P-8", "P-9"])))
    assert (read["ok"], read["image"], read["report"]) == (True, True, "")
    assert read["tags"] == {
        "PatientID": "P-1",
        "IssuerOfPatientID": "SITE",
        "PatientBirthDate": "19600203",
        "PatientSex": "F",
        "StudyInstanceUID": "2.25.7",
        "SOPInstanceUID": "2.25.7.1.1",
        "AccessionNumber": "ACC7",
        "StudyDate": "20230508",
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "BurnedInAnnotation": "NO",
        "ContentDate": "20230508",
        "ContentTime": "101500",
    }
    assert [tuple(pair) for pair in read["others"]] == [("OLD-1", "1.2.3"), ("P-8", ""), ("P-9", "")]


def test_a_structured_report_is_headings_and_text_without_names(tmp_path: Path, made: Any) -> None:
    read = header(_on_disk(tmp_path, made.structured_report(7, "Left effusion.\0")))
    assert (read["image"], read["report"]) == (False, "FINDINGS:\nLeft effusion.")


def test_a_report_nested_deeper_than_any_is_cut_and_one_too_long_too(tmp_path: Path, made: Any) -> None:
    inner: list[Dataset] = []
    for depth in range(DEEPEST + 5):
        item = Dataset()
        item.RelationshipType, item.ValueType, item.TextValue, item.ContentSequence = (
            "CONTAINS",
            "TEXT",
            f"level {DEEPEST + 4 - depth}",
            inner,
        )
        inner = [item]
    read = header(_on_disk(tmp_path, made.structured_report(7, "x", ContentSequence=inner)))
    assert read["report"].splitlines() == [f"level {depth}" for depth in range(DEEPEST)]
    read = header(_on_disk(tmp_path, made.structured_report(7, "x" * (LONGEST_REPORT + 50))))
    assert len(read["report"]) == LONGEST_REPORT


@pytest.mark.fault(54)
@pytest.mark.parametrize("length", [*range(0, 1000, 97), 3000])
def test_a_file_cut_short_is_read_or_refused(tmp_path: Path, made: Any, length: int) -> None:
    read = header(_on_disk(tmp_path, made.radiograph(7)[:length]))
    assert read["ok"] or read["reason"] == "file cannot be read as DICOM"


@pytest.mark.fault(54)
def test_a_deflated_object_is_refused_before_anything_inflates_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """408,056 bytes drove a parser to 1,251 MB (FAULTS F11), so none is let near one."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3", "1.2.4"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    sink = BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("it was parsed"))
    assert header(_on_disk(tmp_path, sink.getvalue())) == {"ok": False, "reason": "file is deflated, which is not accepted"}


def test_the_kit_s_odd_files_are_read_or_refused_with_a_fixed_reason(kit: Path) -> None:
    answers = {path.name: header(path) for path in sorted((kit / "dicom" / "pydicom").glob("*.dcm"))}
    assert answers["image_dfl.dcm"]["reason"] == "file is deflated, which is not accepted"
    assert answers["no_meta.dcm"]["reason"] == "file cannot be read as DICOM"
    assert answers["examples_overlay.dcm"]["tags"]["PatientAge"] == "058Y"
    assert "Enter text" in answers["reportsi.dcm"]["report"]
    assert json.dumps(answers)


def test_the_process_has_limits_and_serves_until_its_input_ends(tmp_path: Path, made: Any) -> None:
    code = "import resource as r; from runpy import run_path; run_path({!r}, run_name='__main__'); print(r.getrlimit(r.RLIMIT_AS)[0])"
    path = _on_disk(tmp_path, made.radiograph(7))
    lines = "\n".join(json.dumps(str(one)) for one in (path, tmp_path / "none", path)) + "\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code.format(header_worker.__file__)], input=lines, capture_output=True, text=True, check=True
    )
    *answers, limit = done.stdout.splitlines()
    assert [json.loads(answer)["ok"] for answer in answers] == [True, False, True]
    assert int(limit) == header_worker.MEMORY

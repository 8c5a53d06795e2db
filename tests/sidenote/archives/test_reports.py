"""Reports beside images: which there are, which study each names, and which cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidenote.archives.headers import Header
from sidenote.archives.reports import LONGEST, Named, Wrong, read_reports


def _read(folder: Path, *headers: Header) -> list[Named | Wrong]:
    return list(read_reports(list(enumerate(sorted(folder.iterdir()), start=1)), headers))


def _structured(uid: str, text: str, day: str, flag: str = "COMPLETE") -> Header:
    tags = {"StudyInstanceUID": uid, "ContentDate": day, "CompletionFlag": flag, "SOPInstanceUID": f"{uid}.{day}"}
    return Header(Path("sr"), tags, (), image=False, report=text)


def test_lines_come_first_then_text_files_then_structured_reports_newest_first(tmp_path: Path) -> None:
    (tmp_path / "reports.jsonl").write_text(json.dumps({"study_instance_uid": "1.2", "accession_number": "A", "report": "line"}) + "\n\n")
    (tmp_path / "1.3.TXT").write_text("\ufefftext file\n", "utf-8")
    (tmp_path / "image").write_bytes(b"no report")
    found = _read(
        tmp_path, _structured("1.4", "old", "20200101"), _structured("1.4", "new", "20210101"), _structured("1.5", "half", "2", "PARTIAL")
    )
    assert [(one.names, one.line.report) for one in found if isinstance(one, Named)] == [
        (("1.2",), "line"),
        (("1.3",), "text file"),
        (("1.4",), "new"),
        (("1.4",), "old"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"report": "x"}, "report names no study"),
        ({"study_instance_uid": "1.2"}, "not a case: report"),
        ({"study_instance_uid": "1.2", "report": "x", "patient": "Jane Doe"}, "not a case: unknown key"),
        ({"study_instance_uid": "1.2", "report": "x", "as_of": "2020"}, "not a case: as_of"),
        ({"study_instance_uid": "1.2", "report": "x", "site": "../x"}, "not a case: site"),
        ({"study_instance_uid": 12, "report": "x"}, "not a case: study_instance_uid"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_next_is_read(tmp_path: Path, line: dict[str, object], reason: str) -> None:
    good = {"accession_number": "A", "report": "x"}
    (tmp_path / "reports.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(good)}")
    bad, named = _read(tmp_path)
    assert bad == Wrong(reason, "reports.jsonl line 1")
    assert isinstance(named, Named)


def test_text_that_is_none_is_named_by_its_number(tmp_path: Path) -> None:
    for name, data in (("a.txt", b"\xff\xfe"), ("b.txt", b"  \n"), ("c.txt", b"x" * (LONGEST + 1)), ("d.txt", b"fine")):
        (tmp_path / name).write_bytes(data)
    assert [one if isinstance(one, Wrong) else one.line.report for one in _read(tmp_path)] == [
        Wrong("text file is not UTF-8", "file 1"),
        Wrong("not a case: report", "file 2"),
        Wrong("not a case: report", "file 3"),
        "fine",
    ]


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    (tmp_path / "reports.jsonl").write_bytes(b"x" * (LONGEST + 10) + b"\n{}")
    assert _read(tmp_path) == [Wrong("line is too long; the rest of the file was not read", "reports.jsonl line 1")]

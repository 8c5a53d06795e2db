"""Headers come in order, from a child that may die of any file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sidenote.archives import headers
from sidenote.archives.headers import Header, Unread, is_dicom, read_headers


def test_headers_come_in_the_order_of_the_files(tmp_path: Path, made: Any) -> None:
    paths = []
    for number in (3, 1, 2):
        paths.append(tmp_path / f"é {number}\n")
        paths[-1].write_bytes(made.radiograph(number))
    found = list(read_headers(paths))
    assert [(one.path, one.tag("StudyInstanceUID")) for one in found if isinstance(one, Header)] == [
        (path, f"2.25.{number}") for path, number in zip(paths, (3, 1, 2), strict=True)
    ]
    assert found[0].tag("Nothing") == "" if isinstance(found[0], Header) else False


@pytest.mark.fault(54)
def test_a_file_that_ends_its_reader_is_named_and_the_next_is_read(tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that kills itself at a file stands for any that runs out of memory or time."""
    worker = tmp_path / "worker.py"
    source = Path(headers.__file__).with_name("header_worker.py").read_text()
    worker.write_text(
        source.replace("    try:\n", "    if path.name == 'bad':\n        signal.raise_signal(signal.SIGKILL)\n    try:\n", 1)
    )
    monkeypatch.setattr(headers, "_WORKER", (*headers._WORKER[:-1], str(worker)))
    for name in ("bad", "good"):
        (tmp_path / name).write_bytes(made.radiograph(1))
    bad, good = read_headers([tmp_path / "bad", tmp_path / "good"])
    assert bad == Unread(tmp_path / "bad", "file took more memory or time than a header may, or crashed its reader")
    assert isinstance(good, Header)


def test_files_are_known_by_their_beginning_and_not_by_their_name(tmp_path: Path, made: Any) -> None:
    for name, data, known in (("report.txt", made.radiograph(1), True), ("image.dcm", b"text", False), ("empty", b"", False)):
        (tmp_path / name).write_bytes(data)
        assert is_dicom(tmp_path / name) is known
    assert not is_dicom(tmp_path / "none")
    assert not is_dicom(tmp_path)

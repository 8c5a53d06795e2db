"""Verifying a record whose chain holds: a forger who rewrites whole files must still fit seal, blobs and index together.

Changed bytes, moved lines and missing files are in test_record.py and test_chain.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.blobs import sha256
from agent.chain import FIRST, link, read_chain
from agent.errors import RecordBroken, RecordMissing
from agent.record import BLOBS, INDEX, LINES, SEAL, begin
from agent.verify import open_record, verify

Lines = list[dict[str, Any]]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    flight = begin(tmp_path, "r1")
    flight.step("bind", inputs={"request": b"asked"})
    flight.step("chart", outputs={"chart": b"facts"})
    flight.step("study", inputs={"chart": b"facts"}, outputs={"study": b"seen"})
    flight.seal()
    return tmp_path


def rewrite(records: Path, change: Callable[[Lines], Lines]) -> None:
    """Chain the record anew after a change, as one would who knows the format, and enter its new head in the index."""
    path = records / "r1" / LINES
    lines, broken = read_chain(path.read_bytes())
    assert broken is None
    data, prev = b"", FIRST
    for fields in change([{key: value for key, value in line.items() if key not in {"prev", "sha256"}} for line in lines]):
        line, prev = link({**fields, "head": prev} if fields.get("head") == "anew" else fields, prev)
        data += line
    path.write_bytes(data)
    (records / INDEX).write_bytes(link({"review_id": "r1", "head": prev}, FIRST)[0])


def sealed(lines: Lines, **instead: Any) -> Lines:
    return [*lines[:-1], {**lines[-1], "head": "anew", **instead}]


def test_a_record_chained_anew_without_a_change_is_whole(records: Path) -> None:
    rewrite(records, sealed)
    assert verify(records, "r1").whole


@pytest.mark.fault(117)
@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        (lambda lines: sealed(lines, review_id="r2"), f"{LINES} line 4", "of another review"),
        (lambda lines: sealed(lines, count=9), f"{LINES} line 4", "counts other lines"),
        (lambda lines: sealed([lines[0], *lines[2:]]), f"{LINES} line 3", "counts other lines"),
        (lambda lines: sealed(lines, head=FIRST), f"{LINES} line 4", "counts other lines"),
        (lambda lines: lines[:-1], f"{LINES} line 3", "does not end with its seal"),
        (lambda lines: [], f"{LINES} line 0", "does not end with its seal"),
        (lambda lines: sealed([{**lines[0], "inputs": {}}, *lines[1:]]), f"{BLOBS}/{sha256(b'asked')}", "no line names"),
        (lambda lines: sealed([{**lines[0], "inputs": {"request": sha256(b"no")}}, *lines[1:]]), f"{BLOBS}/{sha256(b'no')}", "not there"),
    ],
)
def test_a_record_chained_anew_is_still_found_by_what_it_must_fit(
    records: Path, change: Callable[[Lines], Lines], where: str, reason: str
) -> None:
    rewrite(records, change)
    result = verify(records, "r1")
    assert (result.whole, result.where) == (False, where)
    assert reason in result.reason
    with pytest.raises(RecordBroken):
        open_record(records, "r1")


def test_a_broken_index_breaks_every_record_of_it(records: Path) -> None:
    (records / INDEX).write_bytes((records / INDEX).read_bytes().replace(b'"head"', b'"haed"'))
    assert verify(records, "r1").where == f"{INDEX} line 1"


@pytest.mark.parametrize(
    ("step", "name", "expected"),
    [
        ("bind", "request", b"asked"),
        ("study", "chart", b"facts"),
        ("study", "study", b"seen"),
        ("study", "request", None),
        ("gather", "pack", None),
        (SEAL, "chart", None),
    ],
)
def test_hands_out_a_blob_by_its_step_and_name(records: Path, step: str, name: str, expected: bytes | None) -> None:
    assert open_record(records, "r1").blob(step, name) == expected


def test_what_was_never_written_is_missing_and_not_broken(records: Path) -> None:
    with pytest.raises(RecordMissing):
        verify(records, "r2")
    assert json.loads((records / INDEX).read_bytes())["review_id"] == "r1"

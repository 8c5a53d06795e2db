"""The flight record: whole or not there, and one changed byte is found."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import RecordExists, RecordMissing
from agent.record import BLOBS, INDEX, LINES, begin
from agent.verify import open_record, verify


def write(records: Path, review_id: str = "r1") -> Path:
    flight = begin(records, review_id)
    flight.step("bind", inputs={"request": b'{"patient":"Patient/p"}'})
    flight.step("chart", ms=1.5, outputs={"chart": b"facts\n", "empty": b""}, facts={"snapshot": "é"})
    flight.seal()
    return records / review_id


def files(records: Path) -> list[Path]:
    return sorted(path for path in records.rglob("*") if path.is_file())


def test_a_sealed_record_verifies_and_gives_back_what_went_in(tmp_path: Path) -> None:
    write(tmp_path)
    result = verify(tmp_path, "r1")
    assert (result.whole, result.lines, result.blobs) == (True, 3, 3)
    assert open_record(tmp_path, "r1").blob("chart", "chart") == b"facts\n"
    assert open_record(tmp_path, "r1").blob("chart", "nothing") is None


@pytest.mark.fault(117)
def test_every_changed_byte_of_every_file_is_found_and_its_place_named(tmp_path: Path) -> None:
    write(tmp_path)
    checked = 0
    for path in files(tmp_path):
        whole = path.read_bytes()
        for position in range(len(whole)):
            changed = bytearray(whole)
            changed[position] ^= 1 << (position % 8)
            path.write_bytes(changed)
            result = verify(tmp_path, "r1")
            assert not result.whole, f"{path.name} byte {position}"
            assert path.name in result.where or path.name in {INDEX, LINES}, result
            checked += 1
        path.write_bytes(whole)
    assert checked > 1000
    assert verify(tmp_path, "r1").whole


@pytest.mark.fault(117)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_set_to_any_other_value_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    records = tmp_path_factory.mktemp("records")
    write(records)
    path = data.draw(st.sampled_from([path for path in files(records) if path.stat().st_size]))
    whole = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] = data.draw(st.integers(0, 255).filter(lambda value: value != whole[position]))
    path.write_bytes(whole)
    assert not verify(records, "r1").whole


def _drop(lines: list[bytes], n: int) -> list[bytes]:
    return lines[:n] + lines[n + 1 :]


TAMPERINGS: tuple[tuple[str, Callable[[list[bytes]], list[bytes]]], ...] = (
    ("the first line removed", lambda lines: _drop(lines, 0)),
    ("a middle line removed", lambda lines: _drop(lines, 1)),
    ("the seal removed", lambda lines: lines[:-1]),
    ("two lines swapped", lambda lines: [lines[1], lines[0], *lines[2:]]),
    ("a line doubled", lambda lines: [lines[0], lines[0], *lines[1:]]),
    ("a line added after the seal", lambda lines: [*lines, lines[-1]]),
    ("everything removed", lambda lines: []),
    ("the last newline removed", lambda lines: [*lines[:-1], lines[-1].rstrip(b"\n")]),
    ("an empty line added", lambda lines: [*lines, b"\n"]),
    ("a space added", lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]]),
)


@pytest.mark.fault(117)
@pytest.mark.parametrize(("what", "tamper"), TAMPERINGS, ids=[what for what, _ in TAMPERINGS])
@pytest.mark.parametrize("name", [LINES, INDEX])
def test_lines_taken_out_put_in_or_moved_are_found(
    tmp_path: Path, name: str, what: str, tamper: Callable[[list[bytes]], list[bytes]]
) -> None:
    for review_id in ("r0", "r1"):
        folder = write(tmp_path, review_id)
    path = tmp_path / INDEX if name == INDEX else folder / LINES
    lines = path.read_bytes().splitlines(keepends=True)
    if name == INDEX and what == "a middle line removed":
        what = "the last line removed"
    path.write_bytes(b"".join(tamper(lines)))
    assert not verify(tmp_path, "r1").whole, what


def test_a_whole_rewritten_record_is_found_by_the_index(tmp_path: Path) -> None:
    write(tmp_path)
    other = tmp_path / "elsewhere"
    write(other)
    (tmp_path / "r1" / LINES).write_bytes((other / "r1" / LINES).read_bytes())
    assert verify(tmp_path, "r1").where == INDEX


def test_a_record_under_another_records_name_is_found(tmp_path: Path) -> None:
    write(tmp_path, "r1")
    write(tmp_path, "r2")
    os.rename(tmp_path / "r1", tmp_path / "gone")
    os.rename(tmp_path / "r2", tmp_path / "r1")
    assert "another review" in verify(tmp_path, "r1").reason


def test_a_removed_record_is_found_and_one_that_never_was_is_missing(tmp_path: Path) -> None:
    folder = write(tmp_path)
    os.rename(folder, tmp_path / "gone")
    assert verify(tmp_path, "r1").where == LINES
    with pytest.raises(RecordMissing):
        verify(tmp_path, "r9")


def test_something_added_to_a_record_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / BLOBS / "note.txt").write_text("x")
    assert verify(tmp_path, "r1").where == f"{BLOBS}/note.txt"


def test_only_the_owner_may_read_a_record(tmp_path: Path) -> None:
    write(tmp_path / "records")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "records").rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_a_record_is_never_written_twice(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(RecordExists):
        begin(tmp_path, "r1")


def test_a_record_being_written_is_not_taken_for_one_left_behind(tmp_path: Path) -> None:
    flight = begin(tmp_path, "r1")
    with pytest.raises(RecordExists):
        begin(tmp_path, "r1")
    flight.abandon()
    write(tmp_path)
    assert verify(tmp_path, "r1").whole


@pytest.mark.fault(102)
def test_what_a_killed_process_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    killed = begin(tmp_path, "r1")
    killed.step("bind")
    killed._file.close()  # what the kernel does for a killed process: the lock goes
    write(tmp_path)
    assert verify(tmp_path, "r1").whole
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".open")] == []


def test_a_record_sealed_but_not_entered_is_made_again(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (tmp_path / INDEX).unlink()
    assert verify(tmp_path, "r1").where == INDEX
    assert write(tmp_path) == folder
    assert verify(tmp_path, "r1").whole


def test_a_line_a_killed_process_never_finished_is_written_over(tmp_path: Path) -> None:
    write(tmp_path, "r1")
    with (tmp_path / INDEX).open("ab") as file:
        file.write(b'{"half":')
    write(tmp_path, "r2")
    assert verify(tmp_path, "r1").whole
    assert verify(tmp_path, "r2").whole


def test_an_abandoned_record_leaves_nothing(tmp_path: Path) -> None:
    flight = begin(tmp_path, "r1")
    flight.step("bind", inputs={"request": b"x"})
    flight.abandon()
    assert list(tmp_path.iterdir()) == []

"""The decoder's functions in this process, and its protocol as bytes over its pipes. The way through fhir.pixels: test_pixels.py."""

from __future__ import annotations

import ast
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from fhir import pixel_worker
from fhir.pixels import WORKER

Make = Callable[..., bytes]
SCRIPT = Path(pixel_worker.__file__)
GRAY = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (16, 1))


def test_imports_nothing_of_sidenote_but_the_decoder_beside_it() -> None:
    code = "import sys, fhir.pixel_worker; print(sorted(name for name in sys.modules if name.partition('.')[0] in sys.argv[1:]))"
    ours = ("fhir", "retrieval", "policies", "tools", "agent", "evaluation", "sidenote", "sandbox")
    done = subprocess.run([sys.executable, "-c", code, *ours], capture_output=True, text=True, check=True, cwd=SCRIPT.parents[1])
    assert ast.literal_eval(done.stdout) == ["fhir", "fhir.pixel_decoder", "fhir.pixel_rendering", "fhir.pixel_worker"]


@pytest.mark.parametrize(
    ("shape", "kept", "note"),
    [
        ((3000, 4000), (3000, 4000), None),
        ((4000, 6000), (2000, 3000), "reduced 2 times from 4000 x 6000"),
        ((4001, 6001), (2000, 3000), "reduced 2 times from 4001 x 6001"),
        ((7000, 7000), (2333, 2333), "reduced 3 times from 7000 x 7000"),
        ((1, 13_000_000), (1, 13_000_000), None),
    ],
    ids=["as many as are shown", "twice as many", "a row and a column more", "four times as many", "a line"],
)
def test_more_pixels_than_are_shown_are_averaged_by_the_smallest_factor(
    shape: tuple[int, int], kept: tuple[int, int], note: str | None
) -> None:
    notes: list[str] = []
    assert pixel_worker._reduced(np.broadcast_to(np.float32(0.5), shape), notes).shape == kept
    assert notes == ([note] if note else [])


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0, "it ends when its input ends"


def asked(worker: subprocess.Popen[bytes], data: bytes, frame: int = 0) -> tuple[dict[str, object], np.ndarray]:
    sink, source = pipes(worker)
    sink.write(struct.pack(">QI", len(data), frame) + data)
    sink.flush()
    header = json.loads(source.read(struct.unpack(">I", source.read(4))[0]))
    shape = (header["rows"], header["columns"]) if header["ok"] else (0, 0)
    return header, np.frombuffer(source.read(shape[0] * shape[1] * 2), "<u2").reshape(shape)


def pipes(worker: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    return worker.stdin, worker.stdout


def test_answers_job_after_job_and_a_refusal_ends_nothing(worker: subprocess.Popen[bytes], picture_file: Make, dicom: Make) -> None:
    first, pixels = asked(worker, picture_file(GRAY))
    assert (first["ok"], first["kind"], first["tags"]) == (True, "png", {})
    np.testing.assert_array_equal(pixels, GRAY.astype(np.uint16) * 257)
    refused, _ = asked(worker, b"MRN-4711 is no image")
    assert refused == {"ok": False, "reason": "it is not DICOM, PNG or JPEG"}
    last, _ = asked(worker, dicom(PatientID="MRN-1", PatientName="Example^Ann"))
    assert last["tags"] == {**dict(last["tags"]), "PatientID": "MRN-1"}  # type: ignore[call-overload]  # it is an object
    assert "Example" not in json.dumps(last)
    second, _ = asked(worker, dicom(np.zeros((2, 8, 8), np.uint8), NumberOfFrames=2), frame=2)
    assert "frame 2 of 2" in json.dumps(second["notes"])


def test_prints_the_transfer_syntaxes_when_asked_for_them() -> None:
    done = subprocess.run([*WORKER, "syntaxes"], capture_output=True, check=True, cwd="/")
    rows = {row[0]: row for row in json.loads(done.stdout)}
    assert rows["1.2.840.10008.1.2.1"] == ["1.2.840.10008.1.2.1", "Explicit VR Little Endian", True, ""]


def test_a_broken_file_is_told_by_the_name_of_the_error_and_nothing_of_its_content(
    worker: subprocess.Popen[bytes], picture_file: Make
) -> None:
    broken, _ = asked(worker, picture_file(GRAY)[:60] + b"MRN-4711")
    assert broken["ok"] is False
    assert str(broken["reason"]).startswith("it cannot be decoded (")
    assert "4711" not in json.dumps(broken)

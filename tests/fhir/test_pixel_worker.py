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
from fhir.pixel_worker import Refused, decode

Make = Callable[..., bytes]
SCRIPT = Path(pixel_worker.__file__)
GRAY = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (16, 1))


def test_imports_nothing_of_sidenote() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = {"fhir", "retrieval", "policies", "tools", "agent", "sidenote", "sandbox"}
    assert [name for name in modules if name.partition(".")[0] in ours] == []


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda dicom, picture: dicom(GRAY), "dicom"),
        (lambda dicom, picture: dicom(GRAY, preamble=False), "dicom"),
        (lambda dicom, picture: picture(GRAY), "png"),
        (lambda dicom, picture: picture(GRAY, "JPEG"), "jpeg"),
    ],
    ids=["DICOM", "DICOM without preamble", "PNG", "JPEG"],
)
def test_knows_a_file_by_its_first_bytes_and_hands_out_0_to_1(
    make: Callable[..., bytes], kind: str, dicom: Make, picture_file: Make
) -> None:
    pixels, found, _, _ = decode(make(dicom, picture_file))
    assert (found, pixels.shape, pixels.dtype) == (kind, GRAY.shape, np.float32)
    assert 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda dicom: b"", "not DICOM, PNG or JPEG"),
        (lambda dicom: b"GIF89a" + bytes(200), "not DICOM, PNG or JPEG"),
        (lambda dicom: b"%PDF-1.7 " * 40, "not DICOM, PNG or JPEG"),
        (lambda dicom: dicom(NumberOfFrames=-2), "impossible number of frames"),
        (lambda dicom: dicom(NumberOfFrames=2_000_000_000), "impossible number of frames"),
        (lambda dicom: dicom(Rows=0), "no rows or no columns"),
        (lambda dicom: dicom(Rows=65535, Columns=65535), "more than 64 million pixels"),
    ],
    ids=["nothing", "GIF", "PDF", "frames below none", "frames without end", "no rows", "a huge image"],
)
def test_says_why_it_refuses_a_file_before_decoding_it(make: Callable[[Make], bytes], reason: str, dicom: Make) -> None:
    with pytest.raises(Refused, match=reason):
        decode(make(dicom))


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
    process = subprocess.Popen([sys.executable, "-I", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0, "it ends when its input ends"


def asked(worker: subprocess.Popen[bytes], data: bytes) -> tuple[dict[str, object], np.ndarray]:
    sink, source = pipes(worker)
    sink.write(struct.pack(">Q", len(data)) + data)
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


def test_a_broken_file_is_told_by_the_name_of_the_error_and_nothing_of_its_content(
    worker: subprocess.Popen[bytes], picture_file: Make
) -> None:
    broken, _ = asked(worker, picture_file(GRAY)[:60] + b"MRN-4711")
    assert broken["ok"] is False
    assert str(broken["reason"]).startswith("it cannot be decoded (")
    assert "4711" not in json.dumps(broken)

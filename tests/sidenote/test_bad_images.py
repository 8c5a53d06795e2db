"""Images nobody vouches for: bombs, files that lie about what they are, and images of somebody else."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fhir.jsontext import dumps
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import image_file
from sandbox.patients.story import CLOCK, Story
from sandbox.patients.traps import image_of_someone_else, laterality_mismatch

Command = Callable[..., Any]

MEGABYTE = 1 << 20
PARENT_LIMIT = 600 * MEGABYTE
PHI = ("Martin", "Joel", "1979-09-29", "SPH-004402", "Keller", "19381201", "SPH-009911")
AS_OF = ("--as-of", CLOCK.isoformat())
DEFLATED, EXPLICIT = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1"


def zeros(count: int) -> bytes:
    """A raw deflate stream of about `count` zero bytes, 1 MB of them deflated once and repeated: made in no time."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = squeeze.compress(bytes(MEGABYTE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    rest = squeeze.compress(bytes(count % MEGABYTE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return chunk * (count // MEGABYTE) + rest + b"\x03\x00"


def png(side: int) -> bytes:
    """A black 8-bit PNG of side x side pixels. The Adler-32 of n zeros is n modulo 65521 in the upper half, 1 in the lower."""
    count = side * (side + 1)
    data = b"\x78\x01" + zeros(count) + struct.pack(">I", (count % 65521) << 16 | 1)
    return _png((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b""))


def png_with_a_text_bomb() -> bytes:
    text = b"Comment\x00\x00\x78\x01" + zeros(1 << 30)
    return _png(
        (b"IHDR", struct.pack(">IIBBBBB", 80, 80, 8, 0, 0, 0, 0)), (b"zTXt", text), (b"IDAT", zlib.compress(bytes(80 * 81))), (b"IEND", b"")
    )


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def element(group: int, number: int, representation: str, value: bytes, length: int | None = None) -> bytes:
    """A data element in Explicit VR Little Endian. DICOM PS3.5 section 7.1.2."""
    value += b"\x00" if len(value) % 2 and representation == "UI" else b" " * (len(value) % 2)
    long = representation in ("OB", "OW")
    said = len(value) if length is None else length
    return (
        struct.pack("<HH2s", group, number, representation.encode())
        + (struct.pack("<xxI", said) if long else struct.pack("<H", said))
        + value
    )


def dicom(rows: int, columns: int, pixels: bytes, *, syntax: str = EXPLICIT, length: int | None = None) -> bytes:
    """A DICOM file of a 16-bit image tagged for somebody else; with the deflated syntax, `pixels` are deflated zeros to come."""
    meta = element(2, 0x10, "UI", syntax.encode())
    short = [(2, struct.pack("<H", 1)), (0x10, struct.pack("<H", rows)), (0x11, struct.pack("<H", columns))]
    short += [(0x100, struct.pack("<H", 16)), (0x101, struct.pack("<H", 16)), (0x102, struct.pack("<H", 15)), (0x103, struct.pack("<H", 0))]
    body = element(8, 0x60, "CS", b"DX") + element(0x10, 0x20, "LO", b"SPH-009911") + element(0x10, 0x30, "DA", b"19381201")
    body += element(0x28, 2, "US", short[0][1]) + element(0x28, 4, "CS", b"MONOCHROME2")
    body += b"".join(element(0x28, number, "US", value) for number, value in short[1:])
    body += element(0x7FE0, 0x10, "OW", b"" if syntax == DEFLATED else pixels, length)
    if syntax == DEFLATED:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = squeeze.compress(body) + squeeze.flush(zlib.Z_FULL_FLUSH) + pixels
    return bytes(128) + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta + body


def jpeg_header(side: int) -> bytes:
    return (
        b"\xff\xd8\xff\xc0\x00\x0b\x08"
        + struct.pack(">HH", side, side)
        + b"\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
        + b"\xff\xd9"
    )


IMAGES: dict[str, Callable[[], bytes]] = {
    "a deflated bomb of 1.2 GB": lambda: dicom(24_000, 25_000, zeros(1_200_000_000), syntax=DEFLATED, length=1_200_000_000),
    "a PNG of 200 megapixels": lambda: png(14_143),
    "a PNG with a text of 1 GB": png_with_a_text_bomb,
    "a JPEG that says 65500 x 65500": lambda: jpeg_header(65_500),
    "65535 rows and columns, 100 bytes": lambda: dicom(65_535, 65_535, bytes(100)),
    "fewer pixels than rows and columns say": lambda: dicom(1_000, 1_000, bytes(100)),
    "more length than file": lambda: dicom(100, 100, bytes(100), length=0xFFFFFFF0),
    "no rows": lambda: dicom(0, 0, b""),
    "a text named .dcm": lambda: b"Urs Keller, born 1938-12-01, SPH-009911, chest radiograph",
    "a login page named .dcm": lambda: b"<!DOCTYPE html><html><body>Keller, please sign in</body></html>",
    "a preamble and nothing else": lambda: bytes(128) + b"DICM",
    "half a file": lambda: png(100)[:-40],
    "an empty file": lambda: b"",
    "zeros": lambda: bytes(4096),
    "a PDF": lambda: b"%PDF-1.7\n" + bytes(400),
    "a TIFF": lambda: b"II*\x00" + bytes(400),
}
BOMBS = ("a deflated bomb of 1.2 GB", "a PNG of 200 megapixels")


def told(story: Story, folder: Path, **instead: bytes) -> Path:
    """The chart of one story with its images, or with `image` instead of each."""
    (folder / "images").mkdir(parents=True)
    (folder / "chart.json").write_bytes(dumps(bundle(story.resources)))
    for image in story.images:
        (folder / image.path).write_bytes(instead.get("image") or image_file(image))
    return folder


@pytest.fixture(scope="module")
def someone_elses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told(image_of_someone_else(), tmp_path_factory.mktemp("told") / "hospital")


def i01(text: str) -> dict[str, Any]:
    return next(policy for policy in json.loads(text)["policies"] if policy["id"] == "I01")


@pytest.mark.parametrize("name", IMAGES)
def test_a_bad_image_that_was_named_refuses_the_review(name: str, someone_elses: Path, command: Command, tmp_path: Path) -> None:
    path = tmp_path / "scan.dcm"
    path.write_bytes(IMAGES[name]())
    out = tmp_path / "review.json"
    ended = command("review", "wrong-patient", "--fhir", someone_elses, "--image", path, *AS_OF, "--out", out, image_model="off")
    document = ended.refused("file_rejected", "wrong-patient", *PHI)
    assert str(tmp_path) not in str(document["detail"])
    assert not out.exists()
    assert not [path for path in (tmp_path / "home" / "records").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", [*BOMBS, "a text named .dcm", "an empty file"])
def test_a_bad_image_of_the_chart_is_left_out_and_never_presented(name: str, command: Command, tmp_path: Path) -> None:
    folder = told(image_of_someone_else(), tmp_path / "hospital", image=IMAGES[name]() or b"\n")
    ended = command("review", "wrong-patient", "--fhir", folder, *AS_OF, "--format", "json", image_model="off")
    assert (ended.code, ended.err) == (0, "")
    review = json.loads(ended.out)
    assert review["status"] != "presented"
    assert any("file_rejected" in note for note in review["manifest"]["notes"])


@pytest.mark.parametrize("where", ["in the chart", "named"])
def test_an_image_of_another_patient_is_withheld(where: str, someone_elses: Path, command: Command, tmp_path: Path) -> None:
    image = someone_elses / image_of_someone_else().images[0].path
    named = ("--image", image) if where == "named" else ()
    ended = command("review", "wrong-patient", "--fhir", someone_elses, *named, *AS_OF, "--format", "json", image_model="off")
    assert (ended.code, ended.err) == (4, "")
    assert (i01(ended.out)["outcome"], i01(ended.out)["action"]) == ("fired", "block")
    assert [word for word in ("Keller", "1938-12-01", "19381201", "SPH-009911") if word in ended.out] == []


@pytest.mark.parametrize("form", ["terminal", "html", "fhir"])
def test_a_withheld_review_shows_nothing_of_the_other_patient_in_any_format(
    form: str, someone_elses: Path, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "review.out"
    ended = command("review", "wrong-patient", "--fhir", someone_elses, *AS_OF, "--format", form, "--out", out, image_model="off")
    assert (ended.code, ended.out, ended.err) == (4, "", "")
    text = out.read_text()
    assert [word for word in ("Keller", "1938-12-01", "19381201", "SPH-009911") if word in text] == []


def test_an_image_of_another_patient_named_beside_a_right_one_is_withheld(command: Command, tmp_path: Path) -> None:
    story = laterality_mismatch()
    folder = told(story, tmp_path / "hospital")
    right, wrong = folder / story.images[0].path, tmp_path / "wrong.dcm"
    wrong.write_bytes(image_file(image_of_someone_else().images[0]))
    images = ("--image", right, "--image", wrong)
    ended = command("review", "laterality", "--fhir", folder, *images, *AS_OF, "--format", "json", image_model="off")
    assert (ended.code, i01(ended.out)["outcome"]) == (4, "fired")


@pytest.mark.parametrize("name", ["nowhere.png", ".", "images"])
def test_an_image_that_is_no_file_is_refused(name: str, someone_elses: Path, command: Command) -> None:
    ended = command("review", "wrong-patient", "--fhir", someone_elses, "--image", someone_elses / name, *AS_OF, image_model="off")
    ended.refused("file_rejected", "wrong-patient", *PHI)


IN_ONE_PROCESS = """
import json, os, sys
from sidenote.cli import main

def peak():
    with open("/proc/self/status") as status:
        return 1024 * int(next(line for line in status if line.startswith("VmHWM:")).split()[1])

said = [os.dup(1), os.dup(2)]
ended = []
for number, arguments in enumerate(json.loads(sys.stdin.read())):
    for stream in (1, 2):
        file = os.open(f"{number}.{stream}", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, stream)
        os.close(file)
    sys.argv = ["sidenote", *arguments]
    try:
        main()
    except SystemExit as exit:
        sys.stdout.flush()
        ended.append([exit.code, peak()])
for stream, saved in enumerate(said, 1):
    os.dup2(saved, stream)
print(json.dumps(ended))
"""
"""Command lines one after another in one process, its image model in it; each one's streams into files, warnings of its libraries too."""


@dataclass(frozen=True)
class Measured:
    """How a command line ended, and the most memory that its process has had until then, in bytes (not its children's)."""

    code: int | None
    out: str
    err: str
    peak: int


@pytest.fixture(scope="module")
def measured(home: Path, someone_elses: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    """The largest image that is accepted, the bombs, then a review with a library, by one process: a process starts slowly."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "home").mkdir()
    (folder / "home" / "library").symlink_to(home / "library")
    named = {"the largest": png(7_900)} | {name: IMAGES[name]() for name in BOMBS}
    lines: dict[str, tuple[object, ...]] = {}
    for number, (name, data) in enumerate(named.items()):
        (folder / f"{number}.dcm").write_bytes(data)
        lines[name] = ("wrong-patient", "--fhir", someone_elses, "--image", folder / f"{number}.dcm")
    lines["with a library"] = ("laterality", "--fhir", told(laterality_mismatch(), folder / "hospital"))
    typed = [["review", *map(str, line), *AS_OF, "--format", "json"] for line in lines.values()]
    environment = {**os.environ, "SIDENOTE_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", IN_ONE_PROCESS]
    done = subprocess.run(
        command, input=json.dumps(typed), capture_output=True, text=True, env=environment, cwd=folder, check=False, timeout=480
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = [[(folder / f"{number}.{stream}").read_text() for stream in (1, 2)] for number in range(len(lines))]
    ended = json.loads(done.stdout)
    return {name: Measured(code, out, err, peak) for name, (code, peak), (out, err) in zip(lines, ended, said, strict=True)}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_grow_the_parent(name: str, measured: dict[str, Measured]) -> None:
    done = measured[name]
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert json.loads(line)["code"] == "file_rejected"
    assert done.peak < PARENT_LIMIT, f"{done.peak / MEGABYTE:.0f} MB"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_the_largest_image_that_is_accepted_is_handed_over_reduced(measured: dict[str, Measured]) -> None:
    """62 megapixels in a file of 60 kB: a gigabyte in the parent, were they handed over as they are."""
    done = measured["the largest"]
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["status"] != "presented"
    assert done.peak < PARENT_LIMIT, f"{done.peak / MEGABYTE:.0f} MB"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_review_with_model_and_library_says_nothing_on_stderr(measured: dict[str, Measured]) -> None:
    """No progress bar and no warning of a library: stderr is for the problem document alone."""
    done = measured["with a library"]
    assert (done.code, done.err) == (0, "")
    review = json.loads(done.out)
    assert review["reading"]["findings"]
    assert review["search"]["searched"] > 0

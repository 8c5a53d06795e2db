"""Image files, sound and hostile, through the real child process."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from fhir import pixel_decoder
from fhir.errors import FileRejected
from fhir.pixels import close_workers, decodable, decode

Make = Callable[..., bytes]
RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _ended_workers() -> Iterator[None]:
    yield
    close_workers()


@cache
def _png_of(rows: int, columns: int) -> bytes:
    """A PNG of zeros that is tiny on disk and huge when decoded."""
    data = zlib.compress(bytes(rows * (columns + 1)), 1)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(one)) + kind + one + struct.pack(">I", zlib.crc32(kind + one)) for kind, one in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.std("D5")
def test_applies_the_window_and_says_so(dicom: Make) -> None:
    picture = decode(dicom(RAMP, WindowCenter=2048, WindowWidth=4096))
    assert picture.kind == "dicom"
    assert picture.pixels.shape == (8, 8)
    assert picture.pixels.dtype == np.float32
    assert picture.notes == ("window 2048/4096 LINEAR", "photometric interpretation MONOCHROME2")
    np.testing.assert_allclose(picture.pixels, RAMP / 4095, atol=2e-5)


@pytest.mark.std("D5")
def test_monochrome1_is_inverted_and_rescale_applied(dicom: Make) -> None:
    plain = decode(dicom(RAMP, WindowCenter=2048, WindowWidth=4096))
    inverted = decode(dicom(RAMP, WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(inverted.pixels, 1 - plain.pixels, atol=4e-5)
    assert "MONOCHROME1 inverted" in inverted.notes
    rescaled = decode(dicom(RAMP, WindowCenter=1024, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=-1024))
    np.testing.assert_allclose(rescaled.pixels, plain.pixels, atol=4e-5)


@pytest.mark.parametrize(("function", "middle"), [("SIGMOID", 0.5), ("LINEAR_EXACT", 0.5)])
def test_other_window_functions(dicom: Make, function: str, middle: float) -> None:
    picture = decode(dicom(RAMP, WindowCenter=2048, WindowWidth=2048, VOILUTFunction=function))
    assert picture.pixels.ravel()[32] == pytest.approx(middle, abs=1e-3)
    assert np.all(np.diff(picture.pixels.ravel()) >= 0)


def test_without_a_window_percentiles_are_shown_and_padding_is_left_out(dicom: Make) -> None:
    padded = RAMP.copy()
    padded[0] = 60000
    picture = decode(dicom(padded, PixelPaddingValue=60000))
    assert "percentiles" in picture.notes[0]
    assert picture.pixels[0].max() == 0
    assert picture.pixels[-1, -1] == 1


def test_takes_the_first_of_several_frames(dicom: Make) -> None:
    frames = np.stack([np.zeros((8, 8)), np.full((8, 8), 255)]).astype(np.uint8)
    picture = decode(dicom(frames, NumberOfFrames=2))
    assert picture.notes[0] == "first of 2 frames"
    assert picture.pixels.max() == 0


def test_reads_big_endian_implicit_and_bare_data_sets(dicom: Make) -> None:
    whole = decode(dicom(RAMP, WindowCenter=2048, WindowWidth=4096)).pixels
    bare = decode(dicom(RAMP, preamble=False, WindowCenter=2048, WindowWidth=4096)).pixels
    big = decode(dicom(RAMP.byteswap(), ExplicitVRBigEndian, WindowCenter=2048, WindowWidth=4096)).pixels
    np.testing.assert_array_equal(bare, whole)
    np.testing.assert_array_equal(big, whole)


def test_keeps_identifying_tags_of_the_list_and_no_other(dicom: Make) -> None:
    picture = decode(dicom(PatientID="MRN-1", PatientBirthDate="19600517", PatientName="Example^Ann", AccessionNumber="A1"))
    assert picture.tags["PatientID"] == "MRN-1"
    assert picture.tags["AccessionNumber"] == "A1"
    assert "PatientName" not in picture.tags
    assert "MRN-1" not in repr(picture)


def test_reads_png_and_jpeg_of_8_and_16_bits_and_colour(picture_file: Make) -> None:
    gray = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    np.testing.assert_allclose(decode(picture_file(gray)).pixels, gray / 255, atol=1e-4)
    assert decode(picture_file(gray, "JPEG", quality=95)).kind == "jpeg"
    deep = decode(picture_file(gray.astype(np.uint16) * 257))
    assert "percentiles" in deep.notes[0]
    assert np.all(np.diff(deep.pixels[0]) >= 0)
    colour = decode(picture_file(np.stack([gray, gray, gray], axis=-1)))
    assert colour.notes == ("RGB turned to luminance",)
    np.testing.assert_allclose(colour.pixels, gray / 255, atol=1e-2)


def _text_named_dicom(_: Make) -> bytes:
    return b"Dear colleague, this is not an image. " * 20


def _deflated_bomb(dicom: Make) -> bytes:
    """As in the fault catalogue: the data set inflates to 1 GB; only the meta header is read."""
    head = dicom().split(b"\x08\x00\x16\x00UI", 1)[0].replace(b"1.2.840.10008.1.2.1\x00", DeflatedExplicitVRLittleEndian.encode(), 1)
    old, new = struct.pack("<H", 20), struct.pack("<H", 22)
    head = head.replace(b"\x02\x00\x10\x00UI" + old, b"\x02\x00\x10\x00UI" + new)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + megabyte * 1024 + packer.flush()


HOSTILE: list[tuple[str, Callable[[Make], bytes]]] = [
    ("not DICOM, PNG or JPEG", _text_named_dicom),
    ("not DICOM, PNG or JPEG", lambda _: b""),
    ("not DICOM, PNG or JPEG", lambda _: b"MZ" + bytes(500)),
    ("Deflated", _deflated_bomb),
    ("without an image", lambda dicom: dicom().replace(b"\xe0\x7f\x10\x00", b"\xe1\x7f\x10\x10")),
    ("million pixels", lambda dicom: dicom(Rows=65535, Columns=65535)),
    ("impossible number of frames", lambda dicom: dicom(NumberOfFrames=10**9)),
    ("no rows", lambda dicom: dicom(Rows=0)),
    ("cannot be decoded", lambda dicom: dicom(Rows=4000, Columns=4000)),
    ("million pixels", lambda _: _png_of(20_000, 10_000)),
    ("cannot be decoded", lambda _: _png_of(50, 50)[:-40]),
    ("cannot be decoded", lambda _: b"\xff\xd8\xff" + bytes(200)),
    ("", lambda dicom: dicom()[:160] + b"\x08\x00\x00\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 10_000),
]


@pytest.mark.fault(54)
@pytest.mark.fault(55)
@pytest.mark.parametrize(("reason", "make"), HOSTILE)
def test_refuses_a_hostile_file_and_serves_the_next(dicom: Make, reason: str, make: Callable[[Make], bytes]) -> None:
    with pytest.raises(FileRejected) as caught:
        decode(make(dicom))
    assert reason in str(caught.value)
    assert decode(dicom()).pixels.shape == (8, 8)


@pytest.mark.fault(54)
def test_a_file_cut_anywhere_is_refused_or_whole(dicom: Make) -> None:
    data = dicom(RAMP, WindowCenter=2048, WindowWidth=4096)
    whole = decode(data).pixels
    for end in range(0, len(data), 64):
        try:
            picture = decode(data[:end])
        except FileRejected:
            continue
        np.testing.assert_array_equal(picture.pixels, whole)


@pytest.mark.fault(58)
def test_a_declared_type_that_lies_is_refused(dicom: Make, picture_file: Make) -> None:
    png = picture_file(np.zeros((4, 4), np.uint8))
    assert decode(png, declared="image/png").kind == "png"
    assert decode(dicom(), declared="application/octet-stream").kind == "dicom"
    for data, declared in ((png, "image/jpeg"), (dicom(), "image/png"), (png, "application/dicom")):
        with pytest.raises(FileRejected, match="declared"):
            decode(data, declared=declared)


@pytest.mark.fault(54)
@pytest.mark.fault(61)
def test_a_fork_that_eats_memory_dies_alone(dicom: Make) -> None:
    """A palette of 60 million pixels needs more than the fork may have; the next file is read all the same."""
    greedy = dicom(np.zeros((8, 8), np.uint8), Rows=7900, Columns=7900, PixelData=bytes(7900 * 7900 * 3), SamplesPerPixel=3)
    greedy_rgb = greedy.replace(b"MONOCHROME2 ", b"RGB         ")
    with pytest.raises(FileRejected):
        decode(greedy_rgb)
    assert decode(dicom()).pixels.shape == (8, 8)


def test_a_dead_worker_is_replaced(dicom: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from fhir import pixels

    decode(dicom())
    pixels._idle[-1].kill()
    pixels._idle[-1].wait()
    assert decode(dicom()).kind == "dicom"
    monkeypatch.setattr(pixels, "WALL_SECONDS", 0.0)
    with pytest.raises(FileRejected, match="time"):
        decode(dicom(np.zeros((4000, 4000), np.uint16)))
    monkeypatch.undo()
    assert decode(dicom()).kind == "dicom"


def test_many_threads_decode_at_once(dicom: Make) -> None:
    data = [dicom(np.full((8, 8), value, np.uint8)) for value in range(0, 250, 25)]
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(decode, data))
    assert [round(float(picture.pixels[0, 0]) * 255) for picture in pictures] == list(range(0, 250, 25))


@pytest.mark.fault(54)
def test_the_parent_stays_small_while_bombs_are_refused(tmp_path: Path, dicom: Make) -> None:
    (tmp_path / "bomb.dcm").write_bytes(_deflated_bomb(dicom))
    (tmp_path / "bomb.png").write_bytes(_png_of(20_000, 10_000))
    code = f"""
import pathlib
from fhir.errors import FileRejected
from fhir.pixels import decode
for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
    try:
        decode(path.read_bytes())
    except FileRejected as error:
        print(error)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    *refusals, sizes = done.stdout.strip().splitlines()
    assert len(refusals) == 2
    parent = int(sizes)
    assert parent < 600


def test_the_worker_reads_the_transfer_syntax_without_inflating(dicom: Make) -> None:
    assert pixel_decoder._transfer_syntax(dicom()) == "1.2.840.10008.1.2.1"
    assert pixel_decoder._transfer_syntax(_deflated_bomb(dicom)) == DeflatedExplicitVRLittleEndian
    assert pixel_decoder._transfer_syntax(b"") is None


@pytest.mark.std("D4")
def test_says_what_it_can_decode_as_its_child_sees_it() -> None:
    found = {one.uid: one for one in decodable()}
    assert {found[uid].decodable for uid in (ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless)} == {True}
    assert {found[uid].decodable for uid in (DeflatedExplicitVRLittleEndian, MPEG2MPML, "1.2.840.10008.1.2.4.92")} == {False}
    assert (found[RLELossless].name, found[MPEG2MPML].by) == ("RLE Lossless", "")


def test_a_decoder_that_does_not_start_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from fhir import pixels

    monkeypatch.setattr(pixels, "WORKER", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(FileRejected, match="start"):
        decodable()


def test_the_frame_asked_for_is_the_one_that_comes(dicom: Make) -> None:
    frames = np.stack([np.full((8, 8), value, np.uint8) for value in (0, 51, 255)])
    data = dicom(frames, NumberOfFrames=3)
    assert [round(float(decode(data, frame=number).pixels[0, 0]) * 5) for number in (1, 2, 3)] == [0, 1, 5]
    assert decode(data, frame=3).notes[0] == "frame 3 of 3"
    with pytest.raises(FileRejected, match="fewer frames"):
        decode(data, frame=4)
    for number in (0, -1, 1 << 32):
        with pytest.raises(FileRejected, match="from 1"):
            decode(data, frame=number)


def test_the_parent_never_loads_what_parses_files() -> None:
    code = "import sys, fhir.pixels; print([name for name in ('pydicom', 'PIL', 'fhir.pixel_decoder') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == "[]"

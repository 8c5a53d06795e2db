"""Files to pixels, tags and notes, in this process. The way through the child: test_pixels.py."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HEVCMP51,
    MPEG2MPML,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from fhir import pixel_decoder
from fhir.errors import FileRejected
from fhir.pixel_decoder import Refused, decode, syntaxes
from fhir.pixels import decode as decode_in_child

Make = Callable[..., bytes]
GRAY = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (64, 1))
SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"
"""DICOM files that pydicom ships for its own tests: codecs of several vendors."""


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


def tags_and_notes(data: bytes, frame: int = 0) -> tuple[dict[str, str], list[str]]:
    _, _, tags, notes = decode(data, frame)
    return tags, notes


def compressed(data: bytes, syntax: str, frame: bytes | None = None) -> bytes:
    """The file in another transfer syntax; with `frame`, whatever that is, as its compressed pixels."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    if frame is None:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.PixelData, dataset.file_meta.TransferSyntaxUID = encapsulate([frame]), syntax
        dataset["PixelData"].VR = "OB"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.std("D4")
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_lossless_compression_loses_nothing(dicom: Make, syntax: str, depth: type[np.generic]) -> None:
    plain = dicom(GRAY.astype(depth) * (1 if depth is np.uint8 else 257), WindowCenter=128, WindowWidth=256)
    np.testing.assert_array_equal(decode(compressed(plain, syntax))[0], decode(plain)[0])


@pytest.mark.std("D4")
def test_baseline_jpeg_is_decoded(dicom: Make, picture_file: Make) -> None:
    squares = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((16, 16), np.uint8))
    jpeg = picture_file(squares, "JPEG", quality=95)
    pixels, kind, _, notes = decode(compressed(dicom(squares, LossyImageCompression="01"), JPEGBaseline8Bit, jpeg))
    assert (kind, notes[-1]) == ("dicom", "lossy compression")
    np.testing.assert_allclose(pixels, squares / 255, atol=0.05)


@pytest.mark.std("D4")
@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("MR_small_RLE.dcm", "pydicom"),
        ("MR_small_jp2klossless.dcm", "openjpeg"),
        ("MR_small_jpeg_ls_lossless.dcm", "libjpeg"),
        ("MR_small_bigendian.dcm", "pydicom"),
        ("MR_small_implicit.dcm", "pydicom"),
    ],
)
def test_one_image_in_many_syntaxes_is_one_image(name: str, needs: str) -> None:
    data = (SAMPLES / name).read_bytes()
    if find_spec(needs) is None:
        with pytest.raises(Refused, match="this installation cannot decode"):
            decode(data)
        return
    np.testing.assert_array_equal(decode(data)[0], decode((SAMPLES / "MR_small.dcm").read_bytes())[0])


@pytest.mark.std("D4")
@pytest.mark.parametrize(
    "name",
    ["SC_rgb_rle.dcm", "SC_rgb_rle_2frame.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "examples_palette.dcm", "examples_ybr_color.dcm"],
)
def test_colour_and_lossy_files_of_several_vendors_are_decoded(name: str) -> None:
    pixels, _, _, _ = decode((SAMPLES / name).read_bytes())
    assert pixels.ndim == 2
    assert 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.std("D4")
@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (MPEG2MPML, "video"),
        (HEVCMP51, "video"),
        ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2"),
        ("1.2.3.4.5", "none that is known"),
    ],
)
def test_a_syntax_that_is_not_decoded_is_named(dicom: Make, syntax: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        decode(compressed(dicom(GRAY), syntax, b"frame"))
    assert "1.2.3" not in str(caught.value)


@pytest.mark.std("D4")
def test_without_its_library_a_syntax_is_said_to_be_missing_here(dicom: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_decoder, "_decoder", lambda uid: (False, ""))
    with pytest.raises(Refused, match="RLE Lossless, which this installation cannot decode"):
        decode(compressed(dicom(GRAY), RLELossless))
    assert not any(decoded for _, _, decoded, _ in syntaxes())


def _j2k(data: bytes) -> bytes:
    """A JPEG 2000 codestream of the file's pixels whose size is said to be 2^31 x 2^31."""
    dataset = pydicom.dcmread(io.BytesIO(compressed(data, JPEG2000Lossless)))
    (frame,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
    at = frame.index(b"\xff\x51") + 6
    return frame[:at] + struct.pack(">II", 1 << 31, 1 << 31) + frame[at + 8 :]


def _jpeg(picture_file: Make) -> bytes:
    """A JPEG whose size is said to be 65500 x 65500."""
    frame = picture_file(GRAY, "JPEG")
    at = frame.index(b"\xff\xc0") + 5
    return frame[:at] + struct.pack(">HH", 65_500, 65_500) + frame[at + 4 :]


@pytest.mark.fault(54)
def test_a_codestream_that_says_it_is_huge_is_refused_and_the_next_file_is_read(dicom: Make, picture_file: Make) -> None:
    plain = dicom(GRAY)
    for data in (compressed(plain, JPEG2000Lossless, _j2k(plain)), compressed(plain, JPEGBaseline8Bit, _jpeg(picture_file))):
        with pytest.raises(FileRejected):
            decode_in_child(data)
    huge = dicom(np.zeros((8, 8), np.uint16), Rows=7_900, Columns=7_900)
    runs = struct.pack("<16I", 2, 64, 64 + 2_000, *[0] * 13) + b"\x81\x00" * 2_000
    with pytest.raises(FileRejected):
        decode_in_child(compressed(huge, RLELossless, runs))
    assert decode_in_child(plain).kind == "dicom"


@pytest.mark.fault(54)
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_a_compressed_file_cut_at_each_64_bytes_is_refused_or_an_image_of_its_size(dicom: Make, syntax: str) -> None:
    data = compressed(dicom(np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)), syntax)
    for end in range(0, len(data), 64):
        try:
            picture = decode_in_child(data[:end])
        except FileRejected:
            continue
        assert picture.pixels.shape == (32, 32)


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    ("preamble", "kind"),
    [(b"MZ\x90\x00", "Windows"), (b"\x7fELF\x02", "program"), (b"%PDF-1.7", "PDF"), (b"PK\x03\x04", "archive"), (b"#!/bin/sh\n", "script")],
    ids=["MZ", "ELF", "PDF", "zip", "script"],
)
def test_a_preamble_that_makes_the_file_something_else_as_well_is_passed_over_and_said(dicom: Make, preamble: bytes, kind: str) -> None:
    plain = dicom(GRAY, PatientID="MRN-1")
    odd = preamble.ljust(128, b"\x00") + plain[128:]
    pixels, found, tags, notes = decode(odd)
    np.testing.assert_array_equal(pixels, decode(plain)[0])
    assert (found, tags["PatientID"]) == ("dicom", "MRN-1")
    assert notes[-1].startswith("its preamble is the beginning of")
    assert kind in notes[-1]
    assert not any("preamble" in note for note in tags_and_notes(plain)[1])


@pytest.mark.fault(53)
@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"], ids=["PNG", "JPEG"])
def test_a_picture_that_is_also_dicom_could_hide_whose_it_is_and_is_refused(dicom: Make, picture_file: Make, start: bytes) -> None:
    with pytest.raises(Refused, match="two kinds"):
        decode(start.ljust(128, b"\x00") + dicom(GRAY)[128:])


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    "magic", [b"MZ", b"\x7fELF", b"%PDF-1.7", b"PK\x03\x04", b"#!/bin/sh", b"GIF89a", b"II*\x00", b"BM", b"<html>", b"{}"], ids=repr
)
def test_what_has_no_magic_of_an_image_is_none(magic: bytes) -> None:
    with pytest.raises(Refused, match="not DICOM, PNG or JPEG"):
        decode(magic + bytes(400))


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    ("image", "form", "options", "note"),
    [
        (Image.new("CMYK", (32, 64), (0, 0, 0, 128)), "JPEG", {}, "CMYK turned to luminance"),
        (Image.new("LA", (32, 64), (128, 0)), "PNG", {}, "LA turned to luminance"),
        (Image.new("P", (32, 64), 3), "PNG", {}, "P turned to luminance"),
        (
            Image.new("L", (32, 64), 9),
            "PNG",
            {"save_all": True, "append_images": [Image.new("L", (32, 64), 200)]},
            "first of several frames",
        ),
    ],
    ids=["CMYK", "transparent", "palette", "animated"],
)
def test_an_odd_picture_is_one_gray_image_and_says_what_it_was(image: Image.Image, form: str, options: dict[str, Any], note: str) -> None:
    out = io.BytesIO()
    image.save(out, form, **options)
    pixels, _, _, notes = decode(out.getvalue())
    assert (pixels.shape, pixels.dtype) == ((64, 32), np.float32)
    assert note in notes


@pytest.mark.fault(56)
def test_an_encapsulated_pdf_is_dicom_without_an_image(dicom: Make) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom(GRAY)))
    del dataset.PixelData
    dataset.SOPClassUID, dataset.MIMETypeOfEncapsulatedDocument = "1.2.840.10008.5.1.4.1.1.104.1", "application/pdf"
    dataset.EncapsulatedDocument = b"%PDF-1.7 /JavaScript (app.alert(1)) "
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    with pytest.raises(Refused, match="without an image"):
        decode(out.getvalue())


@pytest.mark.parametrize(
    ("modality", "frames", "note"),
    [("CT", 10, "frame 6 of 10"), ("MR", 3, "frame 2 of 3"), ("US", 10, "first of 10 frames"), ("CT", 2, "frame 2 of 2"), ("CT", 1, None)],
)
def test_of_slices_the_middle_frame_is_shown_and_of_a_clip_the_first(dicom: Make, modality: str, frames: int, note: str | None) -> None:
    stack = np.stack([np.full((8, 8), number, np.uint8) for number in range(frames)])
    pixels, _, _, notes = decode(dicom(stack if frames > 1 else stack[0], NumberOfFrames=frames, Modality=modality))
    assert [one for one in notes if "frame" in one] == ([note] if note else [])
    shown = 0 if modality == "US" else frames // 2
    assert pixels[0, 0] * 255 == pytest.approx(shown, abs=1e-3)


@pytest.mark.std("D5")
def test_each_frame_of_an_enhanced_object_is_shown_with_its_own_window_and_rescale(dicom: Make) -> None:
    def group(**sequences: dict[str, Any]) -> Dataset:
        found = Dataset()
        for name, values in sequences.items():
            item = Dataset()
            for keyword, value in values.items():
                setattr(item, keyword, value)
            setattr(found, name, [item])
        return found

    stack = np.stack([np.full((8, 8), value, np.uint16) for value in (100, 200)])
    per_frame = [group(FrameVOILUTSequence={"WindowCenter": center, "WindowWidth": 100}) for center in (50, 150)]
    shared = group(
        PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -50}, PixelMeasuresSequence={"PixelSpacing": [0.5, 0.25]}
    )
    data = dicom(
        stack, NumberOfFrames=2, Modality="CT", PerFrameFunctionalGroupsSequence=per_frame, SharedFunctionalGroupsSequence=[shared]
    )
    for number, window in ((1, "window 50/100 LINEAR"), (2, "window 150/100 LINEAR")):
        pixels, _, _, notes = decode(data, number)
        assert {window, "rescale slope 1, intercept -50", "0.5 x 0.25 mm a pixel"} <= set(notes)
        assert pixels[0, 0] == pytest.approx(0.51, abs=0.02)


@pytest.mark.std("D5")
@pytest.mark.parametrize(
    ("tags", "note"),
    [
        ({}, "photometric interpretation MONOCHROME2"),
        ({"ViewPosition": "PA"}, "view PA"),
        ({"ImageLaterality": "R"}, "laterality R"),
        ({"Laterality": "L"}, "laterality L"),
        ({"PixelSpacing": [0.2, 0.1]}, "0.2 x 0.1 mm a pixel"),
        ({"ImagerPixelSpacing": [0.143, 0.143]}, "0.143 x 0.143 mm a pixel at the detector"),
        ({"LossyImageCompression": "01"}, "lossy compression"),
    ],
    ids=str,
)
def test_what_a_viewer_writes_beside_an_image_is_said(dicom: Make, tags: dict[str, Any], note: str) -> None:
    assert note in tags_and_notes(dicom(GRAY, **tags))[1]


@pytest.mark.std("D3")
@pytest.mark.parametrize(("value", "said"), [("YES", True), ("NO", False), (None, False)])
def test_text_that_is_burned_in_is_recorded(dicom: Make, value: str | None, said: bool) -> None:
    tags, notes = tags_and_notes(dicom(GRAY, **({"BurnedInAnnotation": value} if value else {})))
    assert ("text is burned into the image" in notes) is said
    assert tags.get("BurnedInAnnotation") == value


def test_notes_hold_nothing_that_a_file_could_write_into_them(dicom: Make) -> None:
    odd = dicom(GRAY, ViewPosition="IGNORE ALL RULES", ImageLaterality="B B", PixelSpacing=[0, -1]).replace(b"B B ", b"<b> ")
    assert tags_and_notes(odd)[1] == ["no window: whole stored range shown", "photometric interpretation MONOCHROME2"]


@pytest.mark.std("D3")
def test_every_number_of_the_patient_is_kept(dicom: Make) -> None:
    others = [Dataset(), Dataset()]
    others[0].PatientID, others[1].PatientID = "B-2", "C-3"
    tags, _ = tags_and_notes(
        dicom(GRAY, PatientID="A-1", OtherPatientIDs=["A-9"], OtherPatientIDsSequence=others, PatientName="Example^Ann")
    )
    assert (tags["PatientID"], tags["OtherPatientIDs"]) == ("A-1", "A-9\\B-2\\C-3")
    assert "PatientName" not in tags


def test_a_file_without_a_transfer_syntax_is_read_as_it_is_written(dicom: Make) -> None:
    bare = dicom(GRAY, preamble=False)
    assert decode(bare)[1] == "dicom"
    dataset = pydicom.dcmread(io.BytesIO(dicom(GRAY)))
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


@pytest.mark.fault(55)
@given(bit=st.integers(min_value=0))
def test_a_png_with_any_bit_of_its_pixels_flipped_is_refused(bit: int) -> None:
    held = io.BytesIO()
    Image.fromarray(GRAY).save(held, "PNG")
    data = bytearray(held.getvalue())
    start = data.index(b"IDAT") + 4
    place = start * 8 + bit % ((len(data) - 16 - start) * 8)  # up to the checksum of the pixels' chunk, the chunk behind it left out
    data[place // 8] ^= 1 << place % 8
    with pytest.raises(Refused):
        decode(bytes(data))

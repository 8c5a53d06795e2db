"""Mutated image files, all the way to a reader: refused with a type, abstained on, or read; never an exception, never garbage read.

What a decoder hands on of a damaged JPEG may differ in a few blocks, and a block may look like a finding: that is not noticed here.
"""

from __future__ import annotations

import hashlib
import io
import random
import struct
from collections.abc import Callable, Iterator

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydicom.uid import JPEG2000Lossless

from fhir.errors import FileRejected
from fhir.pixels import close_workers, decode
from fhir.study import Picture
from sandbox.phantoms.dicom import DicomPatient, DicomStudy, to_dicom, to_png, uid
from sandbox.phantoms.sample import corpus
from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.reading import Reading
from tools.med_vlm.trust.input_gate import Gated

F32 = NDArray[np.float32]
UNSEEN = 5_000_000
"""First of the phantoms that trained nothing."""
PATIENT = DicomPatient("MRN-1", "", "Example", "Ann", "19600101", "F")
STUDY = DicomStudy(uid("study"), uid("series"), uid("image"), "A1", "20240101", "120000")

See = Callable[[bytes], tuple[Picture, Reading] | None]
Read = Callable[[bytes], Reading | None]


@pytest.fixture(autouse=True, scope="module")
def _ended_workers() -> Iterator[None]:
    yield
    close_workers()


@pytest.fixture(scope="module")
def files(reader: CompactReader) -> dict[str, bytes]:
    """One phantom that the model reads, in every form."""
    drawn = (case.phantom for case in corpus(range(UNSEEN, UNSEEN + 20), size=256))
    phantom = next(each for each in drawn if not reader.read(asked_of(each.pixels / np.float32(2**each.bits - 1))).abstained)
    plain = to_dicom(phantom, patient=PATIENT, study=STUDY)
    dataset = pydicom.dcmread(io.BytesIO(plain))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    packed, jpeg = io.BytesIO(), io.BytesIO()
    dataset.save_as(packed)
    PillowImage.fromarray((phantom.pixels / (2**phantom.bits - 1) * 255).astype(np.uint8)).save(jpeg, "JPEG", quality=90)
    return {"dicom": plain, "j2k": packed.getvalue(), "png": to_png(phantom), "jpeg": jpeg.getvalue()}


@pytest.fixture(scope="module")
def seen(reader: CompactReader) -> See:
    """The picture of a file and its reading behind the input gate, None for one that is refused. The same is not read twice."""
    gated, known = Gated(reader), dict[tuple[object, ...], Reading]()

    def give(data: bytes) -> tuple[Picture, Reading] | None:
        try:
            picture = decode(data)
        except FileRejected:
            return None
        asked = question(picture)
        pixels = picture.pixels
        key = hashlib.sha256(pixels.tobytes()).digest(), pixels.shape, asked.focal.view, asked.focal.modality
        if key not in known:
            known[key] = gated.read(asked)
        return picture, known[key]

    return give


@pytest.fixture(scope="module")
def read(seen: See) -> Read:
    """The reading alone."""
    return lambda data: found[1] if (found := seen(data)) else None


def question(picture: Picture) -> Asked:
    return Asked((Image(picture.pixels, picture.tags.get("ViewPosition"), picture.tags.get("Modality")),))


def flipped(data: bytes, seed: int, first: int = 20, end: int | None = None) -> bytes:
    """A few bits turned over somewhere from `first` on."""
    drawn = random.Random(seed)
    made = bytearray(data)
    for _ in range(drawn.choice([1, 1, 2, 8])):
        made[drawn.randrange(first, end or len(data))] ^= 1 << drawn.randrange(8)
    return bytes(made)


def likeness(one: Picture, other: Picture) -> float:
    """Correlation of both pictures at 64 x 64 pixels."""
    grey = [(np.clip(each.pixels, 0, 1) * 255).astype(np.uint8) for each in (one, other)]
    small = [np.asarray(PillowImage.fromarray(each).resize((64, 64)), float).ravel() for each in grey]
    return float(np.corrcoef(*small)[0, 1])


MUTATED = [("dicom", 24, 130, 1800), ("j2k", 6, 1800, None), ("png", 24, 20, None), ("jpeg", 10, 20, None)]


@pytest.mark.fault(54)
@pytest.mark.fault(55)
@pytest.mark.fault(61)
@pytest.mark.parametrize(("form", "times", "first", "end"), MUTATED, ids=[row[0] for row in MUTATED])
def test_flipped_bits_are_refused_abstained_on_or_read_as_the_picture_they_still_show(
    form: str, times: int, first: int, end: int | None, files: dict[str, bytes], seen: See
) -> None:
    sound = seen(files[form])
    assert sound is not None
    assert not sound[1].abstained
    refused = 0
    for seed in range(times):
        found = seen(flipped(files[form], seed, first, end))
        if found is None:
            refused += 1
        elif not found[1].abstained:
            assert likeness(found[0], sound[0]) > 0.8
    assert refused or form in ("j2k", "jpeg")


@pytest.mark.fault(54)
@pytest.mark.parametrize("form", ["dicom", "j2k", "png", "jpeg"])
def test_a_file_cut_anywhere_is_never_read_as_if_it_were_whole(form: str, files: dict[str, bytes], read: Read) -> None:
    data, whole = files[form], read(files[form])
    for share in (0.01, 0.1, 0.3, 0.5, 0.8):
        reading = read(data[: int(share * len(data))])
        assert reading is None or reading.abstained or reading == whole


def changed(**tags: object) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        dataset, out = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
        for name, value in tags.items():
            setattr(dataset, name, value)
        dataset.save_as(out)
        return out.getvalue()

    return change


LIES: dict[str, Callable[[bytes], bytes]] = {
    "rows and columns that shear it": changed(Rows=128, Columns=512),
    "one long strip": changed(Rows=16, Columns=4096),
    "an impossible size": changed(Rows=65535, Columns=65535),
    "black and white exchanged": changed(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
    "a window that leaves two greys": changed(WindowCenter=1500, WindowWidth=1),
    "a window beside the values": changed(WindowCenter=60000, WindowWidth=10),
    "another modality": changed(Modality="CT"),
    "another view": changed(ViewPosition="LL"),
}


@pytest.mark.fault(54)
@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_about_the_picture_gives_no_finding(lie: str, files: dict[str, bytes], read: Read) -> None:
    reading = read(LIES[lie](files["dicom"]))
    assert reading is None or (reading.abstained and reading.findings == ())


@pytest.mark.fault(53)
@pytest.mark.parametrize("preamble", [b"MZ\x90\x00", b"\x7fELF\x02", b"%PDF-1.7"], ids=["MZ", "ELF", "PDF"])
def test_a_preamble_of_another_kind_of_file_changes_no_reading(preamble: bytes, files: dict[str, bytes], read: Read) -> None:
    assert read(preamble.ljust(128, b"\x00") + files["dicom"][128:]) == read(files["dicom"])


def picture_file(mode: str, size: tuple[int, int], form: str = "PNG") -> bytes:
    """Noise of that size; the letters of the mode are its channels."""
    out = io.BytesIO()
    data = np.random.default_rng(size[0]).bytes(size[0] * size[1] * len(mode))
    PillowImage.frombytes(mode, size, data).save(out, form)
    return out.getvalue()


def _huge_jpeg() -> bytes:
    data = picture_file("L", (64, 64), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :]


ODD: dict[str, Callable[[], bytes]] = {
    "one pixel": lambda: picture_file("L", (1, 1)),
    "one row": lambda: picture_file("L", (4000, 1)),
    "one column": lambda: picture_file("L", (1, 4000)),
    "a strip of 64 rows": lambda: picture_file("L", (4000, 64)),
    "a thumbnail": lambda: picture_file("L", (28, 28)),
    "noise in colour": lambda: picture_file("RGB", (200, 200)),
    "noise in CMYK": lambda: picture_file("CMYK", (200, 200), "JPEG"),
    "a JPEG said to be huge": _huge_jpeg,
}


@pytest.mark.fault(55)
@pytest.mark.parametrize("kind", ODD)
def test_extreme_and_odd_pictures_give_no_finding(kind: str, read: Read) -> None:
    reading = read(ODD[kind]())
    assert reading is None or (reading.abstained and reading.findings == ())

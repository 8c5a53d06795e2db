"""What it costs to pull a radiograph from an image server and to decode it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.clock import alternate, wall_ms
from bench.orthanc import Orthanc, installed, running
from bench.rows import Row
from bench.setting import Setting

if TYPE_CHECKING:
    import httpx

    from fhir.wire.wire import Wire

ROWS, COLUMNS = 2500, 2000
STUDY, SERIES, INSTANCE = "2.25.1", "2.25.1.1", "2.25.1.1.1"


def dicomweb(setting: Setting) -> tuple[Row, ...]:
    """A radiograph over DICOMweb.

    Wall time against Orthanc on this machine for one instance of 2000 x 2500 pixels of 16 bits (10 MB), asked by WADO-RS as it was
    stored. Everyone keeps one pool of connections open, as a review does. Raw is one GET by httpx of the same URL, the multipart
    answer left as it is; packed is what httpx asks for by itself, gzip. Decoding is done by Sidenote in its limited child, with
    identity, hash and windowing, and by the peers in this process, to stored values alone. Sidenote's way by metadata is what a
    review does: first whose the image is, then its pixels. Without Orthanc there is nothing to measure, and no row.
    """
    import httpx

    from fhir.wire.origins import origins
    from fhir.wire.wire import Wire

    if not installed():
        setting.tell("no Orthanc here: nothing is measured over DICOMweb")
        return ()
    folder = setting.scratch / "orthanc"
    folder.mkdir()
    with running(folder) as server, httpx.Client() as plain, asyncio.Runner() as runner:
        file = radiograph()
        server.store(file)
        wire = Wire(origins(server.base))

        def pulled(metadata: bool) -> bytes:
            kept: list[bytes] = []  # not returned: a Runner writes out the repr of what its coroutine returns, in 0.1 s for 10 MB
            runner.run(_pull(wire, server.base, kept, metadata=metadata))
            return kept[0]

        work = _work(server, file, plain, pulled)
        times = alternate(setting.rounds(15), work, clock=wall_ms)
        runner.run(wire.aclose())
    what = "pull of a 10 MB instance"
    return (
        Row(what, times["pull"], "raw GET", times["raw"]),
        Row(what, times["pull"], "raw GET, packed", times["packed"]),
        Row(f"{what}, by metadata", times["checked"], "raw GET", times["raw"]),
        Row(f"{what}, decoded", times["decoded"], "raw GET and pydicom", times["raw decoded"]),
        Row(f"{what}, decoded", times["decoded"], "dicomweb-client and pydicom", times["dicomweb-client"]),
    )


def radiograph() -> bytes:
    """A chest's worth of smooth shades with the noise of a detector: it packs like a radiograph does, badly."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

    rng = np.random.default_rng(0)
    shade = np.hypot(*np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j])
    pixels = np.clip(shade * 30_000 + rng.normal(20_000, 300, (ROWS, COLUMNS)), 0, 65_535).astype("<u2")
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = ComputedRadiographyImageStorage, INSTANCE
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID, made.Modality = STUDY, SERIES, "BENCH", "CR"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.Rows, made.Columns, made.BitsAllocated, made.BitsStored, made.HighBit = ROWS, COLUMNS, 16, 16, 15
    made.WindowCenter, made.WindowWidth = 32_768, 65_536
    made.PixelData = pixels.tobytes()
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _work(server: Orthanc, file: bytes, plain: httpx.Client, pulled: Callable[[bool], bytes]) -> dict[str, Callable[[], object]]:
    import pydicom
    from dicomweb_client.api import DICOMwebClient

    from fhir.dicomweb.client import STORED
    from fhir.pixels import decode

    url = f"{server.base}/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    peer = DICOMwebClient(server.base)

    def raw(encoding: str = "identity") -> bytes:
        return plain.get(url, headers={"Accept": STORED, "Accept-Encoding": encoding}).content

    def whole(data: bytes) -> bytes:
        if data != file:
            raise ValueError("the instance did not come as it was stored")
        return data

    def stored_values(data: bytes) -> Any:
        return pydicom.dcmread(io.BytesIO(data[data.index(b"\r\n\r\n") + 4 :])).pixel_array

    return {
        "pull": lambda: whole(pulled(False)),
        "checked": lambda: whole(pulled(True)),
        "decoded": lambda: decode(pulled(False)),
        "raw": raw,
        "packed": lambda: raw("gzip, deflate"),
        "raw decoded": lambda: stored_values(raw()),
        "dicomweb-client": lambda: peer.retrieve_instance(STUDY, SERIES, INSTANCE).pixel_array,
    }


async def _pull(wire: Wire, base: str, kept: list[bytes], *, metadata: bool) -> None:
    from fhir.dicomweb.client import DicomwebClient

    client = DicomwebClient(wire, base)
    if metadata:
        await client.metadata(STUDY, SERIES, INSTANCE)
    kept.append(await client.instance(STUDY, SERIES, INSTANCE))

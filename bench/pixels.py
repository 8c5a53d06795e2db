"""What it costs to keep the decoding of images in another process."""

from __future__ import annotations

import io

from bench.clock import alternate, wall_ms
from bench.rows import Row
from bench.setting import Setting


def pixels(setting: Setting) -> tuple[Row, ...]:
    """Decoding an image.

    Wall time of a 768 x 768 DICOM file to pixels for display. Sidenote decodes in a child process with limits on memory and time;
    the peer is pydicom in this process, without identity, hash or limits. Cold: the child is started for it.
    """
    import pydicom

    from fhir.pixels import close_workers, decode

    data = (setting.hospital / setting.stories[0].images[0].path).read_bytes()

    def cold() -> object:
        close_workers()
        return decode(data)

    work = {"warm": lambda: decode(data), "pydicom": lambda: pydicom.dcmread(io.BytesIO(data)).pixel_array}
    warm = alternate(setting.rounds(15), work, clock=wall_ms)
    started = alternate(setting.rounds(5), {"cold": cold}, clock=wall_ms)
    close_workers()
    return (
        Row("decode, warm worker", warm["warm"], "pydicom in this process", warm["pydicom"]),
        Row("decode, cold worker", started["cold"], "pydicom in this process", warm["pydicom"]),
    )

"""Images of the chart as small PNG files: decoded in the child process of `fhir.pixels`, scaled, and remembered."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from fhir.study import ImageSource
from sandbox.ehr.hospital import Hospital

Size = Literal["small", "large"]
SIDES: dict[Size, int] = {"small": 224, "large": 1024}
"""Pixels of the longer side at most."""
_MOST_KEPT = 256
Held = Callable[[ImageSource], bytes | None]
"""The file of an image; None when the hospital does not hold it."""


def held_by(hospital: Hospital) -> Held:
    """Images that stand in the record itself, are Binary resources of it, or lie on the hospital's image server."""

    def file_of(source: ImageSource) -> bytes | None:
        if source.data is not None:
            return source.data
        if (at := source.instance) is not None:
            found = hospital.images.of(at.study_uid, at.series_uid, at.instance_uid)
            return found[0].data if found else None
        named = (source.url or "").removeprefix(f"{hospital.base}/")
        version = hospital.store.current(named) if named.startswith("Binary/") else None
        return None if version is None else _decoded(version.body.get("data"))

    return file_of


def _decoded(data: object) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else None
    except (binascii.Error, ValueError):
        return None


class Pictures:
    """Makes PNG files and keeps the last ones. Any thread may ask."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[tuple[str, Size], bytes] = OrderedDict()

    def png(self, file: bytes, size: Size) -> bytes:
        """An image file as a grey PNG, no larger than the size says.

        Raises:
            fhir.errors.FileRejected: it is no image, or cannot be decoded.
        """
        key = (hashlib.sha256(file).hexdigest(), size)
        if key not in self._kept:
            self._kept[key] = _png(file, SIDES[size])
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


def _png(file: bytes, side: int) -> bytes:
    import numpy as np
    from PIL import Image

    from fhir.pixels import decode

    pixels = decode(file).pixels
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()

"""The process that decodes images nobody vouches for. Of Sidenote it imports the decoder beside it, and nothing else.

It waits for jobs on standard input and forks for each: the fork has little memory, little time and one file to look at, so that
a bomb or a crash in a codec ends the fork and nothing else. A job is 8 bytes of length, 4 bytes of frame (both big endian; frames
are counted from 1, 0 leaves the choice here) and the file. The answer is 4 bytes of header length, a JSON header, and the pixels as
little-endian uint16, [rows, columns].

Header: {"ok": true, "rows", "columns", "kind", "tags", "notes"} or {"ok": false, "reason"}. A reason never quotes the file.
With the argument `syntaxes` it prints instead which transfer syntaxes it can decode, as a JSON list of `pixel_decoder.syntaxes`.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import struct
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from pydicom.errors import InvalidDicomError

from fhir.pixel_decoder import MAX_PIXELS, Refused, decode, syntaxes
from fhir.pixel_rendering import Pixels

MEMORY = 1 << 30
CPU_SECONDS = 15
WALL_SECONDS = 20
MOST_SHOWN = 12_000_000
"""Pixels handed back at most; more are averaged block by block. The caller holds several pictures and copies of them, and a file
of a few kilobytes may say that it has 64 million pixels. No reader looks at more than a few million."""
UNREADABLE = (
    InvalidDicomError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    OverflowError,
    struct.error,
    SyntaxError,
)
"""What pydicom and Pillow raise on broken files."""


def main(arguments: list[str]) -> None:
    """Serve jobs until standard input ends. A fork that died ends this process too: its caller starts a fresh one."""
    warnings.simplefilter("ignore")
    if arguments == ["syntaxes"]:
        sys.stdout.write(json.dumps(syntaxes()))
        return
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    Image.preinit()
    source, sink = os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0)
    while len(head := source.read(12) or b"") == 12:
        job = os.fork()
        if job == 0:
            _work(source, sink, *struct.unpack(">QI", head))
        status = os.waitpid(job, 0)[1]
        if status != 0:
            sys.exit(1)


def _work(source: BinaryIO, sink: BinaryIO, length: int, frame: int) -> None:
    """In the fork: limits first, then the file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.alarm(WALL_SECONDS)
    answer, pixels = _answer(_read_exactly(source, length), frame)
    header = json.dumps(answer).encode()
    _write(sink, struct.pack(">I", len(header)) + header)
    _write(sink, pixels)
    os._exit(0)


def _answer(data: bytes, frame: int) -> tuple[dict[str, Any], bytes]:
    try:
        pixels, kind, tags, notes = decode(data, frame)
    except Refused as error:
        return {"ok": False, "reason": str(error)}, b""
    except MemoryError:
        return {"ok": False, "reason": "it needs more memory than is allowed"}, b""
    except RecursionError:
        return {"ok": False, "reason": "its data are nested too deep"}, b""
    except Image.DecompressionBombError:
        return {"ok": False, "reason": f"it has more than {MAX_PIXELS // 1_000_000} million pixels"}, b""
    except UNREADABLE as error:
        return {"ok": False, "reason": f"it cannot be decoded ({type(error).__name__})"}, b""
    pixels = _reduced(pixels, notes)
    rows, columns = pixels.shape
    np.multiply(pixels, 65535, out=pixels)
    out = np.rint(pixels, out=pixels).astype("<u2")
    return {"ok": True, "rows": rows, "columns": columns, "kind": kind, "tags": tags, "notes": notes}, out.tobytes()


def _reduced(pixels: Pixels, notes: list[str]) -> Pixels:
    """Means over blocks of n x n pixels, n the smallest that leaves at most MOST_SHOWN; what is left of a block at an edge is cut."""
    factor = math.ceil(math.sqrt(pixels.size / MOST_SHOWN))
    rows, columns = (max(1, side // factor) for side in pixels.shape)
    if factor < 2 or min(pixels.shape) < factor:
        return pixels
    notes.append(f"reduced {factor} times from {pixels.shape[0]} x {pixels.shape[1]}")
    blocks = pixels[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def _read_exactly(source: BinaryIO, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = source.read(min(length - len(data), 1 << 20))
        if not part:
            os._exit(1)
        data += part
    return bytes(data)


def _write(sink: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[sink.write(view) :]

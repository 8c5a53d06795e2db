"""Image files to pictures, in a child process with limits (`fhir/pixel_worker.py`): the parent never parses one."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from fhir.errors import FileRejected
from fhir.study import Picture

MAX_BYTES = 256 * 1024 * 1024
WALL_SECONDS = 25.0
"""A little more than the worker allows itself."""
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fhir.pixel_worker import main; main(sys.argv[2:])"
WORKER = (sys.executable, "-I", "-c", _START, str(Path(__file__).parents[1]))
"""The command that starts one. Isolated: neither the environment nor the folder it is started in says what it imports."""
_KINDS = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "application/dicom": "dicom"}
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "PATH": os.defpath}
_idle: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()
_slots = threading.BoundedSemaphore(max(1, min(4, os.cpu_count() or 1)))


def decode(data: bytes, *, declared: str | None = None, frame: int | None = None) -> Picture:
    """Decode one DICOM, PNG or JPEG file for display.

    Args:
        data: The file as received.
        declared: The media type the record gives it. A DICOM, PNG or JPEG that is declared to be another of them is refused.
        frame: Which frame of several, counted from 1; None: the middle one of slices (CT, MR, PT, NM), else the first.

    Returns:
        A Picture: float32 [rows, columns], 0 .. 1, air black.

    Raises:
        FileRejected: not one of the three, not an image, deflated, of a transfer syntax that cannot be decoded here, too large, too
            slow, broken, without that frame, or not what it is declared to be.
    """
    if len(data) > MAX_BYTES:
        raise FileRejected("the file is larger than 256 MB")
    if frame is not None and not 0 < frame < 1 << 32:
        raise FileRejected("frames are counted from 1")
    header, pixels = _ask(data, frame or 0)
    if not header["ok"]:
        raise FileRejected(f"the file was not decoded: {header['reason']}")
    expected = _KINDS.get((declared or "").partition(";")[0].strip().lower())
    if expected is not None and expected != header["kind"]:
        raise FileRejected(f"the file is declared {expected} and is {header['kind']}")
    shown = np.frombuffer(pixels, "<u2").reshape(header["rows"], header["columns"]).astype(np.float32)
    shown /= np.float32(65535)
    shown.setflags(write=False)
    return Picture(shown, hashlib.sha256(data).hexdigest(), header["kind"], header["tags"], tuple(header["notes"]))


@dataclass(frozen=True, slots=True)
class Syntax:
    """A transfer syntax of DICOM, and whether this installation decodes it."""

    uid: str
    name: str
    decodable: bool
    by: str
    """The library that does; "" for none, and for what needs none beside pydicom."""


def decodable() -> tuple[Syntax, ...]:
    """Every transfer syntax, as a fresh child sees them: what is installed may differ from what this process has loaded.

    Raises:
        FileRejected: the child did not answer, so nothing can be decoded.
    """
    try:
        done = subprocess.run([*WORKER, "syntaxes"], capture_output=True, check=True, timeout=WALL_SECONDS, env=_ENVIRONMENT, cwd="/")
    except (OSError, subprocess.SubprocessError) as error:
        raise FileRejected("the image decoder does not start") from error
    return tuple(Syntax(*row) for row in json.loads(done.stdout))


@atexit.register
def close_workers() -> None:
    """End the idle workers; the next decode starts a fresh one."""
    with _lock:
        workers, _idle[:] = list(_idle), []
    for worker in workers:
        _end(worker)


def _ask(data: bytes, frame: int) -> tuple[dict[str, Any], bytes]:
    with _worker() as worker:
        timer = threading.Timer(WALL_SECONDS, _kill, (worker,))
        timer.start()
        try:
            return _exchange(worker, data, frame)
        except (OSError, EOFError, struct.error, ValueError) as error:
            _end(worker)
            raise FileRejected("the file was not decoded: its decoder ran out of memory or time, or crashed") from error
        finally:
            timer.cancel()


def _exchange(worker: subprocess.Popen[bytes], data: bytes, frame: int) -> tuple[dict[str, Any], bytes]:
    sink, source = worker.stdin, worker.stdout
    if sink is None or source is None:
        raise OSError("the worker has no pipes")
    sink.write(struct.pack(">QI", len(data), frame))
    sink.write(data)
    sink.flush()
    header = json.loads(_read(source, struct.unpack(">I", _read(source, 4))[0]))
    size = header["rows"] * header["columns"] * 2 if header["ok"] else 0
    return header, _read(source, size)


def _read(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise EOFError
    return data


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """Borrow a worker; it comes back only while it lives."""
    with _slots:
        with _lock:
            worker = _idle.pop() if _idle else None
        if worker is not None and worker.poll() is not None:
            _end(worker)
            worker = None
        worker = worker or _start()
        try:
            yield worker
        finally:
            if worker.poll() is None:
                with _lock:
                    _idle.append(worker)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        WORKER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


def _end(worker: subprocess.Popen[bytes]) -> None:
    _kill(worker)
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue


def _kill(worker: subprocess.Popen[bytes]) -> None:
    """End the worker and its fork: they share a session."""
    try:
        os.killpg(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        return

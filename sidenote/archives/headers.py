"""Headers of DICOM files, read in a child process with limits (`sidenote/archives/header_worker.py`): the parent parses none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WORKER = (sys.executable, "-I", str(Path(__file__).with_name("header_worker.py")))
"""Isolated: neither the environment nor the folder it is started in says what it imports."""
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "PATH": os.defpath}
_ENDED = "file took more memory or time than a header may, or crashed its reader"


@dataclass(frozen=True, slots=True)
class Header:
    """What a DICOM file says of itself."""

    path: Path
    tags: dict[str, str]
    """DICOM keyword -> text, for the keywords that are read and given."""
    others: tuple[tuple[str, str], ...]
    """(number, issuer or "") of the patient's other numbers."""
    image: bool
    """Whether it has rows of pixels."""
    report: str
    """Text of a structured report; empty for any other object."""

    def tag(self, keyword: str) -> str:
        """The text of a keyword; empty when it is not given."""
        return self.tags.get(keyword, "")


@dataclass(frozen=True, slots=True)
class Unread:
    """A file whose header was not read, and why, in a fixed phrase."""

    path: Path
    reason: str


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM Part 10 (PS3.10 7.1): whatever its name is."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_headers(paths: Iterable[Path]) -> Iterator[Header | Unread]:
    """The header of each file, in order. A file that ends its reader is `Unread`, and the next is read by a new one."""
    worker: subprocess.Popen[str] | None = None
    try:
        for path in paths:
            worker = worker or _start()
            answer = _ask(worker, path)
            if answer is None:
                _end(worker)
                worker = None
                yield Unread(path, _ENDED)
            elif answer["ok"]:
                others = tuple((number, issuer) for number, issuer in answer["others"])
                yield Header(path, answer["tags"], others, answer["image"], answer["report"])
            else:
                yield Unread(path, answer["reason"])
    finally:
        if worker is not None:
            _end(worker)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        _WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_ENVIRONMENT, cwd="/", encoding="utf-8"
    )


def _ask(worker: subprocess.Popen[str], path: Path) -> dict[str, Any] | None:
    if worker.stdin is None or worker.stdout is None:
        raise OSError("the worker has no pipes")
    try:
        worker.stdin.write(json.dumps(os.fspath(path.absolute())) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
        return dict(json.loads(line)) if line else None
    except (OSError, ValueError):
        return None


def _end(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue

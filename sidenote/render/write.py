"""Writing a rendering to a file: whole or not at all, and readable by its owner alone, since it holds patient data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sidenote.errors import writing


def write_whole(path: Path, text: str) -> None:
    """Write `text` beside `path` and move it into place; a link is followed, and a pipe or device is written to and left there.

    Raises:
        OutputFailed: the folder is missing or not writable; nothing is left behind.
    """
    data = text.encode()
    with writing():
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)

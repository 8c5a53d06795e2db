"""A FHIR server that is not ours, for the tests in this folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

_MEDPLUM = Path(__file__).parents[2] / "medplum"
_FILES = ("package.json", "package-lock.json", "server.mjs")


@pytest.fixture(scope="session")
def medplum_folder(missing: Callable[[str], NoReturn]) -> Path:
    """Medplum's packages, exactly those of the lock, and our server beside them: installed once a machine, then used without a network."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed (Debian: nodejs, npm): no FHIR server of others to test against")
    texts = {name: (_MEDPLUM / name).read_bytes() for name in _FILES}
    key = hashlib.sha256(b"\0".join(texts.values())).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sidenote-tests"
    folder = cache / f"medplum-{key}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=cache))
    for name, text in texts.items():
        (scratch / name).write_bytes(text)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == 0:
        with suppress(OSError):  # another worker was faster
            scratch.rename(folder)
    shutil.rmtree(scratch, ignore_errors=True)
    if not folder.is_dir():
        missing("npm could not install Medplum's packages: " + done.stderr.strip().partition("\n")[0])
    return folder


@pytest.fixture(scope="session")
def medplum_server(medplum_folder: Path) -> Iterator[str]:
    """The base URL of a server by Medplum; it ends with the tests."""
    command = ["node", str(medplum_folder / "server.mjs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()  # printed when it listens
            assert port.isdecimal(), "the server did not start"
            yield f"http://127.0.0.1:{port}/fhir/R4"
        finally:
            process.terminate()


@pytest.fixture
def medplum(medplum_server: str) -> str:
    """The base URL of a server by Medplum that holds nothing yet."""
    with urllib.request.urlopen(f"{medplum_server}/$clear", timeout=10):
        return medplum_server

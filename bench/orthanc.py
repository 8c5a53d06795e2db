"""Orthanc with its DICOMweb plugin, from Debian packages, on loopback: the DICOMweb server of benchmarks and tests, not written by us."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True)
class Orthanc:
    """A running server: `rest` is its own interface, `base` its DICOMweb service."""

    rest: str

    @property
    def base(self) -> str:
        """Where `/studies` stands."""
        return f"{self.rest}/dicom-web"

    def store(self, file: bytes) -> None:
        """Put a DICOM file into it."""
        httpx.post(f"{self.rest}/instances", content=file, trust_env=False, timeout=30).raise_for_status()


def installed() -> bool:
    """Whether the Debian packages `orthanc` and `orthanc-dicomweb` are here."""
    return shutil.which("Orthanc", path=_PLACES) is not None and PLUGIN.exists()


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """A server with a configuration and storage of its own in `folder`, ended by its own pid."""
    port = _free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    program = shutil.which("Orthanc", path=_PLACES) or "Orthanc"
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        _wait(process, f"http://127.0.0.1:{port}/dicom-web/studies")
        yield Orthanc(f"http://127.0.0.1:{port}")
    finally:
        process.kill()  # its storage is thrown away, and a polite end takes it seconds
        process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise RuntimeError("Orthanc ended while it started")
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("Orthanc did not start")

"""The pretend hospital and a small case library, written once for all workers of a test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

SMALL_LIBRARY = 160


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, made by whoever comes first."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            fresh = folder.with_name(f"{folder.name}.fresh")
            make(fresh)
            fresh.replace(folder)
    return folder


@pytest.fixture(scope="session")
def hospital(shared: Path) -> Path:
    """The pretend hospital's files."""
    from sandbox.patients.hospital import write_hospital

    return once(shared / "hospital", write_hospital)


@pytest.fixture(scope="session")
def home(shared: Path) -> Path:
    """A home with a small phantom library."""
    from sidenote.commands.index import build_phantom_library
    from sidenote.settings import Settings

    return once(shared / "home", lambda folder: build_phantom_library(Settings(home=folder), SMALL_LIBRARY))

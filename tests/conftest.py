"""What every test may use: the shared kit of real data, when it is there, and the proxy of tests/faults."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"

# Speed is a benchmark, never a test: no deadlines. At a desk examples are drawn afresh; what decides whether a change may
# land must answer the same for the same change.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
_KIT = Path(__file__).parents[2] / "shared" / "kit"

_spec = importlib.util.spec_from_file_location("fault_proxy", Path(__file__).parent / "faults" / "proxy.py")
assert _spec is not None
assert _spec.loader is not None
_proxy = sys.modules["fault_proxy"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_proxy)
fault_proxy, faults = _proxy.fault_proxy, _proxy.faults


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """What to call when a program that `scripts/packages` installs is not here: a desk may do without, CI may not."""

    def tell(reason: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    return tell


@pytest.fixture(scope="session")
def kit() -> Path:
    """The folder of openly licensed test data beside the repository; the test is skipped without it."""
    if not _KIT.is_dir():
        pytest.skip("the shared kit is not here: ../shared/kit")
    return _KIT

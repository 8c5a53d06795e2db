"""The fault proxy of tests/faults, for the tests in this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "fault_proxy" not in sys.modules:  # another folder's conftest may have loaded it
    _spec = importlib.util.spec_from_file_location("fault_proxy", Path(__file__).parents[2] / "faults" / "proxy.py")
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["fault_proxy"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["fault_proxy"])

fault_proxy = sys.modules["fault_proxy"].fault_proxy
faults = sys.modules["fault_proxy"].faults

"""A clock that stands still unless a test moves it: how long a computation takes on a machine decides no test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have gone by, in its only place, as `tools.med_vlm.deadline` sees them."""
    seconds = [0.0]
    monkeypatch.setattr("tools.med_vlm.deadline.time", SimpleNamespace(monotonic=lambda: seconds[0]))
    return seconds

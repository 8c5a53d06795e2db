"""Clocks that disagree a little are put up with; clocks that disagree much are named."""

from __future__ import annotations

import pytest

from fhir.errors import ClockSkewed
from fhir.smart.clock import require_fresh


@pytest.mark.fault(29)
@pytest.mark.parametrize("apart", [-300, -30, -1, 0, 0.5, 30, 60])
def test_clocks_less_than_a_minute_apart_pass(apart: float) -> None:
    require_fresh(1000.0 + apart, 1000.0)


@pytest.mark.fault(29)
@pytest.mark.parametrize(("apart", "who"), [(600, "server's clock is ahead"), (61, "server's clock is ahead"), (-600, "machine's clock")])
def test_clocks_minutes_apart_are_refused_by_name(apart: float, who: str) -> None:
    with pytest.raises(ClockSkewed, match=who):
        require_fresh(1000.0 + apart, 1000.0)

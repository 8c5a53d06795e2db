"""Errors of the generator carry a code and say whether trying again helps."""

from __future__ import annotations

import pytest

from sandbox.phantoms.errors import FormatRefused, PhantomError, SpecRefused


@pytest.mark.parametrize("error", [PhantomError, SpecRefused, FormatRefused])
def test_has_a_code_of_its_own_and_is_final(error: type[PhantomError]) -> None:
    assert error.code.startswith("phantom")
    assert error.retryable is False
    assert len({e.code for e in (PhantomError, SpecRefused, FormatRefused)}) == 3

"""What waits for a person: one answer each, and not for ever."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.asking import Asking, Waiting
from sandbox.ehr.auth.grants import AuthorizationRequest, Context

ASKED = AuthorizationRequest("app", "http://app/cb", "s", "c" * 43, ("openid",), Context(), launched=False)


@pytest.mark.parametrize(("age", "good"), [(599.9, True), (600.0, False)])
def test_a_page_grows_old(age: float, good: bool) -> None:
    now = [0.0]
    asking = Asking(lambda: now[0])
    token = asking.put(Waiting(ASKED))
    now[0] = age
    assert (asking.take(token) is not None) is good


def test_a_page_is_answered_once_and_another_page_has_another_token() -> None:
    asking = Asking(lambda: 0.0)
    first, second = asking.put(Waiting(ASKED)), asking.put(Waiting(ASKED))
    assert first != second
    assert asking.take(first) == Waiting(ASKED)
    assert asking.take(first) is None
    assert asking.take("made-up") is None
    assert asking.take(second) is not None

"""Launch handles and codes: one use, a short life."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.grants import Context, Grant
from sandbox.ehr.auth.launches import Codes, Launches
from sandbox.ehr.auth.refusal import OAuthRefusal


@pytest.mark.parametrize(("age", "good"), [(299.9, True), (300.0, False)])
def test_a_launch_handle_grows_old(age: float, good: bool) -> None:
    now = [0.0]
    launches = Launches(lambda: now[0])
    handle = launches.mint(Context(patient="p1"))
    now[0] = age
    if good:
        assert launches.use(handle).patient == "p1"
    with pytest.raises(OAuthRefusal):
        launches.use(handle)


def test_a_used_code_names_the_family_that_must_go() -> None:
    revoked: list[str] = []
    codes = Codes(lambda: 0.0, 60)
    text = codes.mint(Grant("app", ()), "http://app", "challenge")
    family = codes.use(text, revoked.append).family
    assert revoked == []
    with pytest.raises(OAuthRefusal):
        codes.use(text, revoked.append)
    assert revoked == [family]
    with pytest.raises(OAuthRefusal):
        codes.use("made-up", revoked.append)
    assert revoked == [family]

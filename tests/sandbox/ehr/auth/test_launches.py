"""Launch handles and codes: one use, a short life."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Context, Grant, Launch
from sandbox.ehr.auth.launches import Codes, Launches
from sandbox.ehr.auth.refusal import OAuthRefusal


@pytest.mark.parametrize(("age", "good"), [(299.9, True), (300.0, False)])
def test_a_launch_handle_grows_old(age: float, good: bool) -> None:
    now = [0.0]
    launches = Launches(lambda: now[0])
    handle = launches.mint(Launch(Context(patient="p1")))
    now[0] = age
    if good:
        assert launches.use(handle).context.patient == "p1"
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


def test_who_signs_out_leaves_no_handle_and_no_code_but_of_a_grant_that_outlasts_it() -> None:
    ada, ben = User("ada", "Practitioner/ada"), User("ben", "Practitioner/ben")
    launches, codes = Launches(lambda: 0.0), Codes(lambda: 0.0, 60)
    handles = [launches.mint(Launch(user=each)) for each in (ada, ben)]
    texts = [codes.mint(Grant("app", scopes, ada), "http://app", "c") for scopes in (("openid",), ("offline_access",))]
    launches.forget(ada)
    codes.forget(ada)
    with pytest.raises(OAuthRefusal):
        launches.use(handles[0])
    with pytest.raises(OAuthRefusal):
        codes.use(texts[0], lambda _: None)
    assert launches.use(handles[1]).user == ben
    assert codes.use(texts[1], lambda _: None).grant.user == ada

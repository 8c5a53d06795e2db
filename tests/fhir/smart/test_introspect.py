"""Introspection: what the server says of a token, and what it must say of an active one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import CapabilityMissing, LaunchAgain, TokenInvalid, TokenRefused
from fhir.smart.clients import KeyClient, SecretClient
from fhir.smart.introspect import Introspection, introspection
from fhir.smart.launch import Launches

ACTIVE = {"active": True, "scope": "launch patient/*.rs", "client_id": "sidenote", "exp": 1_800_003_600, "patient": "p1"}


@pytest.mark.std("A18")
def test_an_active_token_is_described() -> None:
    found = introspection({**ACTIVE, "encounter": "e1", "fhirUser": "Practitioner/1", "iss": "i", "sub": "s"}, "sidenote")
    assert (found.active, found.client_id, found.expires_at, found.patient) == (True, "sidenote", 1_800_003_600.0, "p1")
    assert (found.encounter, found.fhir_user, found.issuer, found.sub) == ("e1", "Practitioner/1", "i", "s")
    assert found.scopes.reach("patient", "Media", "s") == "all"


@pytest.mark.std("A18")
def test_of_a_token_that_is_not_active_nothing_else_is_believed() -> None:
    assert introspection({**ACTIVE, "active": False}, "sidenote") == Introspection(active=False)


@pytest.mark.std("A18")
@pytest.mark.parametrize(
    "odd",
    [
        {"active": None},
        {"active": "true"},
        {"active": 1},
        {"scope": None},
        {"scope": ""},
        {"scope": 5},
        {"scope": 'a"b'},
        {"client_id": None},
        {"client_id": "other"},
        {"exp": None},
        {"exp": "1800003600"},
        {"exp": True},
        {"exp": -1},
        {"exp": 10**15},
        {"patient": "a/b"},
        {"sub": 5},
        {"iss": ["i"]},
        {"fhirUser": {}},
    ],
)
def test_an_answer_that_lacks_what_it_must_hold_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        introspection({**ACTIVE, **odd}, "sidenote")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=4
)


@given(st.dictionaries(st.sampled_from([*ACTIVE, "sub", "iss", "fhirContext"]), JSON))
def test_no_json_makes_it_stumble(odd: dict[str, Any]) -> None:
    try:
        introspection({**ACTIVE, **odd}, "sidenote")
    except TokenInvalid:
        return


def said(ehr: Any, **more: Any) -> Any:
    return lambda _: ehr.json({**ACTIVE, "iss": ehr.base, "sub": "u1", **more})


@pytest.mark.std("A18")
@pytest.mark.parametrize("kind", ["public", "secret", "key"])
def test_each_kind_of_client_asks_in_its_own_way(ehr: Any, with_launches: Any, ec: Any, kind: str) -> None:
    client = {"public": None, "secret": SecretClient("sidenote", "s"), "key": KeyClient("sidenote", ec, "e1", "ES384")}[kind]
    ehr.answers["/introspect"] = said(ehr)

    async def act(launches: Launches) -> Introspection:
        return await (await ehr.launched(launches)).session.introspected()

    assert with_launches(act, ehr.issuer(client)).active
    (asked,) = [one for one in ehr.asked if one.path == "/introspect"]
    assert asked.form["token"] == "canary-access"
    assert "canary" not in asked.path
    header = asked.headers.get("authorization", "")
    assert header.split(" ")[0] == {"public": "Bearer", "secret": "Basic", "key": ""}[kind]
    assert ("client_assertion" in asked.form) == (kind == "key")
    assert ("client_id" in asked.form) == (kind == "public")


@pytest.mark.std("A18")
def test_a_token_that_is_not_active_any_more_ends_the_session(ehr: Any, with_launches: Any) -> None:
    ehr.answers["/introspect"] = ehr.json({"active": False})

    async def act(launches: Launches) -> None:
        session = (await ehr.launched(launches)).session
        assert not (await session.introspected()).active
        assert session.over
        for call in (session.header(), session.renew("Bearer canary-access"), session.introspected()):
            with pytest.raises(LaunchAgain):
                await call

    with_launches(act)
    assert len(ehr.forms()) == 1, "no refresh"


@pytest.mark.std("A18")
@pytest.mark.fault(30)
@pytest.mark.parametrize("more", [{"patient": "p2"}, {"patient": None}, {"sub": "u2"}, {"sub": None}, {"iss": "https://evil.example"}])
def test_a_token_of_another_patient_or_user_ends_the_session(ehr: Any, with_launches: Any, more: dict[str, Any]) -> None:
    ehr.answers["/introspect"] = said(ehr, **more)

    async def act(launches: Launches) -> bool:
        session = (await ehr.launched(launches)).session
        with pytest.raises(TokenInvalid, match="the session is over"):
            await session.introspected()
        return bool(session.over)

    assert with_launches(act)


@pytest.mark.std("A18")
def test_a_patient_who_stood_in_the_id_token_alone_need_not_be_said_again(ehr: Any, with_launches: Any) -> None:
    """Introspection repeats what the token response held (App Launch 2.2), and there it was not."""
    del ehr.token["patient"]
    ehr.claims["patient"] = "p1"

    async def act(launches: Launches) -> None:
        session = (await ehr.launched(launches)).session
        ehr.answers["/introspect"] = said(ehr, patient=None)
        assert (await session.introspected()).active
        ehr.answers["/introspect"] = said(ehr, patient="p2")
        with pytest.raises(TokenInvalid):
            await session.introspected()

    with_launches(act, ehr.issuer(options=["patient-in-id-token"]))


@pytest.mark.std("A18")
def test_a_server_that_refuses_or_has_no_such_endpoint_says_nothing_of_the_session(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> bool:
        session = (await ehr.launched(launches)).session
        with pytest.raises(TokenRefused):
            await session.introspected()
        return bool(session.over)

    assert not with_launches(act)
    del ehr.configuration["introspection_endpoint"]

    async def without(launches: Launches) -> None:
        with pytest.raises(CapabilityMissing):
            await (await ehr.launched(launches)).session.introspected()

    with_launches(without)


@pytest.mark.std("A19")
def test_nothing_of_the_patient_is_in_a_repr() -> None:
    body = {**ACTIVE, "patient": "canary", "encounter": "canary", "sub": "canary", "fhirUser": "canary"}
    assert "canary" not in repr(introspection(body, "sidenote"))

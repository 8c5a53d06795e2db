"""A session's token: renewed once for however many need it, rotation kept, never wider, never another patient's; or launched again."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fhir.errors import LaunchAgain, Unreachable
from fhir.smart.clients import SecretClient
from fhir.smart.launch import Launches
from fhir.smart.session import Session
from fhir.wire.exchange import Ask
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire


def rotating(ehr: Any, **more: Any) -> None:
    """Each refresh token good once; a spent one revokes everything, as a strict server does."""
    spent: set[str] = set()

    def token(asked: Any) -> Any:
        if asked.form["grant_type"] == "authorization_code":
            return ehr.json({**ehr.token, "id_token": ehr.id_token()})
        given = asked.form["refresh_token"]
        if given in spent or (spent and given != f"canary-refresh-{len(spent)}"):
            return ehr.json({"error": "invalid_grant"}, 400)
        spent.add(given)
        renewed = {"access_token": f"canary-renewed-{len(spent)}", "refresh_token": f"canary-refresh-{len(spent)}"}
        return ehr.json({name: value for name, value in {**ehr.token, **renewed, **more}.items() if value is not None})

    ehr.answers["/token"] = token


def protected(ehr: Any, *good: str) -> None:
    """The FHIR server takes some tokens and no others."""
    ehr.answers["/fhir/Patient/p1"] = lambda asked: (
        (200 if asked.headers.get("authorization") in {f"Bearer {one}" for one in good} else 401, "application/fhir+json", b"{}")
    )


def refreshes(ehr: Any) -> list[Any]:
    return [form for form in ehr.forms() if form["grant_type"] == "refresh_token"]


@pytest.mark.std("A14")
@pytest.mark.fault(33)
@pytest.mark.fault(6)
def test_twenty_calls_that_find_the_token_stale_make_one_refresh(ehr: Any, with_launches: Any) -> None:
    rotating(ehr)
    protected(ehr, "canary-renewed-1")
    ehr.delay = 0.02

    async def act(launches: Launches) -> list[int]:
        session = (await ehr.launched(launches)).session
        wire = Wire(origins(ehr.base), authorization=session, limits=Limits(at_once=20))
        try:
            answers = await asyncio.gather(*(wire.ask(Ask("GET", f"{ehr.base}/Patient/p1")) for _ in range(20)))
        finally:
            await wire.aclose()
        return [answer.status for answer in answers]

    assert with_launches(act) == [200] * 20
    (form,) = refreshes(ehr)
    assert form == {"grant_type": "refresh_token", "refresh_token": "canary-refresh", "client_id": "sidenote"}


@pytest.mark.std("A14")
@pytest.mark.fault(33)
def test_a_rotated_refresh_token_replaces_the_old_one(ehr: Any, with_launches: Any) -> None:
    rotating(ehr)

    async def act(launches: Launches) -> list[str | None]:
        session: Session = (await ehr.launched(launches)).session
        headers = [await session.header()]
        for _ in range(3):
            assert await session.renew(headers[-1])
            headers.append(await session.header())
        assert not await session.renew(headers[0]) or headers[0] != headers[-1]
        return headers

    assert with_launches(act) == ["Bearer canary-access", *(f"Bearer canary-renewed-{n}" for n in (1, 2, 3))]
    assert [form["refresh_token"] for form in refreshes(ehr)] == ["canary-refresh", "canary-refresh-1", "canary-refresh-2"]


@pytest.mark.std("A14")
def test_a_refresh_token_that_is_not_rotated_is_kept(ehr: Any, with_launches: Any) -> None:
    ehr.answers["/token"] = lambda _: ehr.json({**ehr.token, "id_token": ehr.id_token(), "access_token": f"a{len(ehr.asked)}"})
    original = ehr.token.pop("refresh_token")

    async def act(launches: Launches) -> None:
        ehr.token["refresh_token"] = original
        session: Session = (await ehr.launched(launches)).session
        del ehr.token["refresh_token"]
        for _ in range(2):
            await session.renew(await session.header())

    with_launches(act)
    assert [form["refresh_token"] for form in refreshes(ehr)] == [original, original]


@pytest.mark.std("A14")
@pytest.mark.fault(33)
@pytest.mark.parametrize(
    "answer",
    [
        (400, "application/json", b'{"error": "invalid_grant", "error_description": "canary"}'),
        (401, "application/json", b'{"error": "invalid_client"}'),
        (200, "application/json", b'{"access_token": "a", "token_type": "Bearer"}'),
        (200, "application/json", b'{"access_token": "a", "token_type": "Bearer", "scope": "patient/*.rs", "patient": "p2"}'),
        (200, "application/json", b'{"access_token": "a", "token_type": "mac", "scope": "patient/*.rs"}'),
        (200, "text/html", b"<html>sign in</html>"),
        (302, "text/html", b"https://evil.example/"),
    ],
)
def test_a_refresh_that_fails_ends_the_session_for_everyone(ehr: Any, with_launches: Any, answer: Any) -> None:
    protected(ehr)

    async def act(launches: Launches) -> None:
        session: Session = (await ehr.launched(launches)).session
        ehr.answers["/token"] = answer
        wire = Wire(origins(ehr.base), authorization=session, limits=Limits(at_once=20))
        try:
            asks = [wire.ask(Ask("GET", f"{ehr.base}/Patient/p1")) for _ in range(20)]
            ends = await asyncio.gather(*asks, return_exceptions=True)
        finally:
            await wire.aclose()
        assert {type(end) for end in ends} == {LaunchAgain}
        assert not any("canary" in repr(end) for end in ends)
        assert session.over
        with pytest.raises(LaunchAgain):
            await session.header()

    with_launches(act)
    assert len(refreshes(ehr)) == 1


@pytest.mark.std("A14")
def test_without_a_refresh_token_a_stale_token_means_launching_again(ehr: Any, with_launches: Any) -> None:
    del ehr.token["refresh_token"]

    async def act(launches: Launches) -> None:
        session: Session = (await ehr.launched(launches)).session
        with pytest.raises(LaunchAgain, match="gave none"):
            await session.renew(await session.header())

    with_launches(act)
    assert refreshes(ehr) == []


def test_a_server_that_does_not_answer_a_refresh_leaves_the_session_as_it_is(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> str | None:
        session: Session = (await ehr.launched(launches)).session
        ehr.answers["/token"] = (503, "text/plain", b"")
        with pytest.raises(Unreachable):
            await session.renew("Bearer canary-access")
        assert not session.over
        rotating(ehr)
        assert await session.renew("Bearer canary-access")
        return await session.header()

    assert with_launches(act) == "Bearer canary-renewed-1"


@pytest.mark.std("A14")
@pytest.mark.fault(33)
def test_a_renewal_outlives_the_call_that_began_it(ehr: Any, with_launches: Any) -> None:
    """A rotated refresh token that nobody received is lost, and with it the session."""
    rotating(ehr)
    ehr.delay = 0.05

    async def act(launches: Launches) -> str | None:
        session: Session = (await ehr.launched(launches)).session
        begun = asyncio.create_task(session.renew("Bearer canary-access"))
        await asyncio.sleep(0.01)
        begun.cancel()
        await session.renew("Bearer canary-access")
        return await session.header()

    assert with_launches(act) == "Bearer canary-renewed-1"
    assert len(refreshes(ehr)) == 1


@pytest.mark.std("A14")
@pytest.mark.parametrize(
    ("new", "reads", "writes"),
    [
        ("patient/*.rs", "all", "none"),
        ("patient/*.cruds", "all", "none"),
        ("patient/Condition.rs", "none", "none"),
        ("launch patient/Media.r", "all", "none"),
        ("openid", "none", "none"),
    ],
)
def test_scopes_never_grow_by_a_refresh(ehr: Any, with_launches: Any, new: str, reads: str, writes: str) -> None:
    rotating(ehr, scope=new)

    async def act(launches: Launches) -> tuple[str, str]:
        session: Session = (await ehr.launched(launches)).session
        await session.renew("Bearer canary-access")
        return session.scopes.reach("patient", "Media", "r"), session.scopes.reach("patient", "Media", "c")

    assert with_launches(act) == (reads, writes)


@pytest.mark.std("A14")
def test_a_token_about_to_end_is_renewed_before_it_is_used(ehr: Any, with_launches: Any, clock: Any) -> None:
    rotating(ehr)

    async def act(launches: Launches) -> list[str | None]:
        session: Session = (await ehr.launched(launches)).session
        headers = [await session.header()]
        for later in (3569, 2, 3600):
            clock.now += later
            headers += await asyncio.gather(*(session.header() for _ in range(3)))
        return headers

    assert with_launches(act) == [f"Bearer canary-{name}" for name in ["access"] * 4 + ["renewed-1"] * 3 + ["renewed-2"] * 3]


def test_a_token_that_has_ended_is_not_used(ehr: Any, with_launches: Any, clock: Any) -> None:
    del ehr.token["refresh_token"]

    async def act(launches: Launches) -> None:
        session: Session = (await ehr.launched(launches)).session
        clock.now += 3599
        assert await session.header() == "Bearer canary-access"
        clock.now += 1
        with pytest.raises(LaunchAgain):
            await session.header()

    with_launches(act)


def test_a_session_that_is_ended_while_it_is_renewed_stays_ended(ehr: Any, with_launches: Any) -> None:
    rotating(ehr)
    renewing, came, go_on = ehr.answers["/token"], threading.Event(), threading.Event()

    def held(asked: Any) -> Any:
        came.set()
        go_on.wait(60)
        return renewing(asked)

    async def act(launches: Launches) -> bool:
        session: Session = (await ehr.launched(launches)).session
        ehr.answers["/token"] = held
        begun = asyncio.create_task(session.renew("Bearer canary-access"))
        await asyncio.to_thread(came.wait, 60)
        session.end()
        go_on.set()
        with pytest.raises(LaunchAgain):
            await begun
        with pytest.raises(LaunchAgain):
            await session.header()
        with pytest.raises(LaunchAgain):
            _ = session.scopes
        return bool(session.over)

    assert with_launches(act)


@pytest.mark.std("A8")
def test_a_confidential_client_proves_itself_at_a_refresh_too(ehr: Any, with_launches: Any) -> None:
    rotating(ehr)

    async def act(launches: Launches) -> None:
        await (await ehr.launched(launches)).session.renew("Bearer canary-access")

    with_launches(act, ehr.issuer(SecretClient("sidenote", "s")))
    (asked,) = [one for one in ehr.asked if one.form.get("grant_type") == "refresh_token"]
    assert "client_id" not in asked.form
    assert asked.headers["authorization"].startswith("Basic ")


@pytest.mark.std("A19")
def test_neither_token_nor_patient_is_in_a_repr(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> str:
        launched = await ehr.launched(launches)
        shown = f"{launched!r} {launched} {launched.session!r} {launched.session}"
        launched.session.end()
        return f"{shown} {launched!r} {vars(launched.session)!r}"

    shown = with_launches(act)
    assert "canary" not in shown
    assert "p1" not in shown

"""Launches from beginning to end, against an EHR on loopback: what comes of them, and everything that must end one."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from fhir.errors import (
    AuthorizationDenied,
    AuthorizationError,
    CapabilityMissing,
    IssuerUnknown,
    LaunchInvalid,
    RegistrationInvalid,
    TokenInvalid,
    TokenRefused,
    Unreachable,
)
from fhir.smart.clients import PublicClient, SecretClient
from fhir.smart.launch import Launched, Launches
from fhir.smart.scopes import Off

BINDING, OTHER, REDIRECT = "b" * 43, "o" * 43, "http://127.0.0.1:1/callback"


@pytest.mark.std("A1")
@pytest.mark.std("A4")
@pytest.mark.std("A6")
def test_a_launch_asks_for_the_configuration_then_sends_the_browser_with_everything_the_standard_wants(
    ehr: Any, with_launches: Any
) -> None:
    async def act(launches: Launches) -> str:
        return await launches.ehr(ehr.base + "/", "l&ün=ch/1 +", BINDING)

    url = with_launches(act)
    assert [(one.method, one.path, one.headers["accept"]) for one in ehr.asked] == [
        ("GET", "/fhir/.well-known/smart-configuration", "application/json")
    ]
    assert url.startswith(ehr.configuration["authorization_endpoint"] + "?")
    given = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert given.items() >= {
        ("response_type", "code"),
        ("client_id", "sidenote"),
        ("redirect_uri", REDIRECT),
        ("aud", ehr.base + "/"),
        ("launch", "l&ün=ch/1 +"),
        ("code_challenge_method", "S256"),
        ("scope", "fhirUser launch online_access openid patient/*.rs"),
    }
    assert len(given["state"]) >= 22
    assert len(given["code_challenge"]) == 43
    assert "code_verifier" not in given


@pytest.mark.std("A4")
def test_a_standalone_launch_has_no_launch_parameter_and_asks_for_a_patient_to_be_chosen(ehr: Any, with_launches: Any) -> None:
    url = with_launches(lambda launches: launches.standalone(ehr.base, BINDING))
    given = parse_qs(urlsplit(url).query)
    assert "launch" not in given
    assert given["scope"] == ["fhirUser launch/patient online_access openid patient/*.rs"]
    assert given["aud"] == [ehr.base]


@pytest.mark.std("A8")
@pytest.mark.std("A10")
@pytest.mark.std("A11")
def test_a_launch_ends_in_a_session_of_one_patient(ehr: Any, with_launches: Any) -> None:
    ehr.token |= {"encounter": "e1", "need_patient_banner": True, "fhirContext": [{"reference": "ImagingStudy/i1"}]}

    async def act(launches: Launches) -> tuple[Launched, str | None]:
        launched = await ehr.launched(launches)
        return launched, await launched.session.header()

    launched, header = with_launches(act)
    assert (launched.patient, launched.session.context.encounter, launched.off) == ("p1", "e1", ())
    assert launched.session.user.fhir_user == f"{ehr.base}/Practitioner/d1"
    assert launched.session.context.opened("ImagingStudy", ehr.base) == ("i1",)
    assert header == "Bearer canary-access"
    (asked,) = [one for one in ehr.asked if one.path == "/token"]
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert "authorization" not in asked.headers
    assert asked.form.keys() == {"grant_type", "code", "redirect_uri", "code_verifier", "client_id"}
    assert (asked.form["grant_type"], asked.form["code"], asked.form["redirect_uri"]) == ("authorization_code", "c1", REDIRECT)
    assert 43 <= len(asked.form["code_verifier"]) <= 128


@pytest.mark.std("A5")
@pytest.mark.std("A6")
def test_state_nonce_and_verifier_are_new_for_each_launch(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> list[dict[str, list[str]]]:
        urls = [await launches.ehr(ehr.base, "l1", BINDING) for _ in range(20)]
        return [parse_qs(urlsplit(url).query) for url in urls]

    given = with_launches(act)
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name][0] for one in given}) == 20


@pytest.mark.std("A5")
@pytest.mark.fault(23)
def test_a_launch_begun_in_another_browser_session_is_refused_and_used_up(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> None:
        query = ehr.visit(await launches.ehr(ehr.base, "l1", OTHER))
        with pytest.raises(LaunchInvalid, match="another browser"):
            await launches.callback(REDIRECT, query, BINDING)
        with pytest.raises(LaunchInvalid, match="no such launch"):
            await launches.callback(REDIRECT, query, OTHER)

    with_launches(act)
    assert ehr.forms() == []


@pytest.mark.std("A5")
@pytest.mark.fault(23)
@pytest.mark.parametrize("binding", ["", "short", "x" * 21])
def test_a_browser_without_a_session_of_its_own_begins_nothing(ehr: Any, with_launches: Any, binding: str) -> None:
    with pytest.raises(LaunchInvalid, match="browser session"):
        with_launches(lambda launches: launches.ehr(ehr.base, "l1", binding))
    assert ehr.asked == []


@pytest.mark.std("A5")
@pytest.mark.fault(24)
def test_a_state_is_good_once(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> None:
        query = ehr.visit(await launches.ehr(ehr.base, "l1", BINDING))
        await launches.callback(REDIRECT, query, BINDING)
        with pytest.raises(LaunchInvalid, match="no such launch"):
            await launches.callback(REDIRECT, query, BINDING)

    with_launches(act)
    assert len(ehr.forms()) == 1


@pytest.mark.std("A5")
@pytest.mark.fault(24)
def test_of_twenty_callbacks_at_once_with_one_state_one_is_answered(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> list[object]:
        query = ehr.visit(await launches.ehr(ehr.base, "l1", BINDING))
        return await asyncio.gather(*(launches.callback(REDIRECT, query, BINDING) for _ in range(20)), return_exceptions=True)

    ends = with_launches(act)
    assert sum(isinstance(end, Launched) for end in ends) == 1
    assert sum(isinstance(end, LaunchInvalid) for end in ends) == 19
    assert len(ehr.forms()) == 1


@pytest.mark.std("A5")
def test_a_launch_that_took_too_long_is_refused(ehr: Any, with_launches: Any, clock: Any) -> None:
    async def act(launches: Launches) -> None:
        query = ehr.visit(await launches.ehr(ehr.base, "l1", BINDING))
        clock.now += 601
        with pytest.raises(LaunchInvalid, match="too long ago"):
            await launches.callback(REDIRECT, query, BINDING)

    with_launches(act)
    assert ehr.forms() == []


@pytest.mark.std("A21")
@pytest.mark.fault(24)
def test_two_launches_in_two_tabs_of_one_browser_never_mix(ehr: Any, with_launches: Any) -> None:
    def token(asked: Any) -> tuple[int, str, bytes]:
        patient = {"one": "p1", "two": "p2"}[asked.form["code"]]
        return ehr.json({**ehr.token, "scope": "launch patient/*.rs", "patient": patient, "access_token": f"of-{patient}"})

    ehr.answers["/token"] = token

    async def act(launches: Launches) -> list[tuple[str, str | None]]:
        first = ehr.visit(await launches.ehr(ehr.base, "l1", BINDING), code="one")
        second = ehr.visit(await launches.ehr(ehr.base, "l2", BINDING), code="two")
        ended = [await launches.callback(REDIRECT, query, BINDING) for query in (second, first)]
        return [(one.patient, await one.session.header()) for one in ended]

    assert with_launches(act) == [("p2", "Bearer of-p2"), ("p1", "Bearer of-p1")]
    verifiers = {form["code_verifier"] for form in ehr.forms()}
    assert len(verifiers) == 2


@pytest.mark.fault(25)
@pytest.mark.std("A20")
@pytest.mark.parametrize(
    "at",
    [
        REDIRECT + "/",
        REDIRECT + "?next=https://evil.example",
        REDIRECT.upper(),
        "http://127.0.0.1:1/callback/../callback",
        "http://127.0.0.1:1@evil.example/callback",
        "https://evil.example/callback",
        "",
    ],
)
def test_an_answer_that_came_to_another_address_is_refused(ehr: Any, with_launches: Any, at: str) -> None:
    async def act(launches: Launches) -> None:
        query = ehr.visit(await launches.ehr(ehr.base, "l1", BINDING))
        with pytest.raises(LaunchInvalid, match="another address"):
            await launches.callback(at, query, BINDING)

    with_launches(act)
    assert ehr.forms() == []


@pytest.mark.fault(25)
def test_nothing_in_a_launch_or_a_callback_chooses_where_the_browser_goes(ehr: Any, with_launches: Any) -> None:
    evil = "https://evil.example/"

    async def act(launches: Launches) -> str:
        url = await launches.ehr(ehr.base, f"l1&redirect_uri={evil}", BINDING)
        await launches.callback(REDIRECT, ehr.visit(url, next=evil, redirect_uri=evil, token_endpoint=evil), BINDING)
        return url

    url = with_launches(act)
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [REDIRECT]
    assert [form["redirect_uri"] for form in ehr.forms()] == [REDIRECT]


@pytest.mark.fault(26)
def test_a_code_is_never_sent_to_another_server_than_the_launch_was_begun_at(ehr: Any, other_ehr: Any, with_launches: Any) -> None:
    """Mix-up: the browser comes back with the state of one launch and the answer of another server."""
    other_uri = "http://127.0.0.1:1/callback/b"
    for one in (ehr, other_ehr):
        one.configuration["authorization_response_iss_parameter_supported"] = True

    async def act(launches: Launches) -> None:
        for iss in (other_ehr.base, ehr.base + "/", "", None):
            url = await launches.ehr(ehr.base, "l1", BINDING)
            with pytest.raises(LaunchInvalid, match="server that was asked"):
                await launches.callback(REDIRECT, ehr.visit(url, **({} if iss is None else {"iss": iss})), BINDING)
        with pytest.raises(LaunchInvalid, match="another address"):
            await launches.callback(other_uri, ehr.visit(await launches.ehr(ehr.base, "l1", BINDING), iss=ehr.base), BINDING)
        assert (await ehr.launched(launches, iss=ehr.base)).patient == "p1"

    with_launches(act, ehr.issuer(), other_ehr.issuer(redirect_uri=other_uri))
    assert len(ehr.forms()) == 1
    assert other_ehr.forms() == []


@pytest.mark.fault(26)
def test_an_error_of_another_server_is_not_believed_either(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> None:
        url = await launches.ehr(ehr.base, "l1", BINDING)
        with pytest.raises(LaunchInvalid):
            await launches.callback(REDIRECT, ehr.visit(url, code="", error="access_denied", iss="https://evil.example"), BINDING)

    with_launches(act)


@pytest.mark.std("A7")
def test_an_authorization_error_is_told_without_a_token_request(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> None:
        url = await launches.ehr(ehr.base, "l1", BINDING)
        await launches.callback(
            REDIRECT, ehr.visit(url, code="", error="access_denied", error_description="<b>No\x00\n\u202e</b>" + "x" * 999), BINDING
        )

    with pytest.raises(AuthorizationDenied) as caught:
        with_launches(act)
    assert caught.value.error == "access_denied"
    assert caught.value.description.startswith("<b>No</b>xxx"), "a door escapes it; control characters are gone"
    assert len(caught.value.description) == 300
    assert "<b>" not in str(caught.value)
    assert ehr.forms() == []


@pytest.mark.std("A7")
@pytest.mark.parametrize("query", ["error=access_denied", "error=access_denied&state=unknown", "error=access_denied&state="])
def test_an_error_without_a_state_of_ours_is_ignored(ehr: Any, with_launches: Any, query: str) -> None:
    with pytest.raises(LaunchInvalid):
        with_launches(lambda launches: launches.callback(REDIRECT, query, BINDING))


@pytest.mark.std("A9")
@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("token", "claims"),
    [
        ({"patient": None}, {}),
        ({"patient": ""}, {}),
        ({"patient": "p1/../p2"}, {}),
        ({"patient": "Patient/p1"}, {}),
        ({"patient": ["p1"]}, {}),
        ({"patient": 1}, {}),
        ({"patient": None}, {"patient": "p1"}),
        ({}, {"patient": "p2"}),
        ({}, {"patient": {"id": "p1"}}),
    ],
)
def test_no_chart_without_the_one_patient_that_everything_agrees_on(ehr: Any, with_launches: Any, token: Any, claims: Any) -> None:
    ehr.token |= token
    ehr.claims |= claims
    with pytest.raises(AuthorizationError) as caught:
        with_launches(ehr.launched)
    assert caught.value.code in ("token_invalid", "id_token_invalid")


@pytest.mark.fault(30)
def test_a_session_taken_up_again_must_be_the_same_patients(ehr: Any, with_launches: Any) -> None:
    async def act(launches: Launches) -> str:
        url = await launches.ehr(ehr.base, "l1", BINDING, patient="p1")
        same = (await launches.callback(REDIRECT, ehr.visit(url), BINDING)).patient
        ehr.token["patient"] = "p2"
        url = await launches.standalone(ehr.base, BINDING, patient="p1")
        with pytest.raises(TokenInvalid, match="another patient"):
            await launches.callback(REDIRECT, ehr.visit(url), BINDING)
        return same

    assert with_launches(act) == "p1"


@pytest.mark.std("A9")
@pytest.mark.fault(31)
def test_what_was_asked_and_not_granted_is_named(ehr: Any, with_launches: Any) -> None:
    ehr.token["scope"] = "launch patient/Condition.rs patient/Observation.rs?category=laboratory"
    launched = with_launches(ehr.launched, types=("Condition", "Observation", "Media"))
    assert set(launched.off) == {
        Off("knowing who the user is"),
        Off("renewal without a new launch"),
        Off("reading Observation", "part"),
        Off("searching Observation", "part"),
        Off("reading Media"),
        Off("searching Media"),
    }


@pytest.mark.fault(31)
def test_a_user_who_was_granted_and_not_named_is_named_as_off(ehr: Any, with_launches: Any) -> None:
    ehr.claims["fhirUser"] = None
    launched = with_launches(ehr.launched)
    assert launched.off == (Off("knowing who the user is"),)
    assert launched.session.user.fhir_user is None


def test_a_user_who_is_named_without_the_scope_is_not_off(ehr: Any, with_launches: Any) -> None:
    ehr.token["scope"] = "launch online_access patient/*.rs"

    def token(asked: Any) -> tuple[int, str, bytes]:
        return ehr.json({**ehr.token, "id_token": ehr.id_token()})

    ehr.answers["/token"] = token
    assert with_launches(ehr.launched).off == ()


@pytest.mark.std("A15")
def test_openid_granted_without_an_id_token_is_refused(ehr: Any, with_launches: Any) -> None:
    ehr.answers["/token"] = ehr.json(ehr.token)
    with pytest.raises(TokenInvalid, match="no id_token"):
        with_launches(ehr.launched)


@pytest.mark.std("A15")
@pytest.mark.parametrize("missing", ["issuer", "jwks_uri"])
def test_an_id_token_of_a_server_that_does_not_say_how_to_check_it_is_refused(ehr: Any, with_launches: Any, missing: str) -> None:
    del ehr.configuration[missing]
    with pytest.raises(TokenInvalid, match="by which keys"):
        with_launches(ehr.launched)


def test_a_site_may_register_whose_the_id_tokens_are(ehr: Any, with_launches: Any) -> None:
    ehr.configuration["issuer"] = "https://login.example"
    ehr.claims["iss"] = "https://sts.example"
    assert with_launches(ehr.launched, ehr.issuer(id_token_issuer="https://sts.example")).session.user.issuer == "https://sts.example"


@pytest.mark.fault(24)
def test_a_code_that_the_server_refuses_gives_no_session(ehr: Any, with_launches: Any) -> None:
    ehr.answers["/token"] = ehr.json({"error": "invalid_grant", "error_description": "code of canary-access"}, 400)
    with pytest.raises(TokenRefused) as caught:
        with_launches(ehr.launched)
    assert caught.value.error == "invalid_grant"
    assert "canary" not in repr(caught.value)


def test_a_server_that_breaks_down_at_the_token_endpoint_is_asked_once(ehr: Any, with_launches: Any) -> None:
    ehr.answers["/token"] = (503, "text/plain", b"")
    with pytest.raises(Unreachable):
        with_launches(ehr.launched)
    assert len(ehr.forms()) == 1


@pytest.mark.std("A22")
def test_a_launch_that_a_server_cannot_do_is_not_begun(ehr: Any, with_launches: Any) -> None:
    ehr.configuration["capabilities"] = [one for one in ehr.configuration["capabilities"] if one not in ("launch-ehr", "permission-v2")]
    with pytest.raises(CapabilityMissing, match=r"launch-ehr, permission-v2") as caught:
        with_launches(lambda launches: launches.ehr(ehr.base, "l1", BINDING))
    assert caught.value.missing == ("launch-ehr", "permission-v2")


def test_an_ehr_configured_for_backend_services_alone_launches_nothing(ehr: Any, with_launches: Any) -> None:
    with pytest.raises(RegistrationInvalid, match="redirect URI"):
        with_launches(lambda launches: launches.ehr(ehr.base, "l1", BINDING), ehr.issuer(redirect_uri=None))


def test_an_unknown_ehr_is_refused(ehr: Any, with_launches: Any) -> None:
    with pytest.raises(IssuerUnknown):
        with_launches(lambda launches: launches.standalone("https://evil.example/fhir", BINDING))
    assert ehr.asked == []


@pytest.mark.std("A8")
def test_a_confidential_client_leaves_its_id_out_and_proves_itself(ehr: Any, with_launches: Any) -> None:
    with_launches(ehr.launched, ehr.issuer(SecretClient("sidenote", "s3cret")))
    (asked,) = [one for one in ehr.asked if one.path == "/token"]
    assert "client_id" not in asked.form
    assert asked.headers["authorization"].startswith("Basic ")


@pytest.mark.std("A12")
def test_the_style_comes_from_the_ehrs_own_origins_alone(ehr: Any, other_ehr: Any, with_launches: Any) -> None:
    style = ehr.json({"color_background": "#ffffff", "color_text": "url(//evil)", "body": "x"})
    ehr.answers["/style.json"] = other_ehr.answers["/style.json"] = style
    second = other_ehr.issuer(PublicClient("sidenote"), redirect_uri="http://127.0.0.1:1/b")

    async def act(launches: Launches) -> list[dict[str, str]]:
        styles = [await launches.style((await ehr.launched(launches)).session)]
        for origin in (ehr.base.removesuffix("/fhir"), other_ehr.base.removesuffix("/fhir")):
            ehr.token["smart_style_url"] = f"{origin}/style.json"
            styles.append(await launches.style((await ehr.launched(launches)).session))
        return styles

    assert with_launches(act, ehr.issuer(), second) == [{}, {"color_background": "#ffffff"}, {}]
    assert [one.path for one in other_ehr.asked] == []


@pytest.mark.std("A15")
def test_an_id_token_that_nobody_asked_for_names_nobody(ehr: Any, with_launches: Any) -> None:
    """Without `openid` there is no nonce, so nothing ties it to this launch; the patient it names is not believed either."""
    ehr.claims["patient"] = "p1"
    options = {"options": ["patient-in-id-token"]}
    launched = with_launches(ehr.launched, ehr.issuer(scopes="launch patient/*.rs", **options))
    assert launched.session.user is None
    ehr.token["patient"] = None
    with pytest.raises(TokenInvalid, match="which patient"):
        with_launches(ehr.launched, ehr.issuer(scopes="launch patient/*.rs", **options))

"""The authorization server as a whole: launches, people who decide, several apps at once."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Approval, AuthorizationRequest, Context, Grant


@pytest.fixture
def restored(app: Any) -> Any:
    server = app.ehr.auth
    decide = server.decide
    yield server
    server.decide, server.standalone = decide, Context()


def test_a_standalone_launch_gets_the_patient_that_a_person_picks(app: Any, restored: Any) -> None:
    restored.standalone = Context(patient="p2", encounter="enc2")
    assert app.launch(scope="launch/patient patient/*.rs", launch=None)["patient"] == "p2"
    both = app.launch(scope="launch/patient launch/encounter patient/*.rs", launch=None)
    assert (both["patient"], both["encounter"]) == ("p2", "enc2")


@pytest.mark.std("A9")
def test_without_launch_patient_a_standalone_app_gets_no_patient_and_no_patient_scopes(app: Any, restored: Any) -> None:
    restored.standalone = Context(patient="p2")
    token = app.launch(scope="openid patient/*.rs", launch=None)
    assert "patient" not in token
    assert token["scope"] == "openid"


def test_a_token_may_be_issued_without_a_launch_and_reaches_no_further_than_its_scopes(app: Any) -> None:
    headers = {"Authorization": f"Bearer {app.ehr.auth.issue('patient/Patient.r', patient='p1')}"}
    paths = {"Patient/p1": 200, "Patient/p2": 403, "Observation/o1": 403}
    assert {path: app.http.get(f"{app.ehr.base}/{path}", headers=headers).status_code for path in paths} == paths


def test_where_nothing_is_left_to_grant_access_is_denied(app: Any) -> None:
    assert app.authorize(scope="patient/*.rs", launch=None)["error"] == "access_denied"


def test_a_person_may_decide_on_a_page_of_ones_own(app: Any, restored: Any) -> None:
    waiting: list[AuthorizationRequest] = []

    async def ask(request: Request, asked: AuthorizationRequest) -> Response:
        waiting.append(asked)
        return PlainTextResponse("log in, please")

    restored.decide = ask
    page = app.http.get(f"{app.auth}/authorize", params=app.request())
    assert (page.status_code, page.text) == (200, "log in, please")
    (asked,) = waiting
    assert asked.context.patient == "p1"
    yes = restored.complete(asked, Approval(User("other", "Practitioner/other"), scopes=("openid", "fhirUser")))
    assert "code=" in yes.headers["location"]
    code = yes.headers["location"].partition("code=")[2].partition("&")[0]
    token = app.exchange(code).json()
    assert token["scope"] == "openid fhirUser"
    assert "access_denied" in restored.deny(asked).headers["location"]


@pytest.mark.std("A21")
def test_two_launches_of_two_patients_at_once_never_mix(app: Any) -> None:
    handles = [app.ehr.auth.mint_launch(patient=each) for each in ("p1", "p2")]
    codes = [app.authorize(launch=each, scope="launch patient/*.rs")["code"] for each in handles]
    tokens = [app.exchange(code).json() for code in reversed(codes)]
    assert [each["patient"] for each in tokens] == ["p2", "p1"]
    for each in tokens:
        headers = {"Authorization": f"Bearer {each['access_token']}"}
        answers = {name: app.http.get(f"{app.ehr.base}/Patient/{name}", headers=headers).status_code for name in ("p1", "p2")}
        assert answers == {name: 200 if name == each["patient"] else 403 for name in ("p1", "p2")}


def test_a_launch_from_a_signed_in_chart_is_that_persons(app: Any) -> None:
    other = User("other", "Practitioner/other")
    launch = app.ehr.auth.mint_launch(patient="p1", user=other)
    token = app.launch(launch=launch)
    assert app.ehr.auth.tokens.find(token["access_token"]).grant.user == other


@pytest.mark.std("A18")
def test_after_a_sign_out_nothing_of_the_session_is_worth_anything(app: Any) -> None:
    auth, user = app.ehr.auth, app.ehr.auth.config.users[0]
    lasting, passing = app.launch(scope="launch offline_access patient/*.rs"), app.launch(scope="launch patient/*.rs")
    code, handle = app.authorize()["code"], auth.mint_launch(patient="p1", user=user)
    auth.sign_out(user)
    proof = ("symmetric", "s3cr%3Aet%2F%C3%BC")
    told = [app.post({"token": each["access_token"]}, "introspect", auth=proof).json()["active"] for each in (lasting, passing)]
    assert told == [True, False]
    statuses = []
    for each in (lasting, passing):
        headers = {"Authorization": f"Bearer {each['access_token']}"}
        statuses.append(app.http.get(f"{app.ehr.base}/Patient/p1", headers=headers).status_code)
    assert statuses == [200, 401]
    assert app.exchange(code).json()["error"] == "invalid_grant"
    assert app.authorize(launch=handle)["error"] == "invalid_request"


def test_a_public_client_refreshes_without_saying_who_it_is_and_a_confidential_one_does_not(app: Any) -> None:
    """RFC 6749, 6: npm fhirclient leaves client_id out; a token that comes twice ends its family all the same."""
    first = app.launch(scope="launch offline_access patient/*.rs")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = app.post(form).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert app.post({**form, "client_id": "narrow", "refresh_token": second["refresh_token"]}).json()["error"] == "invalid_grant"
    assert app.post(form).json()["error"] == "invalid_grant"
    assert app.post({**form, "refresh_token": second["refresh_token"]}).json()["error"] == "invalid_grant"
    assert app.post({**form, "refresh_token": "made-up"}).json()["error"] == "invalid_client"
    held = app.ehr.auth.tokens.refresh_token(Grant("symmetric", ("offline_access",)), "f")
    assert app.post({**form, "refresh_token": held}).json()["error"] == "invalid_client"

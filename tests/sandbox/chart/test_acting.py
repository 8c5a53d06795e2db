"""What changes something over HTTP, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

ACTIONS = ("/chart/_/server", "/chart/_/server/sessions", "/chart/_/theme", "/chart/tension-ptx/launch")


def test_signing_in_gives_a_cookie_that_no_script_and_no_other_site_can_use(visitor: Any) -> None:
    answer = visitor.sign_in("dr-varga")
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/chart")
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/chart"))
    assert "Dr Ilona Varga" in visitor.look("/chart")


@pytest.mark.fault(50)
def test_another_site_signs_nobody_in(visitor: Any) -> None:
    answer = visitor.http.post("/chart/_/sign-in", data={"user": "dr-osei"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("user", ["", "nobody", "dr-osei "])
def test_nobody_else_signs_in(user: str, visitor: Any) -> None:
    assert visitor.sign_in(user).status_code == 400


@pytest.mark.fault(50)
@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize(
    "headers", [{"X-CSRF-Token": "guess"}, {"X-CSRF-Token": ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_nothing_is_changed_for_a_page_that_is_not_ours(path: str, headers: dict[str, str], browser: Any) -> None:
    assert browser.post(path, {"theme": "dark"}, **headers).status_code == 403


def test_a_token_of_another_session_is_none(browser: Any) -> None:
    token = browser.token
    browser.http.cookies.clear()
    browser.sign_in("dr-varga")
    assert browser.post("/chart/_/theme", {"theme": "dark"}, **{"X-CSRF-Token": token}).status_code == 403
    browser.look("/chart")


@pytest.mark.parametrize(("theme", "status"), [("dark", 204), ("neon", 400), (1, 400), (None, 400)])
def test_a_theme_is_one_of_three(theme: Any, status: int, browser: Any) -> None:
    assert browser.post("/chart/_/theme", {"theme": theme}).status_code == status
    assert ('data-theme="dark"' in browser.look("/chart")) is (status == 204)


def test_signing_out_ends_the_session_and_what_was_launched_from_it(browser: Any) -> None:
    minted = browser.post("/chart/tension-ptx/launch", {}).json()
    assert browser.http.post("/chart/_/sign-out", data={"csrf": "guess"}).status_code == 403
    left = browser.http.post("/chart/_/sign-out", data={"csrf": browser.token})
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert browser.http.get("/chart").status_code == 303
    with pytest.raises(Exception, match="unknown, used or too old"):
        browser.ward.auth.launches.use(minted["url"].partition("launch=")[2])
    browser.sign_in()


@pytest.mark.parametrize("study", [7, [], "nothing", "metformin-egfr35-imagingstudy-1", ""])
def test_a_study_that_is_not_of_the_chart_launches_nothing(study: Any, browser: Any) -> None:
    assert browser.post("/chart/tension-ptx/launch", {"study": study}).status_code in (400, 404)


@pytest.mark.fault(109)
@pytest.mark.parametrize("emergency", ["true", 1, None, ["break-glass"]])
def test_an_emergency_is_said_in_so_many_words_or_nothing_is_launched(emergency: Any, browser: Any) -> None:
    assert browser.post("/chart/tension-ptx/launch", {"emergency": emergency}).status_code == 400


@pytest.mark.fault(109)
@pytest.mark.parametrize(("asked", "intent"), [({}, None), ({"emergency": False}, None), ({"emergency": True}, "break-glass")])
def test_an_emergency_launch_says_so_to_the_app(asked: dict[str, bool], intent: str | None, browser: Any) -> None:
    minted = browser.post("/chart/tension-ptx/launch", asked).json()
    assert browser.ward.auth.launches.use(minted["url"].partition("launch=")[2]).context.intent == intent


def test_a_full_page_is_sent_to_the_app(browser: Any) -> None:
    answer = browser.http.post("/chart/tension-ptx/launch/page", data={"csrf": browser.token, "study": ""})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:9/launch?iss=")
    assert browser.http.post("/chart/tension-ptx/launch/page", data={"csrf": ""}).status_code == 403


def test_the_switch_changes_what_the_server_answers_and_says_so(browser: Any) -> None:
    token = browser.ward.auth.issue("patient/*.rs", patient="tension-ptx")
    ask = {"url": "/fhir/Observation?patient=tension-ptx", "headers": {"Authorization": f"Bearer {token}"}}
    assert browser.http.get(**ask).status_code == 200
    assert browser.post("/chart/_/server", {"refused": ["Observation"]}).json()["sentences"] == ["Refused with 403: Observation."]
    assert browser.http.get(**ask).status_code == 403
    assert "Refused with 403: Observation." in browser.look("/chart")
    assert browser.post("/chart/_/server", {"refused": ["Binary"]}).status_code == 400
    assert browser.post("/chart/_/server", {}).json() == {"sentences": []}
    assert browser.post("/chart/_/server/sessions", {}).status_code == 204
    assert browser.http.get(**ask).status_code == 401

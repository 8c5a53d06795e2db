"""What the browser brings back: a code or an error, once, of the right server; `test_forgeries.py` has the forged ones."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import AuthorizationDenied, LaunchInvalid
from fhir.smart.callback import DENIALS, callback


def test_a_code_is_read_and_parameters_nobody_knows_pass() -> None:
    came = callback("code=c%2B1&state=s+1&session_state=x&iss=https%3A%2F%2Fehr.example")
    assert (came.require_code(), came.state, came.iss) == ("c+1", "s 1", "https://ehr.example")


@pytest.mark.std("A7")
@pytest.mark.parametrize("error", [*sorted(DENIALS), "made_up", "<script>"])
def test_an_error_is_told_by_its_code_if_it_is_one(error: str) -> None:
    with pytest.raises(AuthorizationDenied) as caught:
        callback(urlencode({"state": "s", "error": error, "error_description": "No.\r\n<b>"})).require_code()
    assert caught.value.error == (error if error in DENIALS else "")
    assert caught.value.description == "No.<b>"
    assert str(caught.value) == "the EHR did not authorize the launch"


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("iss", "issuer", "names_itself", "passes"),
    [
        ("https://a.example", "https://a.example", True, True),
        ("https://a.example", "https://a.example", False, True),
        (None, "https://a.example", False, True),
        (None, "https://a.example", True, False),
        ("https://b.example", "https://a.example", True, False),
        ("https://b.example", "https://a.example", False, False),
        ("https://a.example/", "https://a.example", False, False),
        ("", "https://a.example", False, False),
        ("https://a.example", None, False, False),
    ],
)
def test_an_answer_must_come_from_the_server_that_was_asked(iss: str | None, issuer: str | None, names_itself: bool, passes: bool) -> None:
    came = callback(urlencode({"state": "s", "code": "c", **({} if iss is None else {"iss": iss})}))
    if passes:
        came.require_from(issuer, names_itself=names_itself)
    else:
        with pytest.raises(LaunchInvalid):
            came.require_from(issuer, names_itself=names_itself)


@given(st.text())
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        came = callback(query)
    except LaunchInvalid:
        return
    assert came.state
    assert (came.code is None) != (came.error is None)


@pytest.mark.std("A19")
def test_neither_code_nor_state_is_in_a_repr() -> None:
    assert "canary" not in repr(callback("code=canary&state=canary&iss=canary"))

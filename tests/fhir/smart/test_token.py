"""Token responses: what is read from a sound one; `test_forgeries.py` has the odd ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import TokenInvalid, TokenRefused
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import asked
from fhir.smart.token import REFUSALS, Tokens, tokens
from fhir.wire.exchange import Answer

ASKED = asked("launch patient/*.rs")
SOUND = {"access_token": "canary-a", "token_type": "Bearer", "scope": "launch patient/*.rs", "patient": "p1"}


def read(body: Any, status: int = 200, *quirks: Quirk) -> Tokens:
    return tokens(Answer(status, {"content-type": "application/json"}, json.dumps(body).encode(), ""), ASKED, 1000.0, frozenset(quirks))


@pytest.mark.std("A9")
@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_a_sound_response_is_read_whatever_the_case_of_bearer(kind: str) -> None:
    found = read({**SOUND, "token_type": kind, "expires_in": 60, "refresh_token": "r ~!", "id_token": "a.b.c"})
    assert (found.access_token, found.refresh_token, found.id_token, found.expires_at) == ("canary-a", "r ~!", "a.b.c", 1060.0)
    assert found.scopes.reach("patient", "Media", "r") == "all"
    assert found.body.keys() == {"token_type", "expires_in", "scope", "patient"}


def test_what_may_be_absent_may_be_absent() -> None:
    found = read(SOUND)
    assert (found.refresh_token, found.id_token, found.expires_at) == (None, None, None)


@pytest.mark.std("A9")
def test_an_absent_scope_is_a_refusal_but_under_its_quirk() -> None:
    body = {name: value for name, value in SOUND.items() if name != "scope"}
    with pytest.raises(TokenInvalid, match="which scopes"):
        read(body)
    assert read(body, 200, Quirk.SCOPE_ABSENT).scopes is ASKED


@pytest.mark.parametrize("code", [*sorted(REFUSALS), "made_up", 5, None])
def test_a_refusal_carries_a_code_of_the_rfc_and_no_text_of_the_servers(code: Any) -> None:
    with pytest.raises(TokenRefused) as caught:
        read({"error": code, "error_description": "canary", "error_uri": "https://evil.example"}, 400)
    assert caught.value.error == (code if code in REFUSALS else "")
    assert "canary" not in repr(vars(caught.value)) + str(caught.value)


@pytest.mark.std("A19")
def test_nothing_secret_is_in_a_repr() -> None:
    found = read({**SOUND, "refresh_token": "canary-r", "id_token": "canary.i.d", "patient": "canary-p"})
    assert "canary" not in repr(found)
    assert "canary" not in str(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=5
)


@given(st.dictionaries(st.sampled_from([*SOUND, "expires_in", "refresh_token", "id_token"]), JSON))
def test_no_json_makes_it_stumble_or_lets_an_odd_token_through(odd: dict[str, Any]) -> None:
    try:
        found = read({**SOUND, **odd})
    except TokenInvalid:
        return
    assert found.access_token.isascii()
    assert found.access_token.isprintable()
    assert isinstance(found.expires_at, float | None)

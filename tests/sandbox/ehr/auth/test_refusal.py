"""The errors of RFC 6749."""

from __future__ import annotations

import json

import pytest

from sandbox.ehr.auth.refusal import OAuthRefusal, oauth_error, single_values


def test_a_refusal_becomes_the_json_of_the_rfc() -> None:
    answer = oauth_error(OAuthRefusal("invalid_client", "why", 401, {"WWW-Authenticate": "Basic"}))
    assert answer.status_code == 401
    assert json.loads(bytes(answer.body)) == {"error": "invalid_client", "error_description": "why"}
    assert (answer.headers["cache-control"], answer.headers["www-authenticate"]) == ("no-store", "Basic")


def test_parameters_stand_once_and_empty_ones_count_as_absent() -> None:
    assert single_values([("a", "1"), ("b", "")]) == {"a": "1"}
    with pytest.raises(OAuthRefusal, match="twice"):
        single_values([("a", "1"), ("a", "")])

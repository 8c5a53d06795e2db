"""Tokens: families, rotation, revocation."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.grants import Grant
from sandbox.ehr.auth.refusal import OAuthRefusal
from sandbox.ehr.auth.tokens import TokenBook

GRANT = Grant("app", ("openid",))


def test_a_token_lives_until_its_second() -> None:
    now = [100.0]
    book = TokenBook(lambda: now[0])
    issued = book.issue(GRANT, ("openid",), 10)
    now[0] = 109.9
    assert book.find(issued.token) == issued
    now[0] = 110.0
    assert book.find(issued.token) is None


def test_revoking_a_family_leaves_others_alone() -> None:
    book = TokenBook(lambda: 0.0)
    one, other = (book.issue(GRANT, (), 10) for _ in range(2))
    book.revoke(one.family)
    assert book.find(one.token) is None
    assert book.find(other.token) == other


def test_looking_at_a_refresh_token_does_not_use_it_up_and_spending_does() -> None:
    book = TokenBook(lambda: 0.0)
    token = book.refresh_token(GRANT, "family")
    assert book.peek(token, "app") == GRANT
    assert book.peek(token, "other") is None
    assert book.spend(token, "app") == (GRANT, "family")
    assert book.peek(token, "app") is None
    with pytest.raises(OAuthRefusal):
        book.spend(token, "app")
    with pytest.raises(OAuthRefusal):
        book.spend(book.refresh_token(GRANT, "family"), "app")

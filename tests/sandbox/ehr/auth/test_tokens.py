"""Tokens: families, rotation, revocation."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.clients import User
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


def test_a_refresh_token_says_whose_it_is_spent_or_not() -> None:
    book = TokenBook(lambda: 0.0)
    token = book.refresh_token(GRANT, "family")
    assert (book.holder(token), book.holder("made-up")) == ("app", None)
    book.spend(token, "app")
    assert book.holder(token) == "app"


def test_one_token_is_revoked_with_what_it_stands_for_and_by_its_own_client() -> None:
    book = TokenBook(lambda: 0.0)
    issued = book.issue(GRANT, ("openid",), 10)
    sister = book.issue(GRANT, ("openid",), 10, issued.family)
    refresh = book.refresh_token(GRANT, issued.family)
    for token in (issued.token, refresh):
        with pytest.raises(OAuthRefusal, match="another client"):
            book.revoke_token(token, "other")
    book.revoke_token(issued.token, "app")
    assert (book.find(issued.token), book.find(sister.token)) == (None, sister)
    book.revoke_token(refresh, "app")
    assert (book.find(sister.token), book.peek(refresh, "app")) == (None, None)
    book.revoke_token("made-up", "app")


def test_who_signs_out_takes_the_session_along_and_leaves_what_outlasts_it() -> None:
    book = TokenBook(lambda: 0.0)
    ada, ben = User("ada", "Practitioner/ada"), User("ben", "Practitioner/ben")
    grants = [
        Grant("app", ("online_access",), ada),
        Grant("app", ("offline_access",), ada),
        Grant("app", ("openid",), ben),
        Grant("app", ()),
    ]
    issued = [book.issue(each, each.scopes, 10) for each in grants]
    refresh = book.refresh_token(grants[0], "only-a-refresh-token-is-left")
    book.sign_out(ada)
    assert [book.find(each.token) is not None for each in issued] == [False, True, True, True]
    assert book.peek(refresh, "app") is None

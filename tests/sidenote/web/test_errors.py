"""Each error of the door has a code and a status of its own kind, and says nothing of what was sent."""

from __future__ import annotations

import pytest

from sidenote.web import errors
from sidenote.web.errors import InputInvalid, MethodRefused, NotFound, SessionOver, WebError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WebError) and kind is not WebError]


def test_codes_are_told_apart_and_stand_in_the_tree() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert [kind.__name__ for kind in KINDS if kind.__name__ not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_names_each_status(kind: type[WebError]) -> None:
    line = next(line for line in (errors.__doc__ or "").splitlines() if line.split()[:1] == [kind.__name__])
    assert str(kind.status) in line
    assert kind.retryable == ("(retryable)" in line)


def test_what_is_not_there_is_told_in_the_same_words_always() -> None:
    assert str(NotFound()) == str(NotFound())


def test_the_headers_of_one_error_do_not_reach_another() -> None:
    assert MethodRefused("GET").headers == {"Allow": "GET"}
    assert SessionOver().headers == {"WWW-Authenticate": "Bearer"}
    assert InputInvalid("x").headers == {}

"""Who is signed in to the chart."""

from __future__ import annotations

from sandbox.chart.sessions import Sessions
from sandbox.chart.staff import CLINICIANS


def test_a_session_is_known_by_its_key_until_it_is_closed() -> None:
    sessions = Sessions()
    key, other = sessions.open(CLINICIANS[0]), sessions.open(CLINICIANS[0])
    found, beside = sessions.of(key), sessions.of(other)
    assert found is not None
    assert beside is not None
    assert found.user == CLINICIANS[0]
    assert len({key, other, found.csrf, beside.csrf}) == 4
    sessions.close(key)
    sessions.close(key)
    assert sessions.of(key) is None
    assert sessions.of(other) == beside


def test_nobody_is_known_by_a_key_that_was_not_given_out() -> None:
    assert Sessions().of(None) is None
    assert Sessions().of("") is None
    assert Sessions().of("guess") is None


def test_a_theme_is_remembered_for_one_session_alone() -> None:
    sessions = Sessions()
    key, other = sessions.open(CLINICIANS[0]), sessions.open(CLINICIANS[1])
    sessions.set_theme(key, "dark")
    sessions.set_theme("guess", "dark")
    themes = [found.theme for found in map(sessions.of, (key, other)) if found]
    assert themes == ["dark", "auto"]


def test_the_oldest_session_goes_when_there_are_too_many() -> None:
    sessions = Sessions()
    keys = [sessions.open(CLINICIANS[0]) for _ in range(501)]
    assert [sessions.of(key) is None for key in (keys[0], keys[1], keys[-1])] == [True, False, False]

"""SMART scopes: read, held, narrowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.ehr.auth.scopes import ResourceScope, granted, resource_scope, resource_scopes, within


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("patient/Observation.rs", ResourceScope("patient", "Observation", "rs")),
        ("user/*.cruds", ResourceScope("user", "*", "cruds")),
        ("system/Patient.r", ResourceScope("system", "Patient", "r")),
        ("patient/*.read", ResourceScope("patient", "*", "rs")),
        ("patient/*.write", ResourceScope("patient", "*", "cud")),
        ("patient/*.*", ResourceScope("patient", "*", "cruds")),
        (
            "patient/Observation.rs?category=urn:c|laboratory&status=final",
            ResourceScope("patient", "Observation", "rs", (("category", "urn:c|laboratory"), ("status", "final"))),
        ),
    ],
)
@pytest.mark.std("A13")
def test_scopes_of_both_versions_are_read(text: str, expected: ResourceScope) -> None:
    assert resource_scope(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.sr",
        "patient/Observation.",
        "patient/Observation.rr",
        "patient/Observation",
        "patient/observation.rs",
        "group/Observation.rs",
        "patient/Observation.rs?",
        "patient/Observation.rs?colour=red",
        "patient/Observation.rs?date=soon",
        "patient/*.rs?category=x",
        "patient/Observation.read?category=x",
        "openid",
        "",
    ],
)
@pytest.mark.std("A13")
def test_what_is_no_scope_on_resources_is_none(text: str) -> None:
    assert resource_scope(text) is None


@pytest.mark.parametrize(
    ("asked", "allowed", "expected"),
    [
        ("openid patient/*.rs", "patient/*.rs openid", "openid patient/*.rs"),
        ("patient/*.cruds", "patient/*.rs patient/Media.c", "patient/*.rs patient/Media.c"),
        ("patient/Observation.rs", "patient/*.read", "patient/Observation.rs"),
        ("patient/Observation.read patient/Observation.read", "patient/*.rs", "patient/Observation.read"),
        ("patient/*.rs", "patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=laboratory"),
        ("patient/Observation.rs", "user/*.rs system/*.rs", ""),
        ("system/*.rs", "system/*.rs", ""),
        ("nonsense patient/Observation.sr", "nonsense patient/*.rs", ""),
        ("offline_access", "online_access", ""),
    ],
)
@pytest.mark.std("A9")
def test_a_client_gets_what_it_asked_for_as_far_as_it_may(asked: str, allowed: str, expected: str) -> None:
    assert granted(asked, allowed) == tuple(expected.split())


def test_system_scopes_are_for_backend_services() -> None:
    assert granted("system/*.rs patient/*.rs", "system/*.rs patient/*.rs", frozenset(["system"])) == ("system/*.rs",)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("patient/*.rs", True),
        ("patient/Observation.r openid", True),
        ("patient/Observation.rs?category=laboratory", True),
        ("", True),
        ("patient/*.cruds", False),
        ("user/*.rs", False),
        ("fhirUser", False),
    ],
)
@pytest.mark.std("A14")
def test_narrower_scopes_are_within_the_held_ones(asked: str, expected: bool) -> None:
    assert within(asked, ("openid", "patient/*.rs")) is expected


LETTERS = st.sets(st.sampled_from("cruds"), min_size=1).map(lambda some: "".join(each for each in "cruds" if each in some))
SCOPES = st.builds(
    lambda context, type_, letters: f"{context}/{type_}.{letters}",
    st.sampled_from(["patient", "user"]),
    st.sampled_from(["*", "Patient", "Media"]),
    LETTERS,
)


@settings(max_examples=50)
@given(st.lists(SCOPES, max_size=4).map(" ".join), st.lists(SCOPES, max_size=4).map(" ".join))
def test_nothing_is_granted_that_was_not_allowed_or_not_asked(asked: str, allowed: str) -> None:
    given_ = granted(asked, allowed)
    most, wanted = resource_scopes(tuple(allowed.split())), resource_scopes(tuple(asked.split()))
    for scope in resource_scopes(given_):
        assert any(each.holds(scope) for each in most)
        assert any(each.holds(scope) for each in wanted)


def test_a_scope_for_messages_is_granted_to_who_may_have_it_and_reaches_no_resource() -> None:
    """SMART Web Messaging 1.0.0: a word of its own, so none is narrower than another."""
    assert granted("messaging/ui.launchActivity", "messaging/ui.launchActivity") == ("messaging/ui.launchActivity",)
    assert granted("messaging/ui.launchActivity messaging/x y", "messaging/ui.done messaging/x") == ()
    assert resource_scopes(("messaging/ui.launchActivity",)) == ()

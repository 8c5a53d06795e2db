"""The grammar of both versions of SMART scopes, and what is off when less was granted than asked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import RegistrationInvalid
from fhir.smart.scopes import Off, Scope, asked, granted, off, scope

ACTIONS = ["".join(letters) for n in range(1, 6) for letters in itertools.combinations("cruds", n)]


@pytest.mark.std("A13")
@pytest.mark.parametrize("actions", ACTIONS)
def test_every_combination_of_letters_in_order_is_a_scope(actions: str) -> None:
    found = scope(f"patient/Observation.{actions}")
    assert found == Scope("patient", "Observation", actions)
    assert str(found) == f"patient/Observation.{actions}"


@pytest.mark.std("A13")
@pytest.mark.parametrize(
    ("text", "context", "type_", "actions", "query"),
    [
        ("patient/*.read", "patient", "*", "rs", set()),
        ("user/MedicationRequest.write", "user", "MedicationRequest", "cud", set()),
        ("system/*.*", "system", "*", "cruds", set()),
        ("system/*.rs", "system", "*", "rs", set()),
        ("patient/Observation.rs?category=laboratory", "patient", "Observation", "rs", {"category=laboratory"}),
        (
            "patient/Observation.rs?category=http://x.org/c|vital-signs",
            "patient",
            "Observation",
            "rs",
            {"category=http://x.org/c|vital-signs"},
        ),
        ("patient/Observation.r?a=1&_b:c=2", "patient", "Observation", "r", {"a=1", "_b:c=2"}),
    ],
)
def test_scopes_of_both_versions_are_read(text: str, context: Any, type_: str, actions: str, query: set[str]) -> None:
    assert scope(text) == Scope(context, type_, actions, frozenset(query))


@pytest.mark.std("A13")
@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.sr",
        "patient/Observation.rr",
        "patient/Observation.",
        "patient/Observation",
        "patient/observation.rs",
        "patient/Obs*.rs",
        "Patient/Observation.rs",
        "practitioner/Observation.rs",
        "patient/Observation.rs?",
        "patient/Observation.rs?category",
        "patient/Observation.rs?=x",
        "patient/Observation.rs?a=1&&b=2",
        "patient/Observation.rs?a=1#x",
        "patient/Observation.read?a=1",
        "patient/Observation.readwrite",
        "patient//Observation.rs",
        " patient/Observation.rs",
        "patient/Observation.rs\n",
        "pаtient/Observation.rs",
    ],
)
def test_what_the_grammar_does_not_have_is_no_scope_and_grants_nothing(text: str) -> None:
    assert scope(text) is None
    if text.strip() == text and text.isascii():
        assert granted(text).reach("patient", "Observation", "r") == "none"
        with pytest.raises(RegistrationInvalid):
            asked(text)


@pytest.mark.parametrize("text", ["", "  ", 'a"b', "a\\b", "launch\tpatient/*.rs", "launch/practitioner", "patient/*.rs é"])
def test_what_a_site_may_not_write(text: str) -> None:
    with pytest.raises(RegistrationInvalid):
        asked(text)


def test_a_list_of_scopes_keeps_others_by_name() -> None:
    scopes = asked("launch/patient openid fhirUser offline_access patient/*.rs patient/*.read")
    assert "openid" in scopes
    assert "online_access" not in scopes
    assert str(scopes) == "fhirUser launch/patient offline_access openid patient/*.rs"


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("patient/*.rs", "patient/*.read"),
        ("patient/*.r patient/*.s", "patient/*.read"),
        ("patient/DocumentReference.c", "patient/DocumentReference.write"),
        ("patient/*.cruds", "patient/*.*"),
        ("openid patient/Observation.rs?category=laboratory", "openid patient/Observation.read"),
    ],
)
def test_scopes_are_said_in_the_first_versions_words(text: str, old: str) -> None:
    assert asked(text).old() == old


@pytest.mark.std("A9")
@pytest.mark.parametrize(
    ("given_", "context", "type_", "action", "reach"),
    [
        ("patient/*.rs", "patient", "Media", "s", "all"),
        ("patient/*.rs", "user", "Media", "s", "none"),
        ("user/*.rs", "patient", "Media", "s", "none"),
        ("patient/*.r", "patient", "Media", "s", "none"),
        ("patient/*.read", "patient", "Media", "s", "all"),
        ("patient/Media.rs?x=1", "patient", "Media", "r", "part"),
        ("patient/Media.rs?x=1 patient/*.r", "patient", "Media", "r", "all"),
        ("patient/Mediation.rs", "patient", "Media", "r", "none"),
    ],
)
def test_how_far_a_grant_reaches(given_: str, context: str, type_: str, action: str, reach: str) -> None:
    assert granted(given_).reach(context, type_, action) == reach


@pytest.mark.std("A9")
@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("wanted", "given_", "missing"),
    [
        ("patient/*.rs", "patient/*.rs", []),
        ("patient/*.rs", "patient/*.read", []),
        ("patient/*.rs", "patient/*.cruds launch/patient", []),
        ("launch launch/patient patient/*.rs", "patient/*.rs", []),
        ("patient/*.rs", "patient/Aa.rs", [Off("reading Bb"), Off("searching Bb")]),
        ("patient/Aa.rs", "patient/Aa.r", [Off("searching Aa")]),
        ("patient/Aa.rs", "user/Aa.rs", [Off("reading Aa"), Off("searching Aa")]),
        ("patient/Aa.s", "patient/Aa.s?x=1", [Off("searching Aa", "part")]),
        ("patient/Aa.s?x=1", "patient/Aa.s?x=1", []),
        ("patient/Aa.s?x=1", "patient/Aa.s", []),
        ("patient/Aa.s?x=1", "patient/Aa.s?x=2", [Off("searching Aa", "part")]),
        ("patient/Aa.c", "patient/Aa.rs", [Off("creating Aa")]),
        ("patient/Aa.cud", "patient/Aa.u", [Off("creating Aa"), Off("deleting Aa")]),
        ("openid fhirUser patient/Aa.r", "patient/Aa.r", [Off("knowing who the user is")]),
        ("offline_access launch/encounter", "other", [Off("knowing the encounter"), Off("renewal without a new launch")]),
    ],
)
def test_what_is_off_because_less_was_granted(wanted: str, given_: str, missing: list[Off]) -> None:
    assert list(off(asked(wanted), granted(given_), ("Aa", "Bb"))) == missing


CLINICAL = st.builds(
    Scope,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Media", "Condition"]),
    st.sampled_from(ACTIONS),
    st.frozensets(st.sampled_from(["a=1", "b=2"]), max_size=2),
)
LISTS = st.lists(CLINICAL, min_size=1, max_size=5).map(lambda scopes: granted(" ".join(map(str, scopes))))


@given(CLINICAL)
def test_what_is_written_is_read_back(one: Scope) -> None:
    assert scope(str(one)) == one
    older = scope(one.old())
    assert older is not None
    assert set(one.actions) <= set(older.actions)


@pytest.mark.std("A14")
@given(LISTS, LISTS)
def test_what_two_grants_share_is_never_more_than_either(one: Any, other: Any) -> None:
    order = ["none", "part", "all"]
    shared = one.within(other)
    for context, type_, action in itertools.product(["patient", "user", "system"], ["Media", "Condition", "Flag"], "cruds"):
        reach = order.index(shared.reach(context, type_, action))
        assert reach <= min(order.index(each.reach(context, type_, action)) for each in (one, other))


@given(LISTS)
def test_a_grant_shares_all_of_itself_and_misses_nothing_of_itself(one: Any) -> None:
    assert set(one.within(one).clinical) >= set(one.clinical)
    assert off(one, one, ("Media", "Condition")) == ()


@given(st.text())
def test_any_text_of_a_server_is_read_or_refused(text: str) -> None:
    try:
        found = granted(text)
    except ValueError:
        return
    assert granted(str(found)) == found

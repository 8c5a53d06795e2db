"""The launch context: typed, and whatever nobody knows passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import TokenInvalid
from fhir.smart.context import launch_context

BASE = "https://ehr.example/fhir"


@pytest.mark.std("A10")
def test_every_element_is_read() -> None:
    found = launch_context(
        {
            "patient": "p1",
            "encounter": "e1",
            "need_patient_banner": False,
            "intent": "review",
            "tenant": "north",
            "smart_style_url": "https://ehr.example/style.json",
            "smart_web_messaging_origin": "https://chart.ehr.example:8443",
            "smart_web_messaging_handle": "bws8YCbyBtCYi5mWVgUDRqX8xcjiudCo",
            "fhirContext": [
                {"reference": "ImagingStudy/i1", "type": "ImagingStudy"},
                {"canonical": "http://x.example/Questionnaire|1", "type": "Questionnaire", "role": "https://x.example/role"},
                {"identifier": {"system": "urn:a", "value": "b"}, "type": "ServiceRequest"},
            ],
            "unknown": {"x": 1},
        }
    )
    assert (found.patient, found.encounter, found.intent, found.tenant) == ("p1", "e1", "review", "north")
    assert found.smart_style_url == "https://ehr.example/style.json"
    assert found.smart_web_messaging_origin == "https://chart.ehr.example:8443"
    assert found.smart_web_messaging_handle == "bws8YCbyBtCYi5mWVgUDRqX8xcjiudCo"
    assert [(item.role, item.type) for item in found.items] == [
        ("launch", "ImagingStudy"),
        ("https://x.example/role", "Questionnaire"),
        ("launch", "ServiceRequest"),
    ]
    assert found.items[2].identifier == {"system": "urn:a", "value": "b"}


@pytest.mark.std("A11")
@pytest.mark.parametrize(
    ("given_", "banner", "shows"),
    [({"need_patient_banner": True}, True, True), ({"need_patient_banner": False}, False, False), ({}, None, True)]
    + [({"need_patient_banner": odd}, None, True) for odd in ("false", 0, None, [], "")],
)
def test_the_banner_is_hidden_only_when_the_ehr_says_that_it_shows_one(given_: Any, banner: bool | None, shows: bool) -> None:
    found = launch_context(given_)
    assert (found.need_patient_banner, found.shows_banner) == (banner, shows)


@pytest.mark.std("A10")
@pytest.mark.parametrize(
    ("item", "opened"),
    [
        ({"reference": "ImagingStudy/i1"}, ("i1",)),
        ({"reference": "ImagingStudy/i1", "role": "launch"}, ("i1",)),
        ({"reference": f"{BASE}/ImagingStudy/i1"}, ("i1",)),
        ({"reference": "ImagingStudy/i1/_history/2"}, ("i1",)),
        ({"reference": "ImagingStudy/i1", "type": "SomethingNew"}, ("i1",)),
        ({"reference": "ImagingStudy/i1", "role": "https://x.example/other"}, ()),
        ({"reference": "ImagingStudy/i1", "role": 5}, ()),
        ({"reference": "https://elsewhere.example/fhir/ImagingStudy/i1"}, ()),
        ({"reference": "ImagingStudy/../Patient/p2"}, ()),
        ({"reference": "ImagingStudy/i1?x=1"}, ()),
        ({"reference": "Patient/p2"}, ()),
        ({"reference": 5}, ()),
        ({"canonical": "http://x.example/ImagingStudy/i1"}, ()),
        ({"identifier": {}}, ()),
        ({"identifier": "i1"}, ()),
        ({}, ()),
        ("ImagingStudy/i1", ()),
        (None, ()),
    ],
)
def test_the_study_that_the_ehr_has_open_is_opened(item: Any, opened: tuple[str, ...]) -> None:
    assert launch_context({"fhirContext": [item]}).opened("ImagingStudy", BASE + "/") == opened


@pytest.mark.parametrize("value", [None, {}, "ImagingStudy/i1", 5, {"reference": "ImagingStudy/i1"}])
def test_a_context_that_is_no_list_is_none(value: Any) -> None:
    assert launch_context({"fhirContext": value}).items == ()


@pytest.mark.std("A12")
@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ehr.example/s.json", True),
        ("http://127.0.0.1:8000/s.json", True),
        ("http://ehr.example/s.json", False),
        ("javascript:alert(1)", False),
        ("data:application/json,{}", False),
        ("//ehr.example/s.json", False),
        ("https://a@ehr.example/s.json", False),
        ("", False),
        (5, False),
    ],
)
def test_a_style_is_named_by_https_or_on_this_machine(url: Any, kept: bool) -> None:
    assert launch_context({"smart_style_url": url}).smart_style_url == (url if kept else None)


@pytest.mark.std("A10")
@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("https://ehr.example", True),
        ("https://ehr.example:8443", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://ehr.example", False),
        ("https://ehr.example/", False),
        ("https://ehr.example/chart", False),
        ("https://ehr.example?x", False),
        ("https://ehr.example#x", False),
        ("https://user@ehr.example", False),
        ("https://EHR.example", False),
        ("https://ehr.example https://evil.example", False),
        ("https://", False),
        ("*", False),
        ("null", False),
        ("", False),
        (None, False),
        (["https://ehr.example"], False),
    ],
)
def test_messages_go_to_an_origin_that_is_private_and_to_nothing_else(origin: Any, kept: bool) -> None:
    found = launch_context({"smart_web_messaging_origin": origin, "smart_web_messaging_handle": "h-1"})
    assert (found.smart_web_messaging_origin, found.smart_web_messaging_handle) == ((origin, "h-1") if kept else (None, None))


@pytest.mark.std("A10")
@pytest.mark.parametrize("handle", [None, "", 5, "x" * 2001, "a\nb", ["a"]])
def test_an_origin_without_a_handle_is_of_no_use(handle: Any) -> None:
    found = launch_context({"smart_web_messaging_origin": "https://ehr.example", "smart_web_messaging_handle": handle})
    assert (found.smart_web_messaging_origin, found.smart_web_messaging_handle) == (None, None)


def test_the_handle_of_messages_stays_out_of_sight() -> None:
    found = launch_context({"smart_web_messaging_origin": "https://ehr.example", "smart_web_messaging_handle": "canary"})
    assert "canary" not in repr(found)


@pytest.mark.fault(30)
@pytest.mark.parametrize("name", ["patient", "encounter"])
@pytest.mark.parametrize("value", ["", "a/b", "a b", "x" * 65, 5, True, ["a"], {"id": "a"}, "a\n"])
def test_an_id_that_is_no_fhir_id_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TokenInvalid, match=name):
        launch_context({name: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=8
)
MESSAGING = ["smart_web_messaging_origin", "smart_web_messaging_handle"]
NAMES = ["fhirContext", "need_patient_banner", "intent", "tenant", "smart_style_url", *MESSAGING, "other"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_json_makes_it_stumble(body: dict[str, Any]) -> None:
    launch_context(body).opened("ImagingStudy", BASE)


@pytest.mark.std("A19")
def test_nothing_of_the_patient_is_in_a_repr() -> None:
    found = launch_context(
        {"patient": "canary", "encounter": "canary", "fhirContext": [{"reference": "Patient/canary", "identifier": {"v": "canary"}}]}
    )
    assert "canary" not in f"{found!r} {found.items!r}"

"""One question and one answer, as data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.wire.exchange import Answer, Ask, Method, media_parameters


@pytest.mark.parametrize(
    ("method", "repeatable", "wanted"),
    [
        ("GET", None, True),
        ("HEAD", None, True),
        ("PUT", None, True),
        ("DELETE", None, True),
        ("POST", None, False),
        ("POST", True, True),
        ("PUT", False, False),
    ],
)
def test_what_may_be_asked_twice(method: Method, repeatable: bool | None, wanted: bool) -> None:
    assert Ask(method, "https://ehr.example/", repeatable=repeatable).may_repeat is wanted


@pytest.mark.std("A19")
def test_neither_shows_what_it_carries() -> None:
    ask = Ask("POST", "https://ehr.example/?name=canary", {"X": "canary"}, b"canary")
    answer = Answer(200, {"x": "canary"}, b"canary", "https://ehr.example/canary")
    assert "canary" not in f"{ask!r}{ask}{answer!r}{answer}"


@pytest.mark.parametrize(
    ("value", "media_type", "name", "wanted"),
    [
        ("application/fhir+json", "application/fhir+json", "charset", None),
        ("Application/FHIR+JSON ; Charset=UTF-8", "application/fhir+json", "charset", "UTF-8"),
        ('multipart/related; type="application/dicom"; boundary="a;b=c"', "multipart/related", "boundary", "a;b=c"),
        ('multipart/related; boundary="quo\\"ted"', "multipart/related", "BOUNDARY", 'quo"ted'),
        ("application/fhir+json; fhirVersion=4.0", "application/fhir+json", "fhirVersion", "4.0"),
        ("multipart/related; boundary*=utf-8''a%20b", "multipart/related", "boundary", "a b"),
        ("text/plain; boundary", "text/plain", "boundary", ""),
        ("", "", "boundary", None),
        (";;;", "", "boundary", None),
    ],
)
def test_reads_media_types(value: str, media_type: str, name: str, wanted: str | None) -> None:
    answer = Answer(200, {"content-type": value}, b"", "https://ehr.example/")
    assert (answer.media_type, answer.parameter(name)) == (media_type, wanted)


def test_an_answer_without_a_media_type_has_none() -> None:
    assert (Answer(200, {}, b"", "").media_type, Answer(200, {}, b"", "").parameter("charset")) == ("", None)


@given(
    st.text(st.characters(codec="latin-1"), max_size=60)
    | st.lists(st.sampled_from(["a", "/", ";", "=", '"', "\\", "*", "*0", "'", "utf-8", " ", "%41", "\r\n"]), max_size=12).map("".join)
)
def test_any_media_type_is_read_without_a_fault_and_its_parameters_are_text(value: str) -> None:
    found = media_parameters(value)
    assert all(isinstance(part, str) for pair in found.items() for part in pair)
    assert all(name == name.lower() for name in found)

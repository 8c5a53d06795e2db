"""What the record says names its patient is taken out however it is written, and other words stay."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.known_identifiers import plain, without_known
from fhir.chart import Chart, chart_of

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "González-Ruiz", "given": ["María", "Jose871"]}, {"text": "Nia Xu"}],
    "identifier": [{"value": "AB12"}, {"value": "00418"}, {"value": "7"}],
    "birthDate": "1955-03-14",
    "telecom": [{"value": "0176 12 34"}, {"value": "nia.xu@localhost"}],
    "address": [{"line": ["Elm Row 5"], "city": "Normal", "postalCode": "01101"}],
    "contact": [{"name": {"family": "Okonkwo", "given": ["Ada"]}, "telecom": [{"value": "5550 99"}], "address": {"line": ["Mill 9"]}}],
}
RELATED = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/p"}, "name": [{"family": "Brandt"}]}


def chart(**patient: Any) -> Chart:
    return chart_of({**PATIENT, **patient}, [RELATED])


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("does maria gonzalez-ruiz have it?", "does [NAME] [NAME]-[NAME] have it?"),
        ("GONZÁLEZ, MARÍA", "[NAME], [NAME]"),
        ("is nia xu's heart larger", "is [NAME] [NAME]'s heart larger"),
        ("jose has a cough", "[NAME] has a cough"),
        ("ada okonkwo and brandt worry", "[NAME] [NAME] and [NAME] worry"),
        ("ab-12", "[ID]"),
        ("AB 12, 004-18", "[ID], [ID]"),
        ("call 0176/1234 or 555 099", "call [CONTACT] or [CONTACT]"),
        ("nia.xu@localhost", "[CONTACT]"),
        ("at elm row 5, 01101 Normal; mill 9", "at [ADDRESS], [ADDRESS] [ADDRESS]; [ADDRESS]"),
        ("born 14 03 1955, 3.14.55, 1955-3-14, 14031955", "born [DATE], [DATE], [DATE], [DATE]"),
    ],
)
def test_what_names_the_patient_is_taken_out(said: str, left: str) -> None:
    assert without_known(plain(said), chart()) == left


@pytest.mark.parametrize(
    "said",
    ["is the chest normal?", "7 mm nodule", "marias", "AB123", "1004180", "grade 3-14", "no effusion since the operation on the left"],
)
def test_other_words_and_numbers_stay(said: str) -> None:
    assert without_known(said, chart()) == said


def test_a_name_that_is_a_function_word_leaves_the_sense_alone() -> None:
    held = chart(name=[{"family": "No", "given": ["Will", "A"]}])
    assert without_known("no effusion; a nodule; Will", held) == "no effusion; a nodule; [NAME]"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("M\u200bRN 12\u200b34", "MRN 1234"),
        ("\uff2d\uff32\uff2e\uff1a\uff11\uff12", "MRN:12"),
        ("555\u2011123\u20134567", "555-123-4567"),
        ("\u202e43-21", "43-21"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_text_is_read_as_it_is_seen(text: str, seen: str) -> None:
    assert plain(text) == seen


@pytest.mark.parametrize(
    "odd",
    [{"name": "Nia"}, {"name": [{"given": "Nia"}]}, {"name": [None, 4]}, {"identifier": {"value": 4}}, {"address": ["x"]},
     {"birthDate": 1955}, {"birthDate": "1955"}, {"contact": [{"name": [{"family": 3}], "telecom": "x"}]}],
)  # fmt: skip
def test_a_record_of_another_shape_takes_out_less_and_fails_at_nothing(odd: dict[str, Any]) -> None:
    assert without_known("cough since 1955", chart(**odd)) == "cough since 1955"


@given(
    parts=st.lists(st.from_regex(r"[A-Za-z0-9]{1,6}", fullmatch=True), min_size=3, max_size=6),
    kept=st.sampled_from(["", "-", "/", " ", "."]),
    typed=st.sampled_from(["", "-", " ", "\u2011", "\u200b", " - "]),
    before=st.sampled_from(["", "for ", "("]),
)
def test_an_identifier_is_found_whatever_separates_its_parts(parts: list[str], kept: str, typed: str, before: str) -> None:
    held = chart(name=[], identifier=[{"value": kept.join(parts)}], birthDate=None)
    assert without_known(plain(f"{before}{typed.join(parts).swapcase()}!"), held) == f"{before}[ID]!"


def test_many_long_identifiers_and_a_long_text_take_no_long_time() -> None:
    held = chart(identifier=[{"value": "1" * 100}, {"value": "1" * 100_000}] * 20)
    began = time.process_time()
    without_known("1-" * 20_000, held)
    assert time.process_time() - began < 2

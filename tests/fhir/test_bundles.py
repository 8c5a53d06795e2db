"""From bytes to resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fhir.bundles import read_document
from fhir.errors import BadJson, NotFhir
from fhir.jsonscan import GROUP

Body = dict[str, Any]


def test_reads_every_resource_with_its_original_text(bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]) -> None:
    text = bundle(patient, observation("o1", valueQuantity={"value": 1})).replace(b'"value": 1}', b'"value" : 1.00 }')
    document = read_document(text)
    assert [item.local for item in document.items] == ["Patient/p1", "Observation/o1"]
    assert document.items[1].raw in text
    assert b'"value" : 1.00 }' in document.items[1].raw


def test_reads_a_single_resource_and_lines_of_resources(patient: Body, observation: Callable[..., Body]) -> None:
    assert read_document(json.dumps(patient).encode()).items[0].local == "Patient/p1"
    lines = "\n".join(json.dumps(one) for one in (patient, observation("o1"))) + "\n\n"
    assert [item.local for item in read_document(lines.encode(), lines=True).items] == ["Patient/p1", "Observation/o1"]


def test_names_the_line_that_is_broken(patient: Body) -> None:
    lines = json.dumps(patient) + "\n" + json.dumps(patient)[:-3]
    with pytest.raises(BadJson, match="line 2"):
        read_document(lines.encode(), lines=True, name="patients.ndjson")


@pytest.mark.fault(16)
@pytest.mark.parametrize("lines", [False, True], ids=["a bundle", "lines"])
def test_a_long_text_is_scanned_in_parts_and_as_strictly(
    lines: bool, bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    noted = [observation(f"o{n}", note=[{"text": "a quiet night, nothing to report. " * 9}]) for n in range(2500)]
    text = b"\n".join(json.dumps(one).encode() for one in (patient, *noted)) if lines else bundle(patient, *noted)
    assert len(text) > 2 * GROUP
    assert len(read_document(text, lines=lines).items) == 2501
    escaped = text.replace(b'"id": "o2400"', b'"\\u0069d": "o2400"')  # a key spelled so is looked at by the slow way
    assert len(read_document(escaped, lines=lines).items) == 2501
    for twice in (b'"id": "o2400", "id": "x"', b'"id": "o2400", "\\u0069d": "x"'):
        with pytest.raises(BadJson, match=r"twice in one object( \(|$)"):
            read_document(text.replace(b'"id": "o2400"', twice), lines=lines)


@pytest.mark.fault(16)
def test_refuses_a_bundle_with_duplicate_keys(bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]) -> None:
    text = bundle(patient, observation("o1"))
    twice = text.replace(b'"subject": ', b'"subject": {"reference": "Patient/other"}, "subject": ', 1)
    assert twice != text
    with pytest.raises(BadJson, match=r"twice.*file\.json"):
        read_document(twice, name="file.json")


def test_refuses_two_entry_lists_in_one_bundle(bundle: Callable[..., bytes], patient: Body) -> None:
    with pytest.raises(BadJson, match="twice"):
        read_document(bundle(patient)[:-1] + b',"entry":[]}')


@pytest.mark.parametrize("text", [b"{}", b'{"a":1}', b'{"resourceType":"Bundle","entry":[{"resource":{"id":"x"}}]}'])
def test_refuses_json_that_is_no_resource(text: bytes) -> None:
    with pytest.raises(NotFhir):
        read_document(text)


@pytest.mark.parametrize("broken", [{"subject": "Patient/p1"}, {"subject": 7}, {"id": 5}, {"meta": "x"}, {"resourceType": ["Observation"]}])
def test_refuses_an_identifying_element_of_the_wrong_type(
    bundle: Callable[..., bytes], observation: Callable[..., Body], broken: Body
) -> None:
    with pytest.raises(BadJson, match="type FHIR gives"):
        read_document(bundle({**observation("o1"), **broken}))


@pytest.mark.fault(11)
@pytest.mark.std("E1")
def test_an_operation_outcome_is_a_note_without_its_words(bundle: Callable[..., bytes], patient: Body) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete", "diagnostics": "Ann Example"}]}
    document = read_document(bundle(patient, outcome))
    assert document.notes == ("the source sent an OperationOutcome: warning, incomplete",)
    assert len(document.items) == 1


def test_takes_the_id_from_the_full_url_when_there_is_none(bundle: Callable[..., bytes]) -> None:
    document = read_document(
        bundle(
            ("urn:uuid:0aa0", {"resourceType": "Condition"}),
            ("https://ehr.example/r4/Condition/c7", {"resourceType": "Condition"}),
            {"resourceType": "Condition"},
        )
    )
    first, second, third = (item.id for item in document.items)
    assert (first, second) == ("0aa0", "c7")
    assert third.startswith("noid-")


def test_a_searchset_that_says_there_is_more_is_partial(bundle: Callable[..., bytes], patient: Body) -> None:
    assert not read_document(bundle(patient)).partial
    assert read_document(bundle(patient, type="searchset", total=7)).partial
    following = read_document(bundle(patient, link=[{"relation": "next", "url": "https://x/?page=2"}]))
    assert following.partial
    assert following.next_url == "https://x/?page=2"


def test_entries_without_a_resource_are_counted() -> None:
    document = read_document(b'{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE","url":"Patient/1"}}]}')
    assert document.items == ()
    assert document.notes == ("1 bundle entries without a resource",)


ISSUES: list[tuple[str, str, bool]] = [
    ("warning", "incomplete", True),
    ("information", "suppressed", True),
    ("warning", "timeout", True),
    ("error", "processing", True),
    ("fatal", "exception", True),
    ("warning", "not-supported", False),
    ("information", "informational", False),
]


@pytest.mark.fault(11)
@pytest.mark.std("E1")
@pytest.mark.parametrize(("severity", "code", "short"), ISSUES)
def test_an_outcome_that_says_something_is_missing_makes_the_bundle_short(
    bundle: Callable[..., bytes], patient: Body, severity: str, code: str, short: bool
) -> None:
    document = read_document(bundle(patient, {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}))
    assert (document.short is not None) is short
    assert document.short in (None, "the server says that something is missing or went wrong")


def test_prose_in_the_place_of_a_code_is_no_note(bundle: Callable[..., bytes], patient: Body) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": ["Ann"], "code": "Ann Example"}]}
    assert read_document(bundle(patient, outcome)).notes == ("the source sent an OperationOutcome: ?, ?",)


NO_RESOURCE: dict[str, Any] = {"fullUrl": "https://x/fhir/Observation/1"}
SHORT: list[tuple[Body, str | None]] = [
    ({"type": "searchset", "entry": [NO_RESOURCE]}, "entries came without their resources"),
    ({"type": "batch-response", "entry": [{"response": {"status": "403"}}]}, "entries came without their resources"),
    ({"type": "history", "entry": [{"request": {"method": "DELETE", "url": "Observation/1"}}]}, None),
    ({"type": "searchset", "link": [{"relation": "next", "url": ""}]}, "a link to the next page leads nowhere"),
    (
        {"type": "searchset", "entry": [{"resource": {"resourceType": "Basic", "id": "b", "meta": {"tag": [{"code": "SUBSETTED"}]}}}]},
        "parts",
    ),
    ({"type": "searchset", "entry": [{"resource": {"resourceType": "Basic", "id": "b", "language": 'x"SUBSETTED"'}}]}, None),
    ({"type": "searchset"}, None),
]


@pytest.mark.std("E1")
@pytest.mark.parametrize(("body", "words"), SHORT)
def test_a_bundle_that_is_short_by_its_own_account_says_why(body: Body, words: str | None) -> None:
    document = read_document(json.dumps({"resourceType": "Bundle", **body}).encode())
    assert document.bundle
    assert document.short == words or (words == "parts" and document.short == "the server gave parts of resources")


def test_a_single_resource_is_no_bundle(patient: Body) -> None:
    assert not read_document(json.dumps(patient).encode()).bundle

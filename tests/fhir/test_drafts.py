"""What Sidenote writes: preliminary, labelled, stable, and refused whole when one part is wrong."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir import drafts
from fhir.errors import DraftInvalid
from fhir.models import validate

CONTEXT = drafts.DraftContext("r-1", "Patient/p1", "2026-11-20T09:00:00Z", "0.1.0")

MADE = {
    "device": drafts.device(CONTEXT),
    "composition": drafts.composition(CONTEXT, "Review", [("Consider", ["one <b>sentence</b>"]), ("Empty", [])]),
    "issue": drafts.detected_issue(CONTEXT, "C1", "detail", severity="high", evidence=["Observation/o1"]),
    "issue without evidence": drafts.detected_issue(CONTEXT, "C2", "detail", severity="low", evidence=[]),
    "risk": drafts.risk_assessment(CONTEXT, "pleural_effusion", 0.934, side="left", basis=["ImagingStudy/s1"]),
    "risk without a code": drafts.risk_assessment(CONTEXT, "malpositioned_device", 0.5, side=None, basis=[]),
    "provenance": drafts.provenance(CONTEXT, ["urn:uuid:x"], [("Observation/o1", "3"), ("Patient/p1", None)], ["00" * 32]),
}


@pytest.mark.parametrize("resource", MADE.values(), ids=MADE)
def test_every_draft_is_valid_and_labelled(resource: dict[str, Any]) -> None:
    assert validate(resource["resourceType"], resource) == ()
    assert resource["meta"]["security"] == [drafts.AI_LABEL]


def test_an_empty_section_is_left_out_and_markup_is_text() -> None:
    (section,) = MADE["composition"]["section"]
    assert "&lt;b&gt;" in section["text"]["div"]


def test_a_probability_is_per_cent_with_the_side_in_words() -> None:
    (prediction,) = MADE["risk"]["prediction"]
    assert prediction["probabilityDecimal"] == 93.4
    assert prediction["outcome"]["text"] == "left pleural effusion"
    assert prediction["outcome"]["coding"][0]["code"] == "60046008"


def test_a_source_is_named_with_its_version() -> None:
    named = [entity["what"]["reference"] for entity in MADE["provenance"]["entity"] if "reference" in entity["what"]]
    assert named == ["Observation/o1/_history/3", "Patient/p1"]


def test_writing_twice_gives_the_same_ids() -> None:
    again = drafts.DraftContext("r-1", "Patient/p1", "2026-11-20T09:00:00Z", "0.1.0")
    assert drafts.device(again) == MADE["device"]
    assert drafts.DraftContext("r-2", "Patient/p1", "x", "y").identity("device") != MADE["device"]["id"]


def test_one_invalid_draft_refuses_the_bundle() -> None:
    with pytest.raises(DraftInvalid):
        drafts.bundle(CONTEXT, [MADE["device"], {**MADE["composition"], "status": "", "invented": 1}])


@pytest.mark.std("D5")
def test_provenance_names_every_image_by_its_hash() -> None:
    entities = MADE["provenance"]["entity"]
    named = [entity["what"]["identifier"] for entity in entities if "identifier" in entity["what"]]
    assert named == [{"system": "urn:ietf:rfc:3986", "value": "ni:///sha-256;" + "A" * 43}]


@pytest.mark.std("E7")
@given(st.text())
def test_a_narrative_is_xhtml_whatever_its_words_hold(text: str) -> None:
    (section,) = drafts.composition(CONTEXT, "Review", [("Consider", [text, "\f\uffff"])])["section"]
    root = ElementTree.fromstring(section["text"]["div"])
    assert [child.tag.rpartition("}")[2] for child in root.iter()] == ["div", "p", "p"]

"""What an approved claim becomes: one preliminary resource and its Provenance, in the words that the person approved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from agent.review import Review, ReviewClaim
from fhir.drafts import AI_LABEL, AI_SYSTEM
from fhir.models import validate
from sidenote.decisions.decision import Decision
from sidenote.decisions.drafting import draft_of

Decide = Callable[..., Decision]
Claims = Callable[[str], ReviewClaim]
IMAGE, CARD = "5" * 64, "6" * 64


@pytest.fixture
def drafted(review: Review, claim: Claims, decide: Decide) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """Makes the resource and the Provenance of a decision on a claim."""

    def make(id_: str, *, reviewed: Any = None, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        decision = decide(claim=id_, **{"text": claim(id_).text, **changes})
        draft = draft_of(review, claim(id_), decision, model_card=CARD, reviewed=reviewed)
        assert draft.patient == "ckd4-contrast"
        return json.loads(draft.resource), json.loads(draft.provenance)

    return make


@pytest.mark.std("E7")
@pytest.mark.std("F1")
@pytest.mark.parametrize(
    ("id_", "changes", "type_"),
    [
        ("C1", {}, "DetectedIssue"),
        ("C1", {"action": "edit", "text": "Ask the renal team first."}, "Composition"),
        ("C2", {}, "Composition"),
        ("C9", {}, "RiskAssessment"),
        ("C9", {"action": "edit", "text": "The heart is of normal size."}, "Composition"),
    ],
)
def test_a_claim_becomes_one_preliminary_labelled_resource_of_its_patient(drafted: Any, id_: str, changes: Any, type_: str) -> None:
    resource, provenance = drafted(id_, **changes)
    assert (resource["resourceType"], resource["status"], resource["meta"]) == (type_, "preliminary", {"security": [AI_LABEL]})
    assert (resource.get("subject") or resource["patient"]) == {"reference": "Patient/ckd4-contrast"}
    assert "id" not in resource, "the server names it"
    assert [validate(made["resourceType"], made) for made in (resource, provenance)] == [(), ()]
    assert (changes.get("text") or "") in json.dumps(resource)


def test_no_draft_is_an_order_or_of_a_type_that_a_review_reads(drafted: Any) -> None:
    from fhir.types import PULLED_TYPES

    types = {drafted(id_)[0]["resourceType"] for id_ in ("C1", "C2", "C9")}
    assert types.isdisjoint({*PULLED_TYPES, "ServiceRequest", "MedicationRequest"}), "or the next review would cite this one"


def test_the_words_are_those_of_the_person_and_markup_in_them_is_text(drafted: Any) -> None:
    resource, _ = drafted("C2", action="edit", text="Wait <script>alert(1)</script>")
    divs = [section["text"]["div"] for section in resource["section"]]
    assert "Wait &lt;script&gt;alert(1)&lt;/script&gt;" in divs[0]
    assert [section["title"] for section in resource["section"]][:2] == [
        "As edited by the person who decided",
        "As Sidenote had written it",
    ]


@pytest.mark.std("E8")
@pytest.mark.std("F4")
@pytest.mark.parametrize("id_", ["C1", "C2", "C9"])
def test_the_author_of_words_that_a_person_has_put_in_is_the_person(drafted: Any, id_: str) -> None:
    resource, provenance = drafted(id_, action="edit", text="Ask the renal team first.")
    edited, original, *_ = resource["section"]
    assert (edited["author"], "author" in original) == ([{"reference": "Practitioner/d1"}], False)
    assert resource["author"] == [{"reference": "#sidenote", "type": "Device"}, {"reference": "Practitioner/d1"}]
    roles = [(agent["type"]["coding"][0]["code"], agent["who"]["reference"]) for agent in provenance["agent"]]
    assert roles == [("author", "#sidenote"), ("verifier", "Practitioner/d1"), ("author", "Practitioner/d1")]


@pytest.mark.parametrize("id_", ["C1", "C2", "C9"])
def test_who_approves_wrote_nothing(drafted: Any, id_: str) -> None:
    resource, provenance = drafted(id_)
    assert "Practitioner/d1" not in json.dumps(resource)
    assert [agent["type"]["coding"][0]["code"] for agent in provenance["agent"]] == ["author", "verifier"]


def test_a_reworded_image_finding_keeps_no_probability_of_the_model(drafted: Any) -> None:
    assert drafted("C9")[0]["prediction"][0]["probabilityDecimal"] == 93
    assert drafted("C9")[0]["note"] == [{"text": "The heart looks enlarged."}]
    assert "prediction" not in drafted("C9", action="edit", text="Normal heart.")[0]


@pytest.mark.std("F3")
@pytest.mark.parametrize("id_", ["C1", "C2", "C9"])
def test_the_software_stands_inside_what_it_made(drafted: Any, review: Review, id_: str) -> None:
    for made in drafted(id_):
        (device,) = made["contained"]
        assert device["type"]["coding"] == [AI_SYSTEM]
        assert device["manufacturer"] == "The Sidenote project"
        assert device["version"] == [{"value": review.versions.sidenote}]
        assert "meta" not in device, "a contained resource has no security label (dom-5)"
        references = re.findall(r'"reference": "(#[^"]*|urn:uuid:[^"]*)"', json.dumps({**made, "target": None}))
        assert set(references) == {f"#{device['id']}"}, "each local reference leads to it, and it is referred to (dom-3)"


@pytest.mark.std("E8")
@pytest.mark.std("F2")
@pytest.mark.std("F4")
def test_the_provenance_names_who_made_it_who_checked_it_and_from_what(drafted: Any, review: Review, claim: Claims) -> None:
    _, provenance = drafted("C1")
    software, person = provenance["agent"]
    assert (software["type"]["coding"][0]["code"], software["role"][0]["coding"]) == ("author", [AI_SYSTEM])
    assert software["onBehalfOf"] == {"reference": "Practitioner/d1"}
    assert (person["type"]["coding"][0]["code"], person["who"]) == ("verifier", {"reference": "Practitioner/d1"})
    assert (provenance["reason"], provenance["recorded"]) == ([{"coding": [AI_LABEL]}], "2026-11-20T09:00:00Z")
    sources = [one["what"]["reference"] for one in provenance["entity"] if one["role"] == "source"]
    cited = [item for item in review.evidence if item.id in claim("C1").evidence and item.kind == "chart_fact"]
    assert cited
    assert {f"{item.reference}/_history/{item.version}" if item.version else item.reference for item in cited} <= set(sources)
    derived = [one["what"]["display"] for one in provenance["entity"] if one["role"] == "derivation"]
    assert derived == ["sealed record of the review with its input"], "no image, no model"


@pytest.mark.std("F2")
def test_an_image_finding_names_its_image_and_the_card_of_its_model(drafted: Any) -> None:
    _, provenance = drafted("C9")
    whats = [(one["role"], one["what"]["identifier"]["value"]) for one in provenance["entity"] if "identifier" in one["what"]]
    assert [role for role, _ in whats] == ["source", "derivation", "derivation"]
    assert all(value.startswith("ni:///sha-256;") for _, value in whats)


def test_that_a_clinician_reviewed_it_is_a_label_only_where_a_site_has_one(drafted: Any) -> None:
    label = {"system": "urn:site", "code": "REVIEWED"}
    assert drafted("C1", reviewed=label)[0]["meta"]["security"] == [AI_LABEL, label]


def test_a_draft_is_found_again_by_what_it_is_and_not_by_who_decided(drafted: Any) -> None:
    one, other = drafted("C2")[0], drafted("C2", by="Practitioner/d2", text="Other words.", action="edit")[0]
    assert one["identifier"] == other["identifier"]
    assert drafted("C9")[0]["identifier"] != one["identifier"]
    assert one["identifier"]["system"] == "urn:ietf:rfc:3986"


def test_what_was_shown_spelled_is_written_spelled(review: Review, claim: Claims, decide: Decide) -> None:
    said = claim("C2").model_copy(update={"text": "Ask \u202efirst"})
    hidden = [item.model_copy(update={"text": f"{item.text} \u202eflow\u200b\u001b[2J"}) for item in review.evidence]
    changed = review.model_copy(update={"evidence": tuple(hidden)})
    draft = draft_of(changed, said, decide(claim="C2", action="edit", text="Ask the renal team."))
    divs = [section["text"]["div"] for section in json.loads(draft.resource)["section"]]
    assert "Ask \\u202efirst" in divs[1]
    assert "\\u202eflow\\u200b\\u001b[2J" in divs[2]
    assert not set("\u202e\u200b\u001b") & set("".join(divs))

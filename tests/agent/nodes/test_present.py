"""present: nothing of what a policy keeps back comes out by the side door, and what is cited is validated."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from agent.nodes.present import REDACTED
from agent.parts import Library
from fhir.source import open_source
from policies.case import PolicyCase
from policies.claim import Claim
from policies.evidence import Evidence
from policies.guidance_pack import Topic
from retrieval.cards import CaseCard, CaseFinding, Neighbour, Query, SearchResult
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic


def test_of_a_claim_that_a_policy_takes_away_only_kind_and_evidence_are_told(clinic: Clinic) -> None:
    def state(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...]) -> tuple[Claim, ...]:
        cited = next(item.id for item in evidence if "Oxygen saturation" in item.text)
        return (Claim(id="C1", text="Oxygen saturation is 97 %.", kind="assessment", evidence=(cited,)),)

    review = clinic.review(clinic.ask("wrong-patient"), compose=state).review
    assert review.claims == ()
    taken = [item for item in review.withheld if item.reason.startswith("policy: I01")]
    assert taken
    assert {item.claim.text for item in taken} == {REDACTED}
    assert all(item.claim.finding is None and item.claim.side is None and item.claim.checks == () for item in taken)


def test_a_claim_that_its_evidence_does_not_carry_is_told_with_its_reason(clinic: Clinic) -> None:
    def invent(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...]) -> tuple[Claim, ...]:
        return (Claim(id="C1", text="The eGFR is 99 mL/min.", kind="assessment", evidence=("E1",)),)

    (withheld,) = clinic.review(clinic.ask("ckd4-contrast"), compose=invent).review.withheld
    assert withheld.claim.text == "The eGFR is 99 mL/min."
    assert withheld.reason.startswith("grounding: ")


def test_a_cited_resource_that_does_not_validate_is_kept_and_remarked(clinic: Clinic) -> None:
    path = clinic.folder / "odd"
    path.mkdir()
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": {"resourceType": "Patient", "id": "odd", "gender": "female", "birthDate": "1950"}},
            {
                "resource": {
                    "resourceType": "Condition",
                    "id": "c1",
                    "subject": {"reference": "Patient/odd"},
                    "clinicalStatus": {
                        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
                    },
                    "code": {"text": "Hypertension"},
                    "inventedElement": True,
                }
            },
        ],
    }
    (path / "odd.json").write_text(json.dumps(bundle))

    def state(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...]) -> tuple[Claim, ...]:
        cited = next(item.id for item in evidence if item.reference == "Condition/c1")
        return (Claim(id="C1", text="Hypertension is active.", kind="assessment", evidence=(cited,)),)

    review = clinic.review(clinic.ask("odd"), source=open_source(str(path)), compose=state).review
    assert [claim.text for claim in review.claims] == ["Hypertension is active."]
    assert [(issue.reference, issue.code) for issue in review.manifest.quality] == [("Condition/c1", "invalid")]
    assert "inventedElement" in review.manifest.quality[0].detail


def test_of_a_withheld_review_no_word_of_an_ungrounded_claim_is_told(clinic: Clinic) -> None:
    def invent(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...]) -> tuple[Claim, ...]:
        return (Claim(id="C1", text="The eGFR is 99 mL/min.", kind="assessment", evidence=("E1",)),)

    review = clinic.review(clinic.ask("wrong-patient"), compose=invent).review
    assert review.status == "withheld"
    (withheld,) = review.withheld
    assert withheld.claim.text == REDACTED
    assert "99" not in review.model_dump_json(include={"withheld", "claims", "voices"})


def test_what_the_library_said_is_told_with_the_places_the_filter_and_an_older_index(clinic: Clinic) -> None:
    card = CaseCard(
        *("k", "p", "s", date(2020, 2, 29), "DX", "CHEST", "PA", "60-69", "male", (CaseFinding("scoliosis", "left", "base"),), "text", "h"),
        *(1, 2, "consent", "licence"),
    )

    class Cases:
        def search(self, query: Query) -> SearchResult:
            assert query.only.modalities
            near = (Neighbour(card, 0.1234, ("radiograph",), ()),)
            return SearchResult(near, True, "1 comparable case", 9, (("same person", 2),), "flat", "few", 0.5, 0.95, "g", "an older one")

    keyring = Keyring(b"a secret of at least sixteen bytes", b"salt")
    review = clinic.review(clinic.ask("heart-failure"), library=Library(Cases(), HashEncoder(), keyring)).review
    (case,) = review.similar_cases
    assert (case.stated, case.findings, case.distance) == (("left scoliosis (base)",), (("scoliosis", "left"),), 0.12)
    assert review.search is not None
    assert (review.search.notice, review.search.only[-1]) == ("an older one", "body part chest")

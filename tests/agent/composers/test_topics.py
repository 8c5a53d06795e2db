"""Every topic of the pack, made to speak by a chart that calls for it, and checked by the real grounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.composers.deterministic import draft
from policies.claim import Claim
from policies.grounding import ground
from policies.guidance_pack import Topic

Resource = dict[str, Any]
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"


def order(text: str) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {"text": text},
        "authoredOn": "2026-11-23T07:55:00Z",
    }


def lab(text: str, loinc: str, value: float, unit: str, when: str = "2026-11-21T08:00:00Z") -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}], "text": text},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit},
    }


def problem(text: str, code: str) -> Resource:
    return {
        "resourceType": "Condition",
        "code": {"coding": [{"system": SNOMED, "code": code}], "text": text},
        "onsetDateTime": "2026-02-03",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
    }


def drug(text: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-10-04",
        "medicationCodeableConcept": {"text": text},
    }


def allergy(text: str, severity: str = "severe") -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "code": {"text": text},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "recordedDate": "2019-05-05",
        "reaction": [{"manifestation": [{"text": "urticaria"}], "severity": severity}],
    }


def study(day: str = "2026-11-23", name: str = "now") -> Resource:
    return {
        "resourceType": "ImagingStudy",
        "id": name,
        "status": "available",
        "started": f"{day}T08:12:00Z",
        "description": "Chest radiograph PA",
        "series": [{"uid": "1.2.3", "modality": {"code": "DX"}, "bodySite": {"display": "chest"}}],
    }


def report(conclusion: str, day: str = "2026-11-23", name: str = "now") -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": f"report-{name}",
        "status": "final",
        "code": {"text": "Chest radiograph"},
        "effectiveDateTime": f"{day}T08:15:00Z",
        "imagingStudy": [{"reference": f"ImagingStudy/{name}"}],
        "conclusion": conclusion,
    }


CONTRAST = order("CT chest with contrast")
BIOPSY = order("CT guided lung biopsy")
EGFR = lab("eGFR", "98979-8", 27, "mL/min/1.73 m2")
METFORMIN = drug("Metformin 1 g")
CKD = problem("Chronic kidney disease stage 4", "431857002")
UNCOMPARED = "eGFR on record is 27 mL/min (21 Nov 2026), which by its unit, status or date Sidenote cannot set against a bound"
PACEMAKER = "The chart holds Cardiac pacemaker (active)."

# topic, resources, reading, a piece of the claim
CASES: tuple[tuple[str, tuple[Resource, ...], dict[str, tuple[float, str | None]] | None, str], ...] = (
    ("tension_pneumothorax", (study(),), {"tension_pneumothorax": (0.93, "left")}, "left tension pneumothorax (probability 0.93)"),
    ("tension_pneumothorax", (study(), report("Left tension pneumothorax.")), None, "of 23 Nov 2026 states left tension pneumothorax"),
    ("pneumothorax", (study(),), {"pneumothorax": (0.81, "right")}, "right pneumothorax read (probability 0.81)"),
    ("pneumothorax", (study(), report("Small right pneumothorax.")), None, "right pneumothorax reported on 23 Nov 2026"),
    (
        "effusion_heart_failure",
        (study(), problem("Heart failure", "84114007")),
        {"pleural_effusion": (0.9, "left")},
        "Left pleural effusion is read (probability 0.90) and the chart holds Heart failure (active)",
    ),
    (
        "effusion_heart_failure",
        (study(), problem("Heart failure", "84114007"), report("Bilateral pleural effusions.")),
        None,
        "Bilateral pleural effusion is reported (23 Nov 2026)",
    ),
    ("effusion_unexplained", (study(),), {"pleural_effusion": (0.9, "right")}, "Consider ultrasound of the chest"),
    ("effusion_unexplained", (study(), report("Large right pleural effusion.")), None, "right pleural effusion is reported (23 Nov 2026)"),
    ("consolidation_follow_up", (study(),), {"consolidation": (0.77, "left")}, "Left consolidation is read (probability 0.77)"),
    ("consolidation_follow_up", (study(), report("Left lower lobe consolidation.")), None, "Left consolidation is reported (23 Nov 2026)"),
    ("cardiomegaly", (study(),), {"cardiomegaly": (0.7, None)}, "Cardiomegaly is read (probability 0.70)"),
    ("cardiomegaly", (study(), report("Cardiomegaly.")), None, "Cardiomegaly is reported (23 Nov 2026)"),
    ("pulmonary_oedema", (study(),), {"pulmonary_edema": (0.7, None)}, "Pulmonary oedema is read (probability 0.70)"),
    ("pulmonary_oedema", (study(), report("Pulmonary oedema.")), None, "Pulmonary oedema is reported (23 Nov 2026)"),
    ("nodule_incidental", (study(),), {"nodule": (0.66, "right")}, "Right pulmonary nodule is read (probability 0.66)"),
    ("nodule_incidental", (study(), report("Nodule in the right upper lobe.")), None, "Right pulmonary nodule is reported (23 Nov 2026)"),
    ("atelectasis", (study(),), {"atelectasis": (0.6, "left")}, "Left atelectasis is read (probability 0.60)"),
    ("atelectasis", (study(), report("Left basal atelectasis.")), None, "Left atelectasis is reported (23 Nov 2026)"),
    ("malpositioned_device", (study(),), {"malpositioned_device": (0.88, None)}, "malpositioned tube or line (probability 0.88)"),
    (
        "malpositioned_device",
        (study(), report("The endotracheal tube is malpositioned in the right main bronchus.")),
        None,
        "The report of 23 Nov 2026 states a malpositioned tube or line",
    ),
    ("contrast_reduced_egfr", (CONTRAST, EGFR), None, "eGFR is 27 mL/min/1.73 m2 (21 Nov 2026) and CT chest with contrast is planned"),
    ("metformin_contrast", (CONTRAST, EGFR, METFORMIN), None, "Metformin 1 g is active and eGFR is 27 mL/min/1.73 m2"),
    ("renal_function_unknown", (CONTRAST, METFORMIN), None, "consider a recent eGFR before CT chest with contrast"),
    (
        "renal_function_unknown",
        (CONTRAST, METFORMIN, lab("Creatinine", "2160-0", 2.0, "mg/dL")),
        None,
        "from the creatinine of 21 Nov 2026 an eGFR of 26 mL/min/1.73 m2 is calculated",
    ),
    (
        "prior_contrast_reaction",
        (CONTRAST, allergy("Iohexol")),
        None,
        "The chart holds Iohexol (active) and CT chest with contrast is planned",
    ),
    ("iodine_shellfish_label", (CONTRAST, allergy("Shellfish", "mild")), None, "The chart holds Shellfish (active)"),
    (
        "pregnancy_ionising",
        (order("CT abdomen and pelvis"), problem("Pregnancy", "77386006")),
        None,
        "The chart holds Pregnancy (3 Feb 2026) and CT abdomen and pelvis is planned",
    ),
    ("anticoagulant_biopsy", (BIOPSY, drug("Apixaban 5 mg")), None, "Apixaban 5 mg is active and CT guided lung biopsy is planned"),
    ("platelets_biopsy", (BIOPSY, lab("Platelets", "777-3", 40, "10*3/uL")), None, "Platelets is 40 10*3/uL (21 Nov 2026)"),
    ("inr_biopsy", (BIOPSY, lab("INR", "6301-6", 2.4, "{INR}")), None, "INR is 2.4 (21 Nov 2026)"),
    (
        "mri_implant",
        (order("MRI brain"), {"resourceType": "Device", "status": "active", "type": {"text": "Cardiac pacemaker"}}),
        None,
        "The chart holds Cardiac pacemaker (active) and MRI brain is planned",
    ),
    ("mri_implant", (study(), order("MRI brain")), {"pacemaker": (0.95, None)}, "reads a cardiac pacemaker (probability 0.95)"),
    ("gadolinium_reduced_egfr", (order("MRI brain with gadolinium"), EGFR), None, "consider which group the gadolinium agent belongs to"),
    (
        "comparison_with_prior",
        (study(), study("2026-09-02", "then"), report("No pleural effusion.", "2026-09-02", "then")),
        None,
        "the earlier study, whose report is of 2 Sep 2026",
    ),
    ("context_anticoagulant", (study(), drug("Apixaban 5 mg")), None, "The chart holds Apixaban 5 mg (active), dated 4 Oct 2026."),
    ("context_metformin", (study(), METFORMIN), None, "The chart holds Metformin 1 g (active), dated 4 Oct 2026."),
    ("context_contrast_reaction", (study(), allergy("Iohexol")), None, "The chart holds Iohexol (active), dated 5 May 2019."),
    ("context_implant", (study(), {"resourceType": "Device", "status": "active", "type": {"text": "Cardiac pacemaker"}}), None, PACEMAKER),
    ("context_pregnancy", (study(), problem("Pregnancy (disorder)", "77386006")), None, "holds Pregnancy (active), dated 3 Feb 2026."),
    ("context_renal_function", (study(), EGFR), None, "The newest eGFR on record is 27 mL/min/1.73 m2, dated 21 Nov 2026."),
    ("context_kidney", (study(), CKD), None, "The chart holds Chronic kidney disease stage 4 (active), dated 3 Feb 2026."),
    ("context_renal_function", (study(), lab("eGFR", "98979-8", 27, "mL/min")), None, UNCOMPARED),
    ("context_disease", (study(), problem("Heart failure", "84114007")), None, "The chart holds Heart failure (active), dated 3 Feb 2026."),
    ("unremarkable_study", (study(),), {}, "reads no pneumothorax, no pleural effusion and no consolidation"),
)


@pytest.mark.parametrize(("topic", "resources", "reads", "words"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_a_topic_speaks_where_its_condition_holds_and_grounding_supports_it(
    *,
    bench: Callable[..., Any],
    topics: tuple[Topic, ...],
    topic: str,
    resources: tuple[Resource, ...],
    reads: dict[str, tuple[float, str | None]] | None,
    words: str,
) -> None:
    made = bench(*resources, reads=reads)
    claims = [claim for claim in draft(made.case, made.evidence, topics, most=99).claims if claim.guidance == topic]
    assert words in " | ".join(claim.text for claim in claims)
    _supported(claims, made)


def test_every_topic_of_the_pack_is_tried(topics: tuple[Topic, ...]) -> None:
    assert {topic.id for topic in topics} - {case[0] for case in CASES} == {"paediatric_scope", "pregnancy_unknown"}


def test_asks_about_pregnancy_where_it_is_possible_and_not_on_record(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    for born, asked in (("1994-04-04", True), ("1955-03-14", False)):
        made = bench(order("CT abdomen and pelvis"), birthDate=born)
        claims = [claim for claim in draft(made.case, made.evidence, topics).claims if claim.guidance == "pregnancy_unknown"]
        assert bool(claims) == asked
        _supported(claims, made)


def test_a_finding_that_guidance_states_is_not_stated_again(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    made = bench(study(), reads={"tension_pneumothorax": (0.9, "left")})
    claims = draft(made.case, made.evidence, topics).claims
    assert [
        claim.text for claim in claims if claim.text.startswith("The image model reads left tension pneumothorax (probability 0.90)")
    ] == [next(claim.text for claim in claims if claim.guidance == "tension_pneumothorax")]


def test_a_child_is_out_of_scope(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    made = bench(birthDate="2016-05-05")
    claims = draft(made.case, made.evidence, topics).claims
    assert [claim.text for claim in claims if claim.guidance == "paediatric_scope"] == [
        "Age is 10 years: the image model and the adult guidance of this pack are out of scope below 18 years."
    ]
    _supported(claims, made)


SILENT: tuple[tuple[str, str, tuple[Resource, ...], dict[str, tuple[float, str | None]] | None], ...] = (
    ("no contrast planned", "contrast_reduced_egfr", (EGFR,), None),
    ("kidneys well enough", "contrast_reduced_egfr", (CONTRAST, lab("eGFR", "98979-8", 80, "mL/min/1.73 m2")), None),
    ("an old eGFR", "contrast_reduced_egfr", (CONTRAST, lab("eGFR", "98979-8", 27, "mL/min/1.73 m2", "2025-01-01")), None),
    ("on dialysis", "contrast_reduced_egfr", (CONTRAST, EGFR, problem("On dialysis", "105502003")), None),
    ("known cancer", "nodule_incidental", (study(), problem("Lung cancer", "363358000")), {"nodule": (0.9, "left")}),
    (
        "heart failure explains it",
        "effusion_unexplained",
        (study(), problem("Heart failure", "84114007")),
        {"pleural_effusion": (0.9, "left")},
    ),
    ("a denied finding", "pneumothorax", (study(), report("No pneumothorax.")), None),
    (
        "a finding of an old report only",
        "pneumothorax",
        (study(), study("2020-01-01", "then"), report("Left pneumothorax.", "2020-01-01", "then")),
        None,
    ),
    (
        "a contrast allergy outranks the shellfish label",
        "iodine_shellfish_label",
        (CONTRAST, allergy("Shellfish"), allergy("Iohexol")),
        None,
    ),
    (
        "a resolved allergy",
        "prior_contrast_reaction",
        (CONTRAST, {**allergy("Iohexol"), "clinicalStatus": {"coding": [{"code": "resolved"}]}}),
        None,
    ),
    ("a stopped drug", "anticoagulant_biopsy", (BIOPSY, {**drug("Apixaban 5 mg"), "status": "stopped"}), None),
    ("an adult", "paediatric_scope", (), None),
    ("something was read", "unremarkable_study", (study(),), {"nodule": (0.9, "left")}),
    ("no image model", "unremarkable_study", (study(),), None),
    ("no prior", "comparison_with_prior", (study(), report("No pleural effusion.")), None),
)


@pytest.mark.parametrize(("name", "topic", "resources", "reads"), SILENT, ids=[case[0] for case in SILENT])
def test_a_topic_is_silent_where(
    *,
    bench: Callable[..., Any],
    topics: tuple[Topic, ...],
    name: str,
    topic: str,
    resources: tuple[Resource, ...],
    reads: dict[str, tuple[float, str | None]] | None,
) -> None:
    made = bench(*resources, reads=reads)
    assert [claim.text for claim in draft(made.case, made.evidence, topics, most=99).claims if claim.guidance == topic] == [], name


@pytest.mark.parametrize(
    ("topic", "resources", "incomplete", "patient", "reads", "said"),
    [
        ("renal_function_unknown", (CONTRAST, METFORMIN), ("Observation",), {}, None, True),
        ("renal_function_unknown", (), ("Observation", "ServiceRequest"), {}, None, False),
        ("nodule_incidental", (study(),), ("Condition",), {}, {"nodule": (0.9, "left")}, True),
        ("nodule_incidental", (study(),), ("Condition",), {}, {}, False),
        ("paediatric_scope", (), (), {"birthDate": None}, None, True),
        ("contrast_reduced_egfr", (CONTRAST,), ("Observation",), {}, None, False),
    ],
)
def test_says_that_it_cannot_tell_only_where_the_topic_asks_for_it(
    *,
    bench: Callable[..., Any],
    topics: tuple[Topic, ...],
    topic: str,
    resources: tuple[Resource, ...],
    incomplete: tuple[str, ...],
    patient: dict[str, Any],
    reads: dict[str, tuple[float, str | None]] | None,
    said: bool,
) -> None:
    made = bench(*resources, reads=reads, incomplete=incomplete, **patient)
    claims = [claim for claim in draft(made.case, made.evidence, topics, most=99).claims if claim.guidance == topic]
    assert [claim.kind for claim in claims] == (["caution"] if said else [])
    assert all("cannot tell" in claim.text for claim in claims)
    _supported(claims, made)


def _supported(claims: Any, made: Any) -> None:
    evidence = made.by_id()
    for claim in claims:
        assert isinstance(claim, Claim)
        verdict = ground(claim, evidence, patient="Patient/p")
        assert verdict.outcome == "supported", (claim.text, [check for check in verdict.checks if check.outcome != "supported"])


CONTEXT = (drug("Apixaban 5 mg"), METFORMIN, CKD, EGFR, allergy("Iohexol"), problem("Heart failure", "84114007"))


def context(made: Any, topics: tuple[Topic, ...]) -> list[Claim]:
    return [claim for claim in draft(made.case, made.evidence, topics, most=99).claims if (claim.guidance or "").startswith("context_")]


def test_context_waits_for_a_study_or_an_order(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    assert context(bench(*CONTEXT), topics) == []
    assert len(context(bench(study(), *CONTEXT), topics)) == 6
    assert len(context(bench(order("MRI brain"), *CONTEXT), topics)) == 6


def test_context_comes_last_and_says_nothing_a_stronger_statement_names(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    made = bench(study(), BIOPSY, report("Left pleural effusion."), *CONTEXT)
    claims = draft(made.case, made.evidence, topics, most=99).claims
    marks = [(claim.guidance or "").startswith("context_") for claim in claims]
    assert marks == sorted(marks)
    assert "Apixaban 5 mg is active" in claims[0].text
    assert {claim.guidance for claim in context(made, topics)} == {
        "context_contrast_reaction",
        "context_kidney",
        "context_metformin",
        "context_renal_function",
    }


@pytest.mark.parametrize(
    "quiet",
    [
        {**drug("Apixaban 5 mg"), "status": "stopped"},
        {**problem("Heart failure", "84114007"), "clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {**problem("Pneumonia", "233604007"), "onsetDateTime": "2018-09-28"},
        lab("eGFR", "98979-8", 60, "mL/min/1.73 m2"),
    ],
    ids=["a stopped drug", "a resolved disease", "an old pneumonia", "an eGFR of sixty"],
)
def test_context_is_silent_about_what_is_over_or_old(bench: Callable[..., Any], topics: tuple[Topic, ...], quiet: Resource) -> None:
    assert context(bench(study(), quiet), topics) == []


def test_context_without_a_date_is_said_without_one(bench: Callable[..., Any], topics: tuple[Topic, ...]) -> None:
    undated = {key: value for key, value in drug("Apixaban 5 mg").items() if key != "authoredOn"}
    (claim,) = context(bench(study(), undated), topics)
    assert claim.text == "The chart holds Apixaban 5 mg (active)."

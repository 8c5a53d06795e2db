"""Slots: filled from what the condition rested on, or the claim is not made."""

from __future__ import annotations

from typing import Any

import pytest

from agent.composers.slots import Pool, choose, day_words, field_of, filled, label_of
from policies.evidence import Evidence, Measured, Quote
from policies.guidance_pack import Slot, Template

EGFR = Evidence(
    id="E1",
    kind="chart_fact",
    reference="Observation/egfr",
    text="eGFR < 27 mL/min",
    sha256="0" * 64,
    patient="Patient/p",
    quotes=(Quote(path="code.text", text="eGFR"),),
    codes=("http://loinc.org|98979-8",),
    when="2026-11-21T08:00:00Z",
    quantity=Measured(value="27.0", unit="mL/min/1.73 m2", comparator="<"),
)
PASSAGE = Evidence(id="E2", kind="guidance", reference="guidance:t#1", text="A passage.", sha256="1" * 64)
TEMPLATE = Template.model_validate(
    {
        "text": "{egfr.label} is {egfr.value} {egfr.unit} ({egfr.date}).",
        "kind": "caution",
        "weight": "caution",
        "slots": {"egfr": {"measured": "egfr"}},
        "passages": [1],
    }
)


def pool(*evidence: Evidence, basis: str = "Observation/egfr") -> Pool:
    return Pool(evidence, frozenset({basis}), frozenset())


def test_fills_a_template_with_the_source_s_own_digits_and_cites_slots_then_passages() -> None:
    done = filled(TEMPLATE, "t", pool(PASSAGE, EGFR))
    assert done is not None
    assert done.text == "eGFR is <27.0 mL/min/1.73 m2 (21 Nov 2026)."
    assert done.evidence == ("E1", "E2")


@pytest.mark.parametrize(
    ("name", "evidence", "basis"),
    [
        ("the fact is not what the condition rested on", (EGFR, PASSAGE), "Observation/other"),
        ("the fact is not there", (PASSAGE,), "Observation/egfr"),
        ("the passage is not there", (EGFR,), "Observation/egfr"),
        ("a field is missing", (EGFR.model_copy(update={"when": None}), PASSAGE), "Observation/egfr"),
        ("it is another analyte", (EGFR.model_copy(update={"codes": (), "quotes": ()}), PASSAGE), "Observation/egfr"),
    ],
)
def test_makes_no_claim_when(name: str, evidence: tuple[Evidence, ...], basis: str) -> None:
    assert filled(TEMPLATE, "t", pool(*evidence, basis=basis)) is None, name


def test_flagged_words_are_not_repeated_in_a_claim() -> None:
    flagged = EGFR.model_copy(update={"codes": (*EGFR.codes, "urn:sidenote:injection-marker|instruction")})
    assert label_of(flagged) == "an entry whose words are flagged"


@pytest.mark.parametrize(
    ("slot", "change", "fits"),
    [
        ({"image": "nodule"}, {"kind": "image_finding", "finding": "nodule", "polarity": "present"}, True),
        ({"image": "nodule"}, {"kind": "image_finding", "finding": "nodule", "polarity": "absent"}, False),
        ({"image": "nodule", "polarity": "absent"}, {"kind": "image_finding", "finding": "nodule", "polarity": "absent"}, True),
        ({"report": "nodule"}, {"kind": "report_sentence", "finding": "nodule", "polarity": "present"}, False),
        ({"cases": "nodule"}, {"kind": "similar_case", "finding": "nodule", "reference": "case:group-1"}, True),
        ({"cases": "nodule"}, {"kind": "similar_case", "finding": "nodule", "reference": "case:k1"}, False),
        ({"calculation": "age"}, {"kind": "calculation", "reference": "calculation:age"}, True),
        ({"fact": ["Observation"]}, {}, True),
        ({"fact": ["Condition"]}, {}, False),
        ({"fact": ["Observation"], "value_set": "inr"}, {}, False),
    ],
)
def test_a_slot_takes_only_what_its_selector_names(slot: dict[str, Any], change: dict[str, Any], fits: bool) -> None:
    chosen = choose(Slot.model_validate(slot), pool(EGFR.model_copy(update=change)))
    assert (chosen is not None) is fits


def test_a_count_is_read_from_the_group_s_own_words() -> None:
    assert field_of(EGFR.model_copy(update={"text": "4 of 5 comparable cases state nodule"}), "count") == "4 of 5"
    assert field_of(EGFR, "count") is None


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("Chronic congestive heart failure (disorder)", "Chronic congestive heart failure"),
        ("Glomerular filtration rate/\u200b1.73 sq M", "Glomerular filtration rate/1.73 sq M"),
        ("Aspirin (81 mg)", "Aspirin (81 mg)"),
        ("(disorder)", "(disorder)"),
    ],
)
def test_a_label_loses_what_is_there_for_machines_and_nothing_else(written: str, label: str) -> None:
    item = EGFR.model_copy(update={"quotes": (Quote(path="code.text", text=written),)})
    assert label_of(item) == label


@pytest.mark.parametrize(("when", "words"), [("2026-03-03T08:00:00Z", "3 Mar 2026"), ("2026-03", "Mar 2026"), ("2026", "2026")])
def test_a_day_is_said_no_more_exactly_than_the_source_has_it(when: str, words: str) -> None:
    assert day_words(when) == words


def test_a_result_that_is_not_final_is_called_preliminary() -> None:
    done = filled(TEMPLATE, "t", pool(PASSAGE, EGFR.model_copy(update={"status": "preliminary"})))
    assert done is not None
    assert done.text.startswith("preliminary eGFR is <27.0 ")

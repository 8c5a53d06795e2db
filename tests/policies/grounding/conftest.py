"""Evidence and claims for the tests of grounding: made from a few words each, and a few hundred that are right."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from fhir.codes import FINDINGS
from policies.claim import Claim
from policies.evidence import Evidence, Measured, Quote, Sourced, mint

PATIENT = "Patient/p1"
KINDS = {"image": "image_finding", "case": "similar_case", "guidance": "guidance", "calculation": "calculation"}


@pytest.fixture
def patient() -> str:
    return PATIENT


@pytest.fixture
def item() -> Callable[..., Evidence]:
    """`item("E1", "Observation/1", "Potassium 5.9 mmol/L, final, 2026-11-20", value="5.9", unit="mmol/L", …)`."""

    def make(
        identifier: str, reference: str, text: str, *, value: str | None = None, unit: str = "", comparator: Any = None, **fields: Any
    ) -> Evidence:
        kind = fields.pop("kind", KINDS.get(reference.partition(":")[0], "chart_fact"))
        fields.setdefault("patient", None if kind in ("guidance", "similar_case") else PATIENT)
        fields.setdefault("sha256", hashlib.sha256(text.encode()).hexdigest())
        quotes = (Quote(path="text", text=text),) if kind == "report_sentence" else ()
        measured = None if value is None else Measured(value=value, unit=unit, comparator=comparator)
        fields.setdefault("quotes", quotes)
        return Evidence(id=identifier, kind=kind, reference=reference, text=text, quantity=measured, **fields)

    return make


@pytest.fixture
def claim() -> Callable[..., Claim]:
    """`claim("The potassium was 5.9 mmol/L.", "E1", kind="finding")`."""

    def make(text: str, *evidence: str, kind: Any = "assessment", **fields: Any) -> Claim:
        return Claim(id="C1", text=text, kind=kind, evidence=evidence, **fields)

    return make


LABS = (
    ("Potassium", "mmol/L", 31, 68, 1),
    ("Sodium", "mmol/L", 121, 152, 0),
    ("Creatinine", "umol/L", 55, 460, 0),
    ("Creatinine", "mg/dL", 60, 560, 2),
    ("Haemoglobin", "g/dL", 61, 172, 1),
    ("Platelets", "10*9/L", 18, 480, 0),
    ("eGFR (CKD-EPI 2021)", "mL/min/{1.73_m2}", 11, 98, 0),
    ("C-reactive protein", "mg/L", 3, 310, 0),
    ("Troponin T", "ng/L", 5, 900, 0),
    ("Hemoglobin A1c", "%", 48, 121, 1),
    ("Lactate", "mmol/L", 5, 91, 1),
)
WRITTEN = {"mL/min/{1.73_m2}": "mL/min/1.73 m²", "10*9/L": "×10⁹/L", "umol/L": "µmol/L"}
DRUGS = (
    ("Metformin", "500 mg"),
    ("Apixaban", "5 mg"),
    ("Warfarin", "3 mg"),
    ("Lisinopril", "10 mg"),
    ("Atorvastatin", "40 mg"),
    ("Bisoprolol", "2.5 mg"),
    ("Furosemide", "40 mg"),
    ("Digoxin", "125 ug"),
    ("Amoxicillin", "875 mg"),
    ("Prednisone", "7.5 mg"),
    ("Levothyroxine", "88 ug"),
    ("Omeprazole", "20 mg"),
)
PROBLEMS = (
    "Atrial fibrillation",
    "Heart failure with reduced ejection fraction",
    "Type 2 diabetes mellitus",
    "Chronic kidney disease stage 4",
    "Essential hypertension",
    "Chronic obstructive pulmonary disease",
    "Deep vein thrombosis of the left leg",
    "Hypothyroidism",
)
REPORTED = (
    ("pleural_effusion", "Moderate {side} pleural effusion, unchanged.", "There is a {side} pleural effusion."),
    ("pneumothorax", "There is a small {side} apical pneumothorax.", "A {side} pneumothorax is reported."),
    (
        "consolidation",
        "Airspace opacity in the {side} lower lobe, consistent with pneumonia.",
        "Consolidation on the {side} side is reported.",
    ),
    ("nodule", "A 12 mm nodule projects over the {side} upper zone.", "The report states a {side} pulmonary nodule of 12 mm."),
    ("atelectasis", "Linear atelectasis at the {side} base.", "{side} atelectasis is reported."),
)
DENIED = (
    ("pneumothorax", "No pneumothorax is seen.", "The report states no pneumothorax."),
    ("pleural_effusion", "The costophrenic angles are sharp.", "No pleural effusion is reported."),
    ("cardiomegaly", "Heart size is normal.", "There is no cardiomegaly."),
    ("consolidation", "The lungs are clear.", "There is no consolidation."),
    ("pulmonary_edema", "No evidence of pulmonary oedema or congestion.", "No pulmonary oedema is reported."),
)


@dataclass(frozen=True)
class Case:
    """A claim that its evidence supports, and the pieces of its text a mutation may change."""

    text: str
    kind: Any
    own: tuple[Sourced, ...]
    slots: MappingProxyType[str, str]
    polarity: Any = "present"
    finding: str | None = None
    side: Any = None
    names: tuple[str, ...] = ()
    """What could stand in the slot `name` instead."""


@dataclass(frozen=True)
class Posed:
    """A case with its numbered evidence: what is put to grounding."""

    case: Case
    claim: Claim
    pool: dict[str, Evidence] = field(repr=False)


def sourced(kind: Any, reference: str, text: str, **fields: Any) -> Sourced:
    patient = None if kind in ("guidance", "similar_case") else PATIENT
    return Sourced(kind=kind, reference=reference, text=text, sha256="0" * 64, patient=patient, **fields)


def shown(day: str, rng: random.Random) -> str:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    year, month, date = day.split("-")
    return rng.choice((day, f"{int(date)} {months[int(month) - 1]} {year}"))


def a_day(rng: random.Random) -> str:
    return f"{rng.choice((2025, 2026))}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def lab_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        name, unit, low, high, places = rng.choice(LABS)
        value = str(Decimal(rng.randint(low, high)).scaleb(-places))
        day = a_day(rng)
        fact = sourced(
            "chart_fact",
            f"Observation/o{n}",
            f"{name} {value} {unit}, final, {day}",
            status="final",
            when=f"{day}T08:15:00Z",
            quantity=Measured(value=value, unit=unit),
            quotes=(
                Quote(path="code.text", text=name),
                Quote(path="valueQuantity.value", text=value),
                Quote(path="valueQuantity.unit", text=unit),
            ),
        )
        written, date = WRITTEN.get(unit, unit), shown(day, rng)
        text = rng.choice(
            (
                "{name} was {value} {unit} on {date}.",
                "The latest {name} is {value} {unit} ({date}).",
                "On {date} {name} measured {value} {unit}.",
            )
        )
        slots = {"value": value, "unit": written, "date": date, "name": name}
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots), names=tuple(lab[0] for lab in LABS))


def planned_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        value, day = str(rng.randint(31, 44)), a_day(rng)
        fact = sourced(
            "chart_fact",
            f"Observation/g{n}",
            f"eGFR {value} mL/min/1.73 m2, final, {day}",
            status="final",
            when=day,
            quantity=Measured(value=value, unit="mL/min/1.73 m2"),
        )
        drug, dose = rng.choice(DRUGS)
        order = sourced("chart_fact", f"MedicationRequest/g{n}", f"{drug} {dose} oral tablet, active, {day}", status="active", when=day)
        passage = sourced(
            "guidance",
            f"guidance:g{n}#1",
            f"With an eGFR of 30 to 44 mL/min/1.73 m2 {drug} is reviewed; it is paused for 48 hours below 30 mL/min/1.73 m2. [2024]",
        )
        text = "Consider a review of {name}: eGFR is {value} {unit} ({date}); guidance pauses it for 48 h below 30 mL/min/1.73 m2."
        slots = {"value": value, "unit": "mL/min/1.73 m²", "date": day, "drug": drug, "name": drug}
        yield Case(
            text.format(**slots), "recommendation", (fact, order, passage), MappingProxyType(slots), names=tuple(drug for drug, _ in DRUGS)
        )


def drug_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        drug, dose = rng.choice(DRUGS)
        state, day = rng.choice(("active", "stopped", "on-hold")), a_day(rng)
        fact = sourced(
            "chart_fact",
            f"MedicationRequest/m{n}",
            f"{drug} {dose} oral tablet, 1 tablet daily, intent order, {state}, {day}",
            status=state,
            when=day,
        )
        word = {"active": "active", "stopped": "stopped", "on-hold": "on hold"}[state]
        value, unit = dose.split()
        slots = {"value": value, "unit": unit, "date": shown(day, rng), "drug": drug, "name": drug, "state": word}
        text = rng.choice(
            (
                "{name} {value} {unit} is {state} (recorded {date}).",
                "The medication {name} {value} {unit}, prescribed on {date}, is {state}.",
            )
        )
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots), names=tuple(drug for drug, _ in DRUGS))


def problem_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        name, state, day = rng.choice(PROBLEMS), rng.choice(("active", "resolved")), a_day(rng)
        fact = sourced("chart_fact", f"Condition/c{n}", f"{name}, {state}, confirmed, {day}", status=state, when=day)
        slots = {"name": name, "state": state, "date": shown(day, rng)}
        slots |= {"word": "left"} if "left" in name else {}
        text = rng.choice(("{name} is {state} (since {date}).", "The problem list holds {name}, {state}, dated {date}."))
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots), names=PROBLEMS)


def image_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for _ in range(count):
        finding = rng.choice(FINDINGS)
        side = rng.choice(("left", "right", "bilateral")) if finding.lateral else None
        chance = f"0.{rng.randint(51, 99)}"
        words = f"{side} {finding.display}" if side else finding.display
        fact = sourced(
            "image_finding",
            "image:abc",
            f"The image model (compact 0.1.0) reads {words}: present, probability {chance}",
            finding=finding.key,
            polarity="present",
            side=side,
            probability=float(chance),
        )
        slots = {"value": chance, "assert": "reads "} | ({"side": side} if side else {})
        yield Case(
            f"The image model reads {words} (probability {chance}).",
            "finding",
            (fact,),
            MappingProxyType(slots),
            "present",
            finding.key,
            side,
        )


def report_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        side = rng.choice(("left", "right"))
        day = a_day(rng)
        if rng.random() < 0.65:
            finding, source, text = rng.choice(REPORTED)
            slots = {"side": side}
            polarity: Any = "present"
        else:
            finding, source, text = rng.choice(DENIED)
            slots, polarity = {"denial": "no"}, "absent"
        own = sourced(
            "report_sentence",
            f"DiagnosticReport/r{n}",
            source.format(side=side),
            status="final",
            when=day,
            finding=finding,
            polarity=polarity,
            side=side if "side" in slots else None,
            quotes=(Quote(path="conclusion", text=source.format(side=side)),),
        )
        text = text.format(side=side)
        yield Case(
            text[0].upper() + text[1:], "finding", (own,), MappingProxyType(slots), polarity, finding, side if "side" in slots else None
        )


@pytest.fixture(scope="session")
def posed() -> tuple[Posed, ...]:
    """Claims that their evidence supports, from a fixed seed, with the one pool of numbered evidence they cite."""
    rng = random.Random(20261123)
    makers = ((lab_cases, 110), (planned_cases, 40), (drug_cases, 70), (problem_cases, 50), (image_cases, 60), (report_cases, 80))
    cases = [case for maker, count in makers for case in maker(rng, count)]
    minted = mint(tuple(source for case in cases for source in case.own))
    number = {Sourced(**{key: value for key, value in item.model_dump().items() if key != "id"}): item.id for item in minted}
    pool = {item.id: item for item in minted}
    return tuple(
        Posed(
            case,
            Claim(
                id=f"C{n}",
                text=case.text,
                kind=case.kind,
                polarity=case.polarity,
                finding=case.finding,
                side=case.side,
                evidence=tuple(number[source] for source in case.own),
            ),
            pool,
        )
        for n, case in enumerate(cases, start=1)
    )

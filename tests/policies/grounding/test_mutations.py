"""The mutation suite: claims that are right pass, and the same claims with one thing made wrong are caught (FAULTS 63, 64, 70; DESIGN
2)."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from fhir.codes import FINDING, FINDINGS
from policies.claim import Claim
from policies.evidence import Evidence, Measured, Quote, Sourced, mint
from policies.grounding import ground
from policies.grounding.units import canonical

PATIENT = "Patient/p1"
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
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots))


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
        yield Case(text.format(**slots), "recommendation", (fact, order, passage), MappingProxyType(slots))


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
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots))


def problem_cases(rng: random.Random, count: int) -> Iterator[Case]:
    for n in range(count):
        name, state, day = rng.choice(PROBLEMS), rng.choice(("active", "resolved")), a_day(rng)
        fact = sourced("chart_fact", f"Condition/c{n}", f"{name}, {state}, confirmed, {day}", status=state, when=day)
        slots = {"name": name, "state": state, "date": shown(day, rng)}
        slots |= {"word": "left"} if "left" in name else {}
        text = rng.choice(("{name} is {state} (since {date}).", "The problem list holds {name}, {state}, dated {date}."))
        yield Case(text.format(**slots), "assessment", (fact,), MappingProxyType(slots))


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


@pytest.fixture(scope="module")
def posed() -> tuple[Posed, ...]:
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


Mutated = Claim | tuple[Claim, dict[str, Evidence]] | None
Mutation = Callable[[Posed, random.Random], Mutated]


def reworded(posed: Posed, slot: str, new: str) -> Claim:
    old = posed.case.slots[slot]
    at = posed.claim.text.lower().index(old.lower())
    return posed.claim.model_copy(update={"text": posed.claim.text[:at] + new + posed.claim.text[at + len(old) :]})


def swap_digit(posed: Posed, rng: random.Random) -> Mutated:
    value = posed.case.slots.get("value")
    if value is None:
        return None
    at = rng.choice([n for n, letter in enumerate(value) if letter.isdigit()])
    changed = value[:at] + rng.choice([d for d in "0123456789" if d != value[at]]) + value[at + 1 :]
    return reworded(posed, "value", changed)


def swap_neighbours(posed: Posed, rng: random.Random) -> Mutated:
    value = posed.case.slots.get("value", "")
    pairs = [n for n in range(len(value) - 1) if value[n : n + 2].isdigit() and value[n] != value[n + 1]]
    if not pairs:
        return None
    at = rng.choice(pairs)
    return reworded(posed, "value", value[:at] + value[at + 1] + value[at] + value[at + 2 :])


def scale(posed: Posed, rng: random.Random) -> Mutated:
    value = posed.case.slots.get("value")
    return None if value is None else reworded(posed, "value", f"{Decimal(value).scaleb(rng.choice((-1, 1))):f}")


def other_unit(posed: Posed, rng: random.Random) -> Mutated:
    unit = posed.case.slots.get("unit")
    if unit is None:
        return None
    others = ("mg/dL", "mmol/L", "µmol/L", "g/L", "g/dL", "mg", "ug", "g", "%", "ng/L", "mL/min", "10*9/L", "IU/L")
    return reworded(posed, "unit", rng.choice([other for other in others if canonical(other) != canonical(unit)]))


def other_date(posed: Posed, rng: random.Random) -> Mutated:
    date = posed.case.slots.get("date")
    if date is None:
        return None
    written = date.split("-") if "-" in date else None
    if written:
        at = rng.randrange(3)
        changed = str(int(written[at]) + 1).zfill(len(written[at])) if at != 1 else f"{int(written[1]) % 12 + 1:02d}"
        return reworded(posed, "date", "-".join([*written[:at], changed, *written[at + 1 :]]))
    day, month, year = date.split()
    return reworded(
        posed,
        "date",
        rng.choice(
            (
                f"{int(day) % 28 + 1} {month} {year}",
                f"{day} {month} {int(year) - 1}",
                "today",
                f"{day} {'Jan' if month != 'Jan' else 'Feb'} {year}",
            )
        ),
    )


def other_patient(posed: Posed, rng: random.Random) -> Mutated:
    own = [identifier for identifier in posed.claim.evidence if posed.pool[identifier].patient]
    identifier = rng.choice(own)
    return posed.claim, posed.pool | {identifier: posed.pool[identifier].model_copy(update={"patient": "Patient/p11"})}


def other_status_of_the_fact(posed: Posed, rng: random.Random) -> Mutated:
    if posed.case.slots.get("state") != "active":
        return None
    identifier = posed.claim.evidence[0]
    fact = posed.pool[identifier]
    now = rng.choice(
        ("entered-in-error", "resolved", "inactive")
        if fact.reference.startswith("Condition")
        else ("entered-in-error", "stopped", "cancelled", "on-hold")
    )
    return posed.claim, posed.pool | {identifier: fact.model_copy(update={"status": now, "text": fact.text.replace("active", now)})}


def other_status_in_the_claim(posed: Posed, rng: random.Random) -> Mutated:
    state = posed.case.slots.get("state")
    if state is None:
        return None
    words = [word for word in ("active", "stopped", "resolved", "on hold") if word != state]
    return reworded(posed, "state", rng.choice(words))


def withdrawn(posed: Posed, rng: random.Random) -> Mutated:
    identifier = posed.claim.evidence[0]
    return posed.claim, posed.pool | {identifier: posed.pool[identifier].model_copy(update={"status": "entered-in-error"})}


def negated(posed: Posed, rng: random.Random) -> Mutated:
    """Denies what is stated, in the words alone or in the words and the field."""
    text = posed.claim.text
    if "denial" in posed.case.slots:
        changed = text.replace("no ", "a ", 1) if "no " in text else text.replace("No ", "A ", 1)
    elif posed.case.finding:
        changed = rng.choice(
            (
                f"There is no {FINDING[posed.case.finding].display}.",
                f"{FINDING[posed.case.finding].display} is not seen.",
                f"No {posed.case.side or ''} {FINDING[posed.case.finding].display}.",
            )
        )
    elif "state" in posed.case.slots and posed.case.kind == "assessment":
        changed = text.replace(" is ", " is not ", 1) if " is " in text else text.replace("holds", "holds no", 1)
    else:
        return None
    flipped = "absent" if posed.claim.polarity == "present" else "present"
    fields: dict[str, Any] = {"text": changed} | ({"polarity": flipped} if rng.random() < 0.5 else {})
    return posed.claim.model_copy(update=fields)


def other_side(posed: Posed, rng: random.Random) -> Mutated:
    slot = "side" if "side" in posed.case.slots else "word" if "word" in posed.case.slots else None
    if slot is None:
        return None
    side = rng.choice([side for side in ("left", "right", "bilateral") if side != posed.case.slots[slot]])
    changed = reworded(posed, slot, side)
    return changed.model_copy(update={"side": side}) if slot == "side" and rng.random() < 0.5 else changed


def other_side_in_the_field(posed: Posed, rng: random.Random) -> Mutated:
    if posed.case.side is None:
        return None
    return posed.claim.model_copy(update={"side": "left" if posed.case.side == "right" else "right"})


def unknown_citation(posed: Posed, rng: random.Random) -> Mutated:
    made_up = rng.choice((f"E{len(posed.pool) + rng.randint(1, 900)}", "E0", "Observation/_summary=count?", "e1", "E1 or 2"))
    return posed.claim.model_copy(update={"evidence": (*posed.claim.evidence[1:], made_up)})


def no_citation(posed: Posed, rng: random.Random) -> Mutated:
    return posed.claim.model_copy(update={"evidence": ()})


def other_citation(posed: Posed, rng: random.Random) -> Mutated:
    """Another item of the same run and patient, that says something else."""
    own = posed.pool[posed.claim.evidence[0]]
    words = {posed.case.slots.get(name, "") for name in ("value", "date")}
    others = [
        e
        for e in posed.pool.values()
        if (e.kind == own.kind and e.text != own.text and e.finding != own.finding)
        or (e.kind == "chart_fact" and own.kind == "chart_fact" and e.text != own.text)
    ]
    others = [e for e in others if not all(word in e.text for word in words if word)] if any(words) else others
    picked = rng.choice([e for e in others if e.finding != own.finding or e.finding is None])
    return posed.claim.model_copy(update={"evidence": (picked.id, *posed.claim.evidence[1:])})


def invented_drug(posed: Posed, rng: random.Random) -> Mutated:
    strange = rng.choice(
        (
            "Rivaroxaban",
            "Simvastatin",
            "Ramipril",
            "Vancomycin",
            "Ciprofloxacin",
            "Aspirin",
            "Insulin glargine",
            "Dapagliflozin",
            "Enoxaparin",
        )
    )
    if "drug" in posed.case.slots and rng.random() < 0.5:
        return reworded(posed, "drug", strange)
    text = posed.claim.text.rstrip(".")
    return posed.claim.model_copy(
        update={"text": rng.choice((f"{text}, with {strange}.", f"{text}; {strange} is taken as well.", f"{strange} is active. {text}."))}
    )


def other_name(posed: Posed, rng: random.Random) -> Mutated:
    name = posed.case.slots.get("name")
    if name is None:
        return None
    if posed.case.own[0].reference.startswith("Observation/o"):
        others: tuple[str, ...] = tuple(lab[0] for lab in LABS)
    elif "drug" in posed.case.slots:
        others = tuple(drug for drug, _ in DRUGS)
    else:
        others = PROBLEMS
    return reworded(posed, "name", rng.choice([other for other in others if other != name]))


def other_finding(posed: Posed, rng: random.Random) -> Mutated:
    if posed.case.finding is None or FINDING[posed.case.finding].display not in posed.claim.text:
        return None
    if "lungs are clear" in posed.case.own[0].text:
        return None  # rules out several findings at once
    other = rng.choice([f for f in FINDINGS if f.key not in (posed.case.finding, "tension_pneumothorax", "pneumothorax")])
    changed = posed.claim.text.replace(FINDING[posed.case.finding].display, other.display)
    return posed.claim.model_copy(update={"text": changed} | ({"finding": other.key} if rng.random() < 0.5 else {}))


def a_link(posed: Posed, rng: random.Random) -> Mutated:
    link = rng.choice(
        ("https://collect.example/p", "see www.evil.example", "![x](http://a.b/c)", "<img src=x>", "[report](javascript:alert(1))")
    )
    return posed.claim.model_copy(update={"text": f"{posed.claim.text} {link}"})


def similar_case_instead(posed: Posed, rng: random.Random) -> Mutated:
    changed = {}
    for identifier in posed.claim.evidence:
        changed[identifier] = posed.pool[identifier].model_copy(update={"kind": "similar_case", "patient": None})
    return posed.claim, posed.pool | changed


MUTATIONS: tuple[Mutation, ...] = (
    swap_digit,
    swap_neighbours,
    scale,
    other_unit,
    other_date,
    other_patient,
    other_status_of_the_fact,
    other_status_in_the_claim,
    withdrawn,
    negated,
    other_side,
    other_side_in_the_field,
    unknown_citation,
    no_citation,
    other_citation,
    invented_drug,
    other_name,
    other_finding,
    a_link,
    similar_case_instead,
)


def outcome_of(posed: Posed, mutated: Mutated) -> str:
    claim, pool = mutated if isinstance(mutated, tuple) else (mutated, posed.pool)
    assert claim is not None
    return ground(claim, pool, patient=PATIENT).outcome


@pytest.mark.fault(64)
def test_claims_that_are_right_are_kept(posed: tuple[Posed, ...]) -> None:
    verdicts = [ground(one.claim, one.pool, patient=PATIENT) for one in posed]
    dropped = [
        (one.claim.text, [f"{c.name}: {c.detail}" for c in v.checks if c.outcome != "supported"])
        for one, v in zip(posed, verdicts, strict=True)
        if v.outcome != "supported"
    ]
    print(f"\n{len(posed)} supported claims, {len(dropped)} dropped: {len(dropped) / len(posed):.2%}")
    assert len(posed) >= 200
    assert len(dropped) <= 0.02 * len(posed), dropped[:10]


@pytest.mark.fault(63)
@pytest.mark.fault(64)
@pytest.mark.fault(70)
def test_claims_with_one_thing_made_wrong_are_caught(posed: tuple[Posed, ...]) -> None:
    rng = random.Random(7)
    tried, caught, missed = Counter[str](), Counter[str](), []
    for mutation in MUTATIONS:
        for one in posed:
            mutated = mutation(one, rng)
            if mutated is None or mutated == one.claim:
                continue
            tried[mutation.__name__] += 1
            if outcome_of(one, mutated) != "supported":
                caught[mutation.__name__] += 1
            else:
                missed.append((mutation.__name__, one.claim.text, mutated[0].text if isinstance(mutated, tuple) else mutated.text))
    print()
    for name, count in tried.items():
        print(f"{name:28} {caught[name]:4} of {count:4} caught, {caught[name] / count:.2%}")
    rate = caught.total() / tried.total()
    print(f"{'all':28} {caught.total():4} of {tried.total():4} caught, {rate:.2%}")
    assert min(tried.values()) >= 20, tried
    assert all(caught[name] >= 0.99 * count for name, count in tried.items()), missed[:20]
    assert rate >= 0.99


def test_a_claim_is_weighed_in_under_two_milliseconds(posed: tuple[Posed, ...]) -> None:
    rng = random.Random(3)
    fresh = [
        replace(one, claim=one.claim.model_copy(update={"text": one.claim.text.replace(".", f" again{rng.random():.0f}.", 1)}))
        for one in posed
    ]
    best = min(_seconds(fresh) for _ in range(3))
    print(f"\n{best * 1000:.3f} ms a claim")
    assert best < 0.002


def _seconds(posed: list[Posed]) -> float:
    start = time.process_time()
    for one in posed:
        ground(one.claim, one.pool, patient=PATIENT)
    return (time.process_time() - start) / len(posed)

"""What can be worked out from the chart with a published equation or a calendar, and nothing else.

CKD-EPI 2021 creatinine equation, without a race term: Inker LA, Eneanya ND, Coresh J, et al. New creatinine- and cystatin
C-based equations to estimate GFR without race. N Engl J Med 2021;385:1737-1749:

    eGFR = 142 * min(Scr/k, 1)**a * max(Scr/k, 1)**-1.200 * 0.9938**age * (1.012 if female)
    k = 0.7 (female), 0.9 (male); a = -0.241 (female), -0.302 (male); Scr in mg/dL, age in years, adults.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Literal

from fhir.chart import Chart, Fact
from fhir.time import When, parse_when
from fhir.views import age_at, quantity, when
from policies.evidence import Measured, Sourced
from tools.errors import InputRefused
from tools.labs import ANALYTES, series
from tools.quotes import as_written, text_at

EGFR_UNIT = "mL/min/{1.73_m2}"
_MG_DL = {"mg/dl": Decimal(1), "umol/l": Decimal("88.4"), "µmol/l": Decimal("88.4"), "μmol/l": Decimal("88.4")}
"""Creatinine units and how many of each make one mg/dL (molar mass 113.12 g/mol)."""
_PLAUSIBLE = (Decimal("0.1"), Decimal(25))
"""mg/dL. Outside it the unit or the value is wrong, and nothing is worked out from it."""
_ANALYTE = {analyte.value_set: analyte for analyte in ANALYTES}


def look_up(chart: Chart, patient: str, as_of: datetime) -> tuple[Sourced, ...]:
    """The patient's age, and an eGFR worked out from the latest creatinine where no eGFR was reported with or after it."""
    items = (age(chart, patient, as_of), estimated_gfr(chart, patient, as_of))
    return tuple(item for item in items if item is not None)


def ckd_epi_2021(creatinine: Decimal, age_years: int, sex: Literal["female", "male"]) -> int:
    """Estimated GFR, mL/min/1.73 m2, rounded to a whole number as laboratories report it. `creatinine` in mg/dL.

    Raises:
        InputRefused: not an adult, or a creatinine no person has.

    >>> ckd_epi_2021(Decimal("1.0"), 50, "male")
    92
    """
    if age_years < 18 or not _PLAUSIBLE[0] <= creatinine <= _PLAUSIBLE[1]:
        message = "CKD-EPI 2021 holds for adults and a plausible creatinine in mg/dL"
        raise InputRefused(message)
    female = sex == "female"
    ratio = float(creatinine) / (0.7 if female else 0.9)
    alpha = -0.241 if female else -0.302
    value = 142 * min(ratio, 1.0) ** alpha * max(ratio, 1.0) ** -1.200 * 0.9938**age_years
    rounded: int = round(value * (1.012 if female else 1.0))
    return rounded


def estimated_gfr(chart: Chart, patient: str, as_of: datetime) -> Sourced | None:
    """EGFR from the latest creatinine, or None: a measured one is as recent, or age, sex, unit or value do not allow it."""
    found = next(iter(series(chart, _ANALYTE["creatinine"], as_of)), None)
    taken = None if found is None else when(found)
    if found is None or taken is None or _reported_since(chart, taken, as_of):
        return None
    creatinine, years, sex = _mg_dl(found), age_at(chart, taken.latest), _sex(chart)
    if creatinine is None or years is None or years < 18 or sex is None:
        return None
    value = ckd_epi_2021(creatinine, years, sex)
    written = quantity(found)
    entered = "" if written is None else f"{written.text} {written.unit}"
    text = (
        f"Calculated eGFR {value} {EGFR_UNIT} (CKD-EPI 2021, no race term) "
        f"from creatinine {entered} of {taken.text[:10]}, age {years}, {sex}"
    )
    item = _calculation("ckd-epi-2021", text, patient, (chart.patient, found))
    return item.model_copy(update={"quantity": Measured(value=str(value), unit=EGFR_UNIT), "when": taken.text})


def age(chart: Chart, patient: str, as_of: datetime) -> Sourced | None:
    """Age in completed years on `as_of`; None when the birth date does not tell."""
    years = age_at(chart, as_of)
    if years is None:
        return None
    item = _calculation("age", f"Age {years} years on {as_of.date().isoformat()}", patient, (chart.patient,))
    return item.model_copy(update={"quantity": Measured(value=str(years), unit="a"), "when": as_of.date().isoformat()})


def days_between(earlier: Sourced, later: Sourced) -> Sourced | None:
    """Days from one item's date to another's, as evidence; None when either has no date to the day, or they are reversed."""
    first, last = _day(earlier), _day(later)
    if first is None or last is None or last < first or earlier.patient != later.patient:
        return None
    days = (last.date() - first.date()).days
    text = f"{days} days from {first.date().isoformat()} to {last.date().isoformat()}"
    digest = hashlib.sha256(f"days\n{earlier.reference} {earlier.sha256}\n{later.reference} {later.sha256}".encode()).hexdigest()
    return Sourced(
        kind="calculation",
        reference="calculation:days-between",
        text=text,
        sha256=digest,
        patient=earlier.patient,
        quantity=Measured(value=str(days), unit="d"),
        based_on=(earlier.reference, later.reference),
    )


def _calculation(name: str, text: str, patient: str, facts: tuple[Fact, ...]) -> Sourced:
    inputs = "\n".join(f"{fact.reference} {fact.sha256}" for fact in facts)
    return Sourced(
        kind="calculation",
        reference=f"calculation:{name}",
        text=text,
        sha256=hashlib.sha256(f"{name}\n{inputs}\n{text}".encode()).hexdigest(),
        patient=patient,
        based_on=tuple(fact.reference for fact in facts),
    )


def _reported_since(chart: Chart, taken: When, as_of: datetime) -> bool:
    """Whether a measured eGFR stands in the chart that is not older than the creatinine by more than its date's precision."""
    reported = (when(fact) for fact in series(chart, _ANALYTE["egfr"], as_of) if quantity(fact) is not None)
    return any(moment is not None and moment.latest >= taken.earliest for moment in reported)


def _mg_dl(fact: Fact) -> Decimal | None:
    written = quantity(fact)
    if written is None or written.comparator is not None:
        return None
    per = next((_MG_DL[unit.lower()] for unit in (written.code, written.unit) if unit and unit.lower() in _MG_DL), None)
    if per is None:
        return None
    value = written.value / per
    return value if _PLAUSIBLE[0] <= value <= _PLAUSIBLE[1] else None


def _sex(chart: Chart) -> Literal["female", "male"] | None:
    """Administrative gender stands in for the sex parameter of the equation; anything but these two gives no result."""
    gender = text_at(as_written(chart.patient), "gender")
    return "female" if gender == "female" else "male" if gender == "male" else None


def _day(item: Sourced) -> datetime | None:
    moment = parse_when(item.when) if item.when else None
    if moment is None or len(moment.text) < 10:
        return None
    return datetime.fromisoformat(moment.text[:10])

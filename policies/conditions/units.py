"""Units as laboratories write them, and the few conversions rules need. A unit not in this table is not guessed.

Source: UCUM (unitsofmeasure.org); the spellings are the ones seen in public FHIR records. `mL/min` is deliberately not
taken for `mL/min/{1.73_m2}`: it may be an absolute clearance.
"""

from __future__ import annotations

from decimal import Decimal

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "mL/min/{1.73_m2}": ("ml/min/{1.73_m2}", "ml/min/1.73m2", "ml/min/1.73 m2", "ml/min/1.73m^2", "ml/min/1.73 m^2", "ml/min/1.73m²",
                         "ml/min/1.73 m²", "ml/min/1.73_m2", "ml/min/{1.73m2}", "ml/min/{1.73}m2", "ml/min/1.73 sq m", "ml/min/1.73sq m",
                         "ml/min per 1.73 m2", "ml/min/{1.73 m2}"),
    "mL/s/{1.73_m2}": ("ml/s/{1.73_m2}", "ml/s/1.73m2", "ml/s/1.73 m2", "ml/s/1.73m²"),
    "1": ("1", "{inr}", "inr", "{ratio}", "ratio", ""),
    "10*3/uL": ("10*3/ul", "10^3/ul", "x10^3/ul", "x10*3/ul", "10*3/mm3", "k/ul", "thou/ul", "10e3/ul"),
    "10*9/L": ("10*9/l", "10^9/l", "x10^9/l", "x10*9/l", "x 10^9/l", "x10e9/l", "10e9/l"),
    "/uL": ("/ul", "{cells}/ul", "cells/ul", "/mm3", "/cumm"),
    "mg/dL": ("mg/dl",),
    "umol/L": ("umol/l", "micromol/l"),
    "mmol/L": ("mmol/l",),
    "mg/L": ("mg/l",),
    "g/dL": ("g/dl",),
    "g/L": ("g/l",),
    "ng/mL": ("ng/ml", "ug/l"),
    "ng/L": ("ng/l", "pg/ml"),
    "%": ("%", "percent"),
    "Cel": ("cel", "°c", "degc", "c"),
    "/min": ("/min", "{beats}/min", "{breaths}/min", "beats/min", "breaths/min", "bpm"),
    "mm[Hg]": ("mm[hg]", "mmhg"),
}  # fmt: skip
_UNIT: dict[str, str] = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}

_FACTORS: dict[tuple[str, str], Decimal] = {
    ("mL/s/{1.73_m2}", "mL/min/{1.73_m2}"): Decimal(60),
    ("10*9/L", "10*3/uL"): Decimal(1),
    ("10*3/uL", "10*9/L"): Decimal(1),
    ("/uL", "10*3/uL"): Decimal("0.001"),
    ("/uL", "10*9/L"): Decimal("0.001"),
    ("mg/L", "mg/dL"): Decimal("0.1"),
    ("mg/dL", "mg/L"): Decimal(10),
    ("g/L", "g/dL"): Decimal("0.1"),
    ("g/dL", "g/L"): Decimal(10),
    ("ng/mL", "ng/L"): Decimal(1000),
    ("ng/L", "ng/mL"): Decimal("0.001"),
}
_CREATININE_UMOL_PER_MG_DL = Decimal("88.42")
"""Creatinine, molar mass 113.12 g/mol: 1 mg/dL is 88.4 umol/L. By substance, so it is kept apart from the table above."""


def unit_named(*texts: str | None) -> str | None:
    """The unit of the table that a coded or written unit means; the first text decides. None when it is not known.

    >>> unit_named(None, "mL/min/1.73 m2")
    'mL/min/{1.73_m2}'
    >>> unit_named("furlong") is None
    True
    """
    given = next((text for text in texts if text is not None), "")
    # Case folding turns the micro sign (U+00B5) into the Greek mu (U+03BC); the table writes both as `u`.
    return _UNIT.get(" ".join(given.casefold().replace("\N{GREEK SMALL LETTER MU}", "u").split()))


def unit_agreed(code: str | None, written: str | None) -> str | None:
    """The unit a code and a written unit mean together; None when neither is known, or when both are and a value would differ.

    >>> unit_agreed("10*9/L", "10*3/uL")
    '10*9/L'
    >>> unit_agreed("mg/dL", "mmol/L") is None
    True
    """
    unit, other = unit_named(code, written), unit_named(written)
    if unit is None or written is None or other is None or unit == other:
        return unit
    return unit if _FACTORS.get((other, unit)) == 1 else None


def known(unit: str) -> bool:
    """Whether a rule may name `unit`: the table's own spelling, exactly."""
    return unit in _SPELLINGS


def factor(source: str, target: str, substance: str) -> Decimal | None:
    """What to multiply a value in `source` by to have it in `target`; None when there is no such conversion.

    >>> factor("10*9/L", "10*3/uL", "platelets")
    Decimal('1')
    >>> factor("mg/dL", "mmol/L", "potassium") is None
    True
    """
    if source == target:
        return Decimal(1)
    if substance == "creatinine" and (source, target) == ("mg/dL", "umol/L"):
        return _CREATININE_UMOL_PER_MG_DL
    if substance == "creatinine" and (source, target) == ("umol/L", "mg/dL"):
        return 1 / _CREATININE_UMOL_PER_MG_DL
    return _FACTORS.get((source, target))

"""Units as laboratories write them, and the conversions that are common; `fhir.units` knows the others. None is guessed.

Source: UCUM (unitsofmeasure.org); the spellings are the ones seen in public FHIR records. `mL/min` is deliberately not
taken for `mL/min/{1.73_m2}`: it may be an absolute clearance. What is not in these tables and is no UCUM code is unknown.
"""

from __future__ import annotations

from fractions import Fraction

from fhir.substances import SUBSTANCES
from fhir.units import SAME, Conversion, NoConversion
from fhir.units import conversion as by_ucum

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

_FACTORS: dict[tuple[str, str], Fraction] = {
    ("mL/s/{1.73_m2}", "mL/min/{1.73_m2}"): Fraction(60),
    ("10*9/L", "10*3/uL"): Fraction(1),
    ("10*3/uL", "10*9/L"): Fraction(1),
    ("/uL", "10*3/uL"): Fraction(1, 1000),
    ("/uL", "10*9/L"): Fraction(1, 1000),
    ("mg/L", "mg/dL"): Fraction(1, 10),
    ("mg/dL", "mg/L"): Fraction(10),
    ("g/L", "g/dL"): Fraction(1, 10),
    ("g/dL", "g/L"): Fraction(10),
    ("ng/mL", "ng/L"): Fraction(1000),
    ("ng/L", "ng/mL"): Fraction(1, 1000),
}
"""What needs no library, which takes most of a second to load; each is what `fhir.units` says too."""
_AMOUNTS: dict[tuple[str, str], int] = {("mg/dL", "umol/L"): 10_000, ("mg/dL", "mmol/L"): 10, ("mg/L", "umol/L"): 1000}
"""From a mass to an amount, of a substance of 1 g/mol."""


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


def unit_agreed(code: str | None, written: str | None, *, ucum: bool = False) -> str | None:
    """The unit a code and a written unit mean together; None when neither is known, or when both are and a value would differ.

    `ucum` says that the code is of UCUM's system: then one that is not in the table stands for itself.

    >>> unit_agreed("10*9/L", "10*3/uL")
    '10*9/L'
    >>> unit_agreed("mg/dL", "mmol/L") is None
    True
    >>> unit_agreed("pg/dL", None, ucum=True)
    'pg/dL'
    """
    unit, other = unit_named(code, written), unit_named(written)
    if unit is None and ucum:
        unit = code
    if unit is None or written is None or other is None or unit == other:
        return unit
    return unit if conversion(other, unit) == SAME else None


def known(unit: str) -> bool:
    """Whether a rule may name `unit`: the table's own spelling, exactly."""
    return unit in _SPELLINGS


def conversion(source: str, target: str, substance: str | None = None) -> Conversion | NoConversion:
    """How to convert a value from one unit to another, between mass and amount for the named substance alone.

    >>> conversion("10*9/L", "10*3/uL", "platelets") == SAME
    True
    >>> conversion("mg/dL", "mmol/L", "troponin").reason
    'another kind of quantity'
    """
    if source == target:
        return SAME
    factor = _FACTORS.get((source, target)) or _by_substance(source, target, substance)
    return Conversion(factor) if factor is not None else by_ucum(source, target, substance)


def _by_substance(source: str, target: str, substance: str | None) -> Fraction | None:
    known_one = SUBSTANCES.get(substance or "")
    if known_one is None:
        return None
    molar = Fraction(known_one.molar_mass)
    there, back = _AMOUNTS.get((source, target)), _AMOUNTS.get((target, source))
    return there / molar if there is not None else molar / back if back is not None else None

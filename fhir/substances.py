"""Substances that laboratories report both by mass and by amount, with their molar masses.

Molar masses are sums of IUPAC's abridged standard atomic weights (2021) over the formula given. Left out on purpose: mixtures
(triglycerides, albumin), and haemoglobin, whose mmol/L is of the monomer in some countries and of the tetramer in others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

ATOMIC_WEIGHTS: Mapping[str, Decimal] = MappingProxyType(
    {element: Decimal(weight) for element, weight in {
        "H": "1.008", "C": "12.011", "N": "14.007", "O": "15.999", "Na": "22.990", "Mg": "24.305", "P": "30.974", "Cl": "35.45",
        "K": "39.098", "Ca": "40.078", "I": "126.90",
    }.items()}
)  # fmt: skip
_PART = re.compile(r"([A-Z][a-z]?)(\d*)")


@dataclass(frozen=True, slots=True)
class Substance:
    """A substance by its name here, which is its value set's name where there is one."""

    name: str
    formula: str
    """Of what is weighed for one mole counted: of `urea_nitrogen` the two nitrogens of one mole of urea, of phosphate its phosphorus."""
    charge: int | None = None
    """Of an ion whose milliequivalents are reported: the amount of one equivalent is a mole divided by it."""

    @property
    def molar_mass(self) -> Decimal:
        """In g/mol.

        >>> SUBSTANCES["creatinine"].molar_mass
        Decimal('113.120')
        """
        return sum((ATOMIC_WEIGHTS[element] * int(count or 1) for element, count in _PART.findall(self.formula)), Decimal(0))


_TABLE = (
    Substance("creatinine", "C4H7N3O"),
    Substance("glucose", "C6H12O6"),
    Substance("urea", "CH4N2O"),
    Substance("urea_nitrogen", "N2"),
    Substance("bilirubin", "C33H36N4O6"),
    Substance("urate", "C5H4N4O3"),
    Substance("cholesterol", "C27H46O"),
    Substance("lactate", "C3H6O3"),
    Substance("cortisol", "C21H30O5"),
    Substance("thyroxine", "C15H11I4NO4"),
    Substance("phosphate", "P"),
    Substance("calcium", "Ca", charge=2),
    Substance("magnesium", "Mg", charge=2),
    Substance("sodium", "Na", charge=1),
    Substance("potassium", "K", charge=1),
    Substance("chloride", "Cl", charge=1),
)
SUBSTANCES: Mapping[str, Substance] = MappingProxyType({substance.name: substance for substance in _TABLE})

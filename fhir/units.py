"""UCUM units: whether one converts into another, and by what factor; through ucumvert and pint, which load when first needed.

UCUM 2.2 (unitsofmeasure.org). Those two libraries take more units for equal than a laboratory may, so this module compares,
before any number is worked out:

- annotations, which ucumvert drops: `mL/min` may be an absolute clearance and is not `mL/min/{1.73_m2}`;
- arbitrary units (UCUM 24), which it takes for the number one: `[iU]/L` is not `/L`;
- per cent and its kin, equivalents and osmoles: haemoglobin A1c of 48 `mmol/mol` is not 4.8 `%`, and 5 `meq/L` calcium is not 5 `mmol/L`;
- dimensions before they cancel: `mg/g` is not `mmol/mol`, and `L/min/m2` no speed.

Mass and amount of substance convert for a named substance alone. Whatever cannot be told is a reason, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from fhir.substances import SUBSTANCES, Substance

if TYPE_CHECKING:
    from ucumvert import PintUcumRegistry

_LONGEST, _MOST = 48, 30
"""Characters of a code, and the highest power in one: a code is not trusted more than other text."""
_OFFSET = frozenset({"Cel", "[degF]"})
_OWN = frozenset({"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]", "eq", "osm", "[HPF]"})
"""Units with a dimension of their own: they mean a kind of ratio or of counting that another unit of the same number does not."""
_ONE_NAME = {"[IU]": "[iU]"}
MISREAD = frozenset(
    {"'", "''", "Mx", "G", "Oe", "Gb", "[cft_i]", "[cyd_i]", "[rd_br]", "[ch_br]", "[lk_br]", "[didot]", "[cicero]", "cal_[15]", "[Cal]",
     "[Btu]", "[in_i'H2O]", "[in_i'Hg]", "g%", "[LPF]"}
)  # fmt: skip
"""Units that ucumvert 0.3.2 gives another size or dimension than the UCUM table it carries: its `[Cal]` is a thousandth of UCUM's."""
SPECIAL = frozenset(
    {"[degRe]", "[p'diop]", "%[slope]", "[hp'_X]", "[hp'_C]", "[hp'_M]", "[hp'_Q]", "[pH]", "Np", "B", "B[SPL]", "B[V]", "B[mV]", "B[uV]",
     "B[10.nV]", "B[W]", "B[kW]", "[m/s2/Hz^(1/2)]", "bit_s"}
)  # fmt: skip
"""Logarithms and other functions (UCUM 21): no factor holds between them and anything else."""
_REFUSED = MISREAD | SPECIAL
_MASS, _AMOUNT, _EQUIVALENT = (frozenset({(name, 1)}) for name in ("[mass]", "[substance]", "eq"))

Reason = Literal["unit unknown", "another annotation", "another kind of quantity"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """A value in one unit times `times` plus `plus` is the value in the other. Exact as far as the definitions are."""

    times: Fraction
    plus: Fraction = Fraction(0)

    def of(self, value: Decimal) -> Decimal:
        """A finite value converted: exact where it ends within 34 digits, else rounded to them."""
        exact = Fraction(value) * self.times + self.plus
        with localcontext(prec=34):
            return Decimal(exact.numerator) / Decimal(exact.denominator)


@dataclass(frozen=True, slots=True)
class NoConversion:
    """Why there is none: a rule that meets it cannot tell."""

    reason: Reason


SAME = Conversion(Fraction(1))


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a code means in the base units of its dimensions, and what must be equal for a conversion."""

    scale: Fraction
    """How many base units (kg, m, s, mol, K …) one is."""
    zero: Fraction
    """Where its zero lies: 273.15 K for degrees Celsius, 0 for all but temperatures."""
    own: frozenset[tuple[str, int]]
    """Units with a dimension of their own, with their powers."""
    above: frozenset[tuple[str, int]]
    """Base dimensions of what is multiplied, before any cancels."""
    below: frozenset[tuple[str, int]]
    """Base dimensions of what is divided by."""


def conversion(source: str, target: str, substance: str | None = None) -> Conversion | NoConversion:
    """How to convert from one UCUM code (case sensitive) to another, for `substance` between mass and amount too.

    >>> conversion("mL/s", "mL/min")
    Conversion(times=Fraction(60, 1), plus=Fraction(0, 1))
    >>> conversion("mL/min", "mL/min/{1.73_m2}").reason
    'another annotation'
    >>> conversion("mg/dL", "mmol/L", "glucose").of(Decimal(90)).quantize(Decimal("0.01"))
    Decimal('5.00')
    """
    if source == target:
        return SAME
    if annotated(source) != annotated(target):
        return NoConversion("another annotation")
    return _converted(source, target, substance)


def annotated(code: str) -> tuple[tuple[str, bool], ...]:
    """The annotations of a code, sorted, each with whether it directly follows a `/`.

    >>> annotated("mL/min/{1.73_m2}")
    (('1.73_m2', True),)
    """
    parts = code.split("{")
    return tuple(sorted((part.partition("}")[0], before.endswith("/")) for before, part in pairwise(parts)))


@lru_cache(maxsize=4096)
def _converted(source: str, target: str, substance: str | None) -> Conversion | NoConversion:
    one, other = _read(source), _read(target)
    if one is None or other is None:
        return NoConversion("unit unknown")
    if one.own == other.own and (one.above, one.below) == (other.above, other.below):
        return Conversion(one.scale / other.scale, (one.zero - other.zero) / other.scale)
    return _of_substance(one, other, SUBSTANCES.get(substance or ""))


def _of_substance(one: _Unit, other: _Unit, substance: Substance | None) -> Conversion | NoConversion:
    """Between mass, amount and equivalents of a substance, where nothing else differs."""
    if substance is not None and one.below == other.below:
        amounts = [_amount(unit, substance) for unit in (one, other)]
        if amounts[0] is not None and amounts[1] is not None:
            return Conversion(amounts[0] / amounts[1])
    return NoConversion("another kind of quantity")


def _amount(unit: _Unit, substance: Substance) -> Fraction | None:
    """How many moles the unit is of the substance: a mass through the molar mass, equivalents through the charge."""
    if unit.above == _AMOUNT and not unit.own:
        return unit.scale
    if unit.above == _MASS and not unit.own:
        return unit.scale * 1000 / Fraction(substance.molar_mass)
    if not unit.above and unit.own == _EQUIVALENT and substance.charge is not None:
        return unit.scale / substance.charge
    return None


@lru_cache(maxsize=1)
def _registry() -> PintUcumRegistry:
    """Half a second, once, for a process that meets a unit the tables do not hold."""
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry(non_int_type=Decimal)


@lru_cache(maxsize=1)
def _parser() -> Callable[[str], Any]:
    from ucumvert import get_ucum_parser
    from ucumvert.parser import parse_ucum

    return partial(parse_ucum, parser=get_ucum_parser())


@lru_cache(maxsize=1)
def _transformer() -> Callable[[Any], Any]:
    """Bound to our registry: the one that a PintUcumRegistry brings works in pint's global registry, in floats."""
    from ucumvert import UcumToPintTransformer

    transform: Callable[[Any], Any] = UcumToPintTransformer(_registry()).transform
    return transform


@lru_cache(maxsize=4096)
def _read(code: str) -> _Unit | None:
    """What a code means; None when it is no UCUM code, or holds a unit that cannot be converted."""
    from lark.exceptions import LarkError
    from pint import PintError

    if not 0 < len(code) <= _LONGEST or not code.isascii():
        return None
    try:
        return _unit(list(_atoms(_parser()(code), 1)))
    except (LarkError, PintError, ArithmeticError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Atom:
    """One unit of a code with its prefix, or one number, to a power."""

    prefix: str
    name: str
    power: int
    number: int | None = None


def _atoms(node: Any, power: int) -> Iterator[_Atom]:
    """The atoms of a parsed code (rules of the UCUM grammar in ucumvert)."""
    if not hasattr(node, "data"):  # an annotation: compared apart
        return
    children = list(node.children)
    match str(node.data):
        case "simple_unit" if children[0].type == "FACTOR":
            yield _Atom("", "", power, int(children[0]))
        case "simple_unit":
            yield _Atom("".join(map(str, children[:-1])), str(children[-1]), power)
        case "annotatable" if len(children) == 2:
            yield from _atoms(children[0], power * int(children[1]))
        case "main_term" if len(children) == 2:
            yield from _atoms(children[1], -power)
        case "term" if len(children) == 3:
            yield from _atoms(children[0], power)
            yield from _atoms(children[2], -power if children[1] == "/" else power)
        case _:
            yield from _atoms(children[0], power)


def _unit(atoms: list[_Atom]) -> _Unit | None:
    names = {atom.name for atom in atoms}
    if names & _REFUSED or any(abs(atom.power) > _MOST for atom in atoms):
        return None
    offset = bool(names & _OFFSET)
    if offset and atoms != [_Atom("", atoms[0].name, 1)]:
        return None
    own, above, below = Counter[str](), Counter[str](), Counter[str]()
    for atom in atoms:
        if _is_own(atom):
            own[_ONE_NAME.get(atom.name, atom.name)] += atom.power
        elif atom.number is None:
            for name, power in _pint_unit(atom).dimensionality.items():
                (above if power * atom.power > 0 else below)[name] += abs(int(power) * atom.power)
    zero = _kelvin(0, _pint_unit(atoms[0])) if offset else Fraction(0)
    scale = prod((_scale(atom) ** atom.power for atom in atoms), start=Fraction(1))
    return _Unit(scale, zero, *(frozenset(item for item in part.items() if item[1]) for part in (own, above, below)))


def _scale(atom: _Atom) -> Fraction:
    """How many base units one of the unit is, as the fraction it is: by the direction that ends, 3600 and not 0.000277…8."""
    if atom.number is not None:
        return Fraction(atom.number)
    unit = _pint_unit(atom)
    if atom.name in _OFFSET:
        return (_kelvin(100, unit) - _kelvin(0, unit)) / 100
    base = _registry().Quantity(Decimal(1), unit).to_base_units()
    there, back = Fraction(base.magnitude), Fraction(_registry().Quantity(Decimal(1), base.units).to(unit).magnitude)
    return there if len(str(there.denominator)) <= len(str(back.denominator)) else 1 / back


def _kelvin(value: int, unit: Any) -> Fraction:
    """A temperature in kelvin."""
    return Fraction(_registry().Quantity(Decimal(value), unit).to("kelvin").magnitude).limit_denominator(10**6)


@lru_cache(maxsize=1024)
def _pint_unit(atom: _Atom) -> Any:
    return _transformer()(_parser()(atom.prefix + atom.name)).units


def _is_own(atom: _Atom) -> bool:
    return atom.name in _OWN or atom.name in _arbitrary()


@lru_cache(maxsize=1)
def _arbitrary() -> frozenset[str]:
    """Codes of the arbitrary units (UCUM 24): the ones that ucumvert's copy of the UCUM table marks so."""
    from ucumvert.xml_util import get_units_with_full_definition

    return frozenset(unit.code_cs for unit in get_units_with_full_definition() if unit.is_arbitrary)

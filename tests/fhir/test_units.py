"""UCUM conversions, against UCUM's own table read a second way."""

from __future__ import annotations

import doctest
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import ucumvert
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import LarkError

import fhir.units
from fhir.substances import SUBSTANCES
from fhir.units import MISREAD, SAME, SPECIAL, Conversion, NoConversion, annotated, conversion

Size = tuple[Fraction, dict[str, int]]
"""What a code comes to in UCUM's base units: a factor and their powers."""
_SPACE = "{http://unitsofmeasure.org/ucum-essence}"
_ALREADY_BASE = {"mol": "mol", "eq": "mol", "osm": "mol"}
"""UCUM takes a mole for a number; pint and this module for a dimension."""


@cache
def table() -> tuple[dict[str, Fraction], dict[str, ElementTree.Element]]:
    """Prefixes, and units with their definitions, of the UCUM table that ucumvert carries."""
    root = ElementTree.parse(Path(ucumvert.__file__).parent / "vendor" / "ucum-essence.xml").getroot()
    prefixes = {one.attrib["Code"]: Fraction(one.find(f"{_SPACE}value").attrib["value"]) for one in root.findall(f"{_SPACE}prefix")}  # type: ignore[union-attr]  # the table's own shape
    return prefixes, {one.attrib["Code"]: one for one in root.findall(f"{_SPACE}unit")}


def times(one: Size, other: Size, power: int = 1) -> Size:
    powers = {name: one[1].get(name, 0) + other[1].get(name, 0) * power for name in one[1] | other[1]}
    return one[0] * other[0] ** power, {name: count for name, count in powers.items() if count}


def size(code: str) -> Size:
    return of_tree(fhir.units._parser()(code))


def of_tree(node: Any) -> Size:
    one: Size = (Fraction(1), {})
    parts = getattr(node, "children", [])
    match str(getattr(node, "data", "annotation")):
        case "annotation":
            return one
        case "simple_unit" if parts[0].type == "FACTOR":
            return Fraction(int(parts[0])), {}
        case "simple_unit":
            found = times((table()[0][str(parts[0])] if len(parts) == 2 else Fraction(1), {}), of_unit(str(parts[-1])))
        case "annotatable" if len(parts) == 2:
            found = times(one, of_tree(parts[0]), int(parts[1]))
        case "main_term" if len(parts) == 2:
            found = times(one, of_tree(parts[1]), -1)
        case "term" if len(parts) == 3:
            found = times(of_tree(parts[0]), of_tree(parts[2]), -1 if parts[1] == "/" else 1)
        case _:
            found = of_tree(parts[0])
    return found


@cache
def of_unit(code: str) -> Size:
    definition = table()[1].get(code)
    if code in _ALREADY_BASE:
        return Fraction(1), {_ALREADY_BASE[code]: 1}
    if definition is None or definition.get("isArbitrary") == "yes":
        return Fraction(1), {code: 1}
    value = definition.find(f"{_SPACE}value")
    assert value is not None
    if code in ("10*", "10^"):
        return Fraction(10), {}
    return times((Fraction(value.attrib["value"]), {}), size(value.attrib["Unit"]) if value.attrib["Unit"] != "1" else (Fraction(1), {}))


def test_the_units_that_the_library_misreads_are_the_ones_that_differ_from_the_ucum_table() -> None:
    misread = set()
    for code, definition in table()[1].items():
        if definition.get("isSpecial") == "yes" or definition.get("isArbitrary") == "yes":
            continue
        factor, powers = size(code)
        base = ".".join(f"{name}{power}" for name, power in powers.items()) or "1"
        there = library_factor(code, base)
        if there is None or abs(there / factor - 1) > Fraction(1, 10**5):
            misread.add(code)
    assert misread == MISREAD


def library_factor(code: str, base: str) -> Fraction | None:
    from pint import DimensionalityError

    registry, read = fhir.units._registry(), lambda text: fhir.units._transformer()(fhir.units._parser()(text))
    try:
        one, other = read(code), read(base)
        return Fraction(registry.Quantity(Decimal(1), one.units).to(other.units).magnitude) * Fraction(one.magnitude)
    except (DimensionalityError, LarkError, AttributeError):
        return None


def test_the_special_units_are_the_ones_the_ucum_table_marks_so_but_for_two_temperatures() -> None:
    assert {code for code, one in table()[1].items() if one.get("isSpecial") == "yes"} - {"Cel", "[degF]"} == SPECIAL


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("source", "target", "substance", "factor"),
    [
        ("mL/s", "mL/min", None, "60"),
        ("mL/s/{1.73_m2}", "mL/min/{1.73_m2}", None, "60"),
        ("ml/min", "mL/min", None, "1"),
        ("10*3/uL", "10*9/L", None, "1"),
        ("10^3/uL", "/uL", None, "1000"),
        ("ng/mL", "ug/L", None, "1"),
        ("m[iU]/L", "u[iU]/mL", None, "1"),
        ("m[IU]/L", "u[iU]/mL", None, "1"),
        ("ukat/L", "U/L", None, "60"),
        ("U/L", "ukat/L", None, "1/60"),
        ("mg/(24.h)", "mg/d", None, "1"),
        ("mg/g", "g/kg", None, "1"),
        ("L/min/m2", "mL/min/m2", None, "1000"),
        ("[in_i]", "cm", None, "2.54"),
        ("[lb_av]", "kg", None, "0.45359237"),
        ("mg/dL", "mmol/L", "glucose", "10/180.156"),
        ("mmol/L", "mg/dL", "urea_nitrogen", "2.8014"),
        ("meq/L", "mmol/L", "potassium", "1"),
        ("meq/L", "mmol/L", "calcium", "1/2"),
        ("mg/dL", "meq/L", "magnesium", "20/24.305"),
    ],
)
def test_converts_exactly_what_means_the_same(source: str, target: str, substance: str | None, factor: str) -> None:
    over, _, under = factor.partition("/")
    assert conversion(source, target, substance) == Conversion(Fraction(over) / Fraction(under or 1))


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("source", "target", "substance", "reason"),
    [
        ("mL/min", "mL/min/{1.73_m2}", None, "another annotation"),
        ("10*3{cells}/uL", "10*3{beads}/uL", None, "another annotation"),
        ("mL/min/{1.73_m2}", "mL/min.{1.73_m2}", None, "another annotation"),
        ("ng/mL{FEU}", "ng/mL", None, "another annotation"),
        ("{INR}", "1", None, "another annotation"),
        ("mg/dL", "umol/L", None, "another kind of quantity"),
        ("mg/dL", "umol/L", "troponin", "another kind of quantity"),
        ("meq/L", "mmol/L", None, "another kind of quantity"),
        ("meq/L", "mmol/L", "glucose", "another kind of quantity"),
        ("mosm/kg", "mmol/kg", None, "another kind of quantity"),
        ("[iU]/L", "/L", None, "another kind of quantity"),
        ("[iU]/L", "U/L", None, "another kind of quantity"),
        ("[iU]/L", "[anti'Xa'U]/L", None, "another kind of quantity"),
        ("%", "1", None, "another kind of quantity"),
        ("mmol/mol", "%", None, "another kind of quantity"),
        ("mg/g", "mmol/mol", None, "another kind of quantity"),
        ("mg/g", "mg/mmol", "creatinine", "another kind of quantity"),
        ("L/min/m2", "mm/h", None, "another kind of quantity"),
        ("[pH]", "1", None, "unit unknown"),
        ("dB", "B", None, "unit unknown"),
        ("Cel/h", "K/h", None, "unit unknown"),
        ("kcal", "[Cal]", None, "unit unknown"),
        ("'", "min", None, "unit unknown"),
        ("furlong", "m", None, "unit unknown"),
        ("µmol/L", "umol/L", None, "unit unknown"),
        ("", "1", None, "unit unknown"),
        ("10*99999999", "1", None, "unit unknown"),
        ("(" * 24 + "m" + ")" * 24, "m", None, "unit unknown"),
    ],
)
def test_says_why_it_does_not_convert(source: str, target: str, substance: str | None, reason: str) -> None:
    assert conversion(source, target, substance) == conversion(target, source, substance) == NoConversion(reason)  # type: ignore[arg-type]


@pytest.mark.fault(15)
def test_capital_letters_mean_another_unit() -> None:
    assert conversion("ML/min", "mL/min") == Conversion(Fraction(10**9))
    assert conversion("Mg/L", "mg/L") == Conversion(Fraction(10**9))


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [("37", "Cel", "[degF]", "98.6"), ("98.6", "[degF]", "Cel", "37"), ("-40", "Cel", "[degF]", "-40"), ("0", "K", "Cel", "-273.15")],
)
def test_temperatures_convert_with_their_zero(value: str, unit: str, target: str, expected: str) -> None:
    found = conversion(unit, target)
    assert isinstance(found, Conversion)
    assert found.of(Decimal(value)) == Decimal(expected)


PREFIX = st.sampled_from(["", "m", "u", "n", "p", "k", "d", "c"])
ABOVE = st.tuples(PREFIX, st.sampled_from(["g", "mol", "L", "l", "U", "[iU]", "eq", "osm"])).map("".join) | st.sampled_from(
    ["10*3", "10*6", "1", "%", ""]
)
BELOW = st.tuples(PREFIX, st.sampled_from(["L", "l", "g", "m3"])).map("".join) | st.sampled_from(["min", "h", "d", "kg", "m2", "[lb_av]"])
NOTE = st.sampled_from(["", "", "", "/{1.73_m2}", "{cells}"])
CODES = st.builds(
    lambda above, below, note: f"{above or ''}{''.join(f'/{one}' for one in below)}{note}", ABOVE, st.lists(BELOW, max_size=2), NOTE
)


@given(CODES, CODES)
@pytest.mark.fault(15)
@settings(max_examples=200)
def test_a_conversion_is_the_one_of_the_ucum_table_and_goes_there_and_back(one: str, other: str) -> None:
    there, back = conversion(one, other), conversion(other, one)
    if isinstance(there, NoConversion) or isinstance(back, NoConversion):
        assert there == back
        return
    assert annotated(one) == annotated(other)
    if one != other:
        (size_of_one, dimensions), (size_of_other, others) = size(one), size(other)
        assert dimensions == others
        assert there.times == size_of_one / size_of_other
    assert there.times * back.times == 1


@given(CODES, CODES, CODES)
@settings(max_examples=100)
def test_what_converts_in_two_steps_converts_in_one_by_the_same_factor(one: str, two: str, three: str) -> None:
    first, second, both = conversion(one, two), conversion(two, three), conversion(one, three)
    if isinstance(first, Conversion) and isinstance(second, Conversion):
        assert isinstance(both, Conversion)
        assert both.times == first.times * second.times


@given(st.sampled_from(sorted(SUBSTANCES)), PREFIX, PREFIX, st.sampled_from(["L", "dL", "mL", "d"]))
def test_mass_and_amount_of_a_substance_go_there_and_back(name: str, one: str, other: str, per: str) -> None:
    there, back = conversion(f"{one}g/{per}", f"{other}mol/{per}", name), conversion(f"{other}mol/{per}", f"{one}g/{per}", name)
    assert isinstance(there, Conversion)
    assert isinstance(back, Conversion)
    assert there.times * back.times == 1
    grams = table()[0].get(one, Fraction(1)) / Fraction(SUBSTANCES[name].molar_mass)
    assert there.times == grams / table()[0].get(other, Fraction(1))


@given(st.text(max_size=60) | st.text(alphabet="mgLl/.*()1039{}[]iU%'-+ ", max_size=20))
@settings(max_examples=200)
def test_any_text_converts_or_says_why_and_never_fails(text: str) -> None:
    found = conversion(text, "mg/dL")
    assert found == SAME or isinstance(found, (Conversion, NoConversion))


def test_the_library_loads_only_when_a_conversion_needs_it() -> None:
    code = (
        "import sys, fhir.units, policies.engine, policies.conditions.units as u;"
        "fhir.units.conversion('mg/dL', 'mg/dL'); fhir.units.conversion('mL/min', 'mL/min/{1.73_m2}');"
        "u.conversion('10*3/uL', '10*9/L', 'platelets'); u.conversion('mg/dL', 'umol/L', 'creatinine');"
        "print('pint' in sys.modules or 'lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "False"


def test_the_examples_of_the_docstrings_are_true() -> None:
    done = doctest.testmod(fhir.units)
    assert (done.failed, done.attempted > 0) == (0, True)

"""Units as laboratories write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.units import SAME, Conversion, NoConversion
from fhir.units import conversion as ucum
from policies.conditions.units import conversion, known, unit_agreed, unit_named

UNITS = ("mL/min/{1.73_m2}", "mL/s/{1.73_m2}", "1", "10*3/uL", "10*9/L", "/uL", "mg/dL", "umol/L", "mmol/L", "mg/L", "g/dL", "g/L",
         "ng/mL", "ng/L", "%", "Cel", "/min", "mm[Hg]")  # fmt: skip
MICRO, MU = "\u00b5", "\u03bc"


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (("mL/min/{1.73_m2}", "whatever"), "mL/min/{1.73_m2}"),
        ((None, "mL/min/1.73 m²"), "mL/min/{1.73_m2}"),
        ((None, "  ml/min/1.73  M2 "), "mL/min/{1.73_m2}"),
        ((None, "K/uL"), "10*3/uL"),
        ((None, "{INR}"), "1"),
        ((None, None), "1"),
        ((None, "mL/min"), None),
        (("furlong", "mg/dL"), None),
        ((None, "G/L cells"), None),
    ],
)
def test_the_first_text_given_decides_and_nothing_is_guessed(texts: tuple[str | None, ...], unit: str | None) -> None:
    assert unit_named(*texts) == unit


@pytest.mark.fault(15)
@pytest.mark.parametrize("sign", [MICRO, MU, "u"], ids=["micro sign", "Greek mu", "u"])
@pytest.mark.parametrize(("written", "unit"), [("{}mol/L", "umol/L"), ("10^3/{}L", "10*3/uL"), ("K/{}L", "10*3/uL"), ("/{}L", "/uL"),
                                               ("10*3/{}L", "10*3/uL"), ("{}g/L", "ng/mL")])  # fmt: skip
def test_micro_is_read_however_it_is_written(written: str, sign: str, unit: str) -> None:
    assert unit_named(None, written.format(sign)) == unit


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_a_rule_may_name_is_read_as_itself(unit: str) -> None:
    assert known(unit)
    assert unit_named(unit) == unit_named(unit.upper()) == unit


@pytest.mark.parametrize("spelling", ["ml/min", "K/uL", "mmhg", "", "parsec"])
def test_a_rule_names_a_unit_by_the_tables_own_spelling(spelling: str) -> None:
    assert not known(spelling)


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("source", "target", "substance", "expected"),
    [
        ("mL/s/{1.73_m2}", "mL/min/{1.73_m2}", "egfr", Fraction(60)),
        ("/uL", "10*9/L", "platelets", Fraction(1, 1000)),
        ("10*9/L", "10*3/uL", "platelets", Fraction(1)),
        ("ng/mL", "ng/L", "troponin", Fraction(1000)),
        ("mg/dL", "umol/L", "creatinine", Fraction(10_000) / Fraction("113.12")),
        ("umol/L", "mg/dL", "creatinine", Fraction("113.12") / 10_000),
        ("mg/dL", "mmol/L", "creatinine", Fraction(10) / Fraction("113.12")),
        ("meq/L", "mmol/L", "potassium", Fraction(1)),
        ("pg/dL", "ng/L", None, Fraction(1, 100)),
        ("mg/dL", "umol/L", "potassium", Fraction(10_000) / Fraction("39.098")),
    ],
)
def test_converts_by_the_tables_and_by_ucum(source: str, target: str, substance: str | None, expected: Fraction) -> None:
    assert conversion(source, target, substance) == Conversion(expected)


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("source", "target", "substance", "reason"),
    [
        ("mg/dL", "umol/L", "troponin", "another kind of quantity"),
        ("g/L", "%", "hemoglobin", "another kind of quantity"),
        ("mL/min", "mL/min/{1.73_m2}", "egfr", "another annotation"),
        ("furlong/h", "/min", None, "unit unknown"),
    ],
)
def test_says_why_it_does_not_convert(source: str, target: str, substance: str | None, reason: str) -> None:
    found = conversion(source, target, substance)
    assert isinstance(found, NoConversion)
    assert found.reason == reason


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.sampled_from([None, "creatinine", "platelets", "potassium"]))
def test_the_fast_tables_say_what_ucum_says_and_go_there_and_back(source: str, target: str, substance: str | None) -> None:
    there, back = conversion(source, target, substance), conversion(target, source, substance)
    assert there == ucum(source, target, substance)
    if isinstance(there, Conversion):
        assert isinstance(back, Conversion)
        assert there.times * back.times == 1
    assert conversion(source, source) == SAME


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("code", "written", "unit"),
    [
        ("10*9/L", "K/uL", "10*9/L"),
        ("mg/dL", "mmol/L", None),
        ("mg/dL", "mg per decilitre", "mg/dL"),
        ("mg/dL", None, "mg/dL"),
        (None, "mg/dL", "mg/dL"),
        ("parsec", "mg/dL", None),
    ],
)
def test_a_code_and_a_written_unit_that_contradict_each_other_are_no_unit(code: str | None, written: str | None, unit: str | None) -> None:
    assert unit_agreed(code, written) == unit


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("code", "written", "unit"),
    [
        ("pg/dL", None, "pg/dL"),
        ("pg/dL", "pg per dl", "pg/dL"),
        ("ug/mL", "mg/L", "ug/mL"),
        ("ug/mL", "mg/dL", None),
        (None, "pg/dL", None),
    ],
)
def test_a_code_of_ucums_own_system_stands_for_itself_and_written_words_do_not(
    code: str | None, written: str | None, unit: str | None
) -> None:
    assert unit_agreed(code, written, ucum=True) == unit
    assert unit_agreed(code, written) is None

"""Units as laboratories write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions.units import factor, known, unit_agreed, unit_named

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


@pytest.mark.parametrize(
    ("source", "target", "substance", "expected"),
    [
        ("mL/s/{1.73_m2}", "mL/min/{1.73_m2}", "egfr", "60"),
        ("/uL", "10*9/L", "platelets", "0.001"),
        ("10*9/L", "10*3/uL", "platelets", "1"),
        ("ng/mL", "ng/L", "troponin", "1000"),
        ("mg/dL", "umol/L", "creatinine", "88.42"),
        ("mg/dL", "umol/L", "potassium", None),
        ("mg/dL", "mmol/L", "creatinine", None),
        ("g/L", "%", "hemoglobin", None),
    ],
)
def test_converts_what_the_table_holds_and_nothing_else(source: str, target: str, substance: str, expected: str | None) -> None:
    assert factor(source, target, substance) == (None if expected is None else Decimal(expected))


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.sampled_from(["creatinine", "platelets"]))
def test_there_and_back_is_the_same_value(source: str, target: str, substance: str) -> None:
    there, back = factor(source, target, substance), factor(target, source, substance)
    if there is not None and back is not None:
        assert abs(there * back - 1) < Decimal("1e-20")
    assert factor(source, source, substance) == 1


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

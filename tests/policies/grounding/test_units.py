"""Units brought to one spelling, and found after a number in prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.units import canonical, plain_signs, unit_after


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("µmol/L", "umol/L"),
        ("\u03bcmol/L", "\u00b5mol/L"),
        ("mL/min/{1.73_m2}", "ml/min/1.73 m²"),
        ("10*3/uL", "×10⁹/L"),
        ("×10³/µL", "10*9/L"),
        ("10³/µL", "K/uL"),
        ("×10¹²/L", "10*6/uL"),
        ("mm[Hg]", "mmHg"),
        ("{INR}", ""),
        ("beats per minute", "/min"),
    ],
)
def test_spellings_of_one_unit_are_equal(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mg/dL", "umol/L"),
        ("mg", "ug"),
        ("mL/min", "mL/min/1.73 m2"),
        ("U/L", "IU/L"),
        ("mmol/L", ""),
        ("10*9/L", "10*12/L"),
        ("g/L", "g/dL"),
        ("h", "min"),
    ],
)
def test_different_units_differ(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("text", "unit", "rest"),
    [
        ("5.9 mmol/L on Monday", "mmol/l", " on Monday"),
        ("40 ×10⁹/L, low", "10*9/l", ", low"),
        ("40 ×10³/µL, low", "10*9/l", ", low"),
        ("4.5 ×10¹²/L.", "10*12/l", "."),
        ("24 mL/min/1.73 m² now", "ml/min/1.73m2", " now"),
        ("40mg daily", "mg", " daily"),
        ("6-month course", "mo", " course"),
        ("7 furlongs/fortnight away", "furlongs/fortnight", " away"),
        ("7 of them", "", " of them"),
        ("7", "", ""),
    ],
)
def test_finds_the_unit_that_follows_a_number(text: str, unit: str, rest: str) -> None:
    number = next((n for n, letter in enumerate(text) if not (letter.isascii() and (letter.isdigit() or letter == "."))), len(text))
    found, end = unit_after(plain_signs(text), number)
    assert (found, text[end:]) == (unit, rest)


@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=30))
def test_neither_case_nor_spacing_makes_another_unit(unit: str) -> None:
    assert canonical(unit.upper()) == canonical(f"  {unit.lower()} ")
    assert plain_signs(plain_signs(unit)) == plain_signs(unit)


@given(st.text(alphabet=st.sampled_from("µμ×²³⁹¹⁻−·a1 /"), max_size=40))
def test_plain_signs_keep_every_place(text: str) -> None:
    plain = plain_signs(text)
    assert len(plain) == len(text)
    assert all(new == old for new, old in zip(plain, text, strict=True) if old.isascii())

"""Units as they are written in prose and in UCUM, brought to one spelling.

Two units are the same here or they are not: nothing is converted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# Spellings of the same unit. 10*3/uL and 10*9/L are the same number of cells in the same volume, so the value does not change.
_SAME: Final[dict[str, tuple[str, ...]]] = {
    "%": ("%", "percent", "per cent"),
    "ml/min/1.73m2": (
        "ml/min/1.73m2",
        "ml/min/1.73 m2",
        "ml/min/1.73 m^2",
        "ml/min/{1.73_m2}",
        "ml/min per 1.73 m2",
        "ml/min/1.73 sq m",
        "ml/min/(1.73.m2)",
    ),
    "ml/min": ("ml/min",),
    "mg/dl": ("mg/dl", "mg per dl", "mg%"),
    "g/dl": ("g/dl",),
    "g/l": ("g/l",),
    "umol/l": ("umol/l", "micromol/l", "mcmol/l", "micromoles/l"),
    "mmol/l": ("mmol/l", "mmoles/l"),
    "meq/l": ("meq/l",),
    "10*9/l": (
        "10*9/l",
        "10^9/l",
        "10e9/l",
        "x10*9/l",
        "x10^9/l",
        "x 10^9/l",
        "x 10*9/l",
        "x10e9/l",
        "x 109/l",
        "x109/l",
        "109/l",
        "10*3/ul",
        "10^3/ul",
        "x10^3/ul",
        "x10*3/ul",
        "x 10^3/ul",
        "x 10*3/ul",
        "k/ul",
        "k/mm3",
        "thou/ul",
        "thousand/ul",
        "x 103/ul",
        "x103/ul",
        "103/ul",
        "10*3/mm3",
        "10^3/mm3",
        "giga/l",
        "g/l{cells}",
    ),
    "10*12/l": ("10*12/l", "10^12/l", "x10^12/l", "x 10^12/l", "x 1012/l", "x1012/l", "1012/l", "10*6/ul", "10^6/ul", "x10^6/ul", "m/ul"),
    "mmhg": ("mm[hg]", "mmhg", "mm hg"),
    "cel": ("cel", "°c", "deg c", "degrees celsius", "degrees c"),
    "[degf]": ("[degf]", "°f", "deg f", "degrees fahrenheit"),
    "/min": (
        "/min",
        "bpm",
        "beats/min",
        "beats per minute",
        "beats/minute",
        "{beats}/min",
        "per minute",
        "breaths/min",
        "breaths per minute",
        "{breaths}/min",
    ),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "min": ("min", "mins", "minute", "minutes"),
    "s": ("s", "sec", "second", "seconds"),
    "d": ("d", "day", "days"),
    "wk": ("wk", "week", "weeks"),
    "mo": ("mo", "month", "months"),
    "a": ("a", "yr", "yrs", "year", "years", "year old", "years old"),
    "mg": ("mg", "milligram", "milligrams"),
    "ug": ("ug", "mcg", "microgram", "micrograms"),
    "g": ("g", "gram", "grams"),
    "kg": ("kg", "kilogram", "kilograms"),
    "ml": ("ml", "millilitre", "millilitres", "milliliter", "milliliters"),
    "l": ("l", "litre", "litres", "liter", "liters"),
    "mm": ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
    "cm": ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
    "ng/ml": ("ng/ml",),
    "pg/ml": ("pg/ml",),
    "ng/l": ("ng/l",),
    "ug/l": ("ug/l", "mcg/l"),
    "ug/ml": ("ug/ml", "mcg/ml"),
    "u/l": ("u/l", "units/l", "unit/l"),
    "[iu]/l": ("[iu]/l", "iu/l"),
    "[iu]": ("[iu]", "iu", "international units"),
    "[usp'u]": ("units", "unit", "u"),
    "kg/m2": ("kg/m2", "kg/m^2", "kg/m 2"),
    "mg/kg": ("mg/kg",),
    "mg/l": ("mg/l",),
    "mm/h": ("mm/h", "mm/hr"),
    "mg/d": ("mg/d", "mg/day"),
    "l/min": ("l/min",),
    "fl": ("fl",),
    "pg": ("pg",),
    "tablet": ("tablet", "tablets", "{tablet}", "tab", "tabs", "tbl"),
    "capsule": ("capsule", "capsules", "{capsule}"),
    "puff": ("puff", "puffs"),
    "": ("", "1", "{inr}", "inr", "{ratio}", "ratio", "{score}", "{ph}", "ph", "[ph]"),
}
_CANONICAL: Final = {spelling: name for name, spellings in _SAME.items() for spelling in spellings}
_SIGNS: Final = str.maketrans({"µ": "u", "μ": "u", "×": "x", "¹": "1", "²": "2", "³": "3", "⁹": "^9", "⁻": "-", "−": "-", "·": "."})
_PLACED: Final = str.maketrans({"µ": "u", "μ": "u", "×": "x", "¹": "1", "²": "2", "³": "3", "⁹": "9", "⁻": "-", "−": "-", "·": "."})

# What may stand after a number in prose: the spellings above that are words of their own, longest first; then any unit with a slash.
_IN_PROSE: Final = sorted(
    (s for s in _CANONICAL if s and s not in ("1", "a", "inr", "ratio", "ph", "[ph]", "[iu]") and not s.startswith("{")),
    key=len,
    reverse=True,
)
_PROSE: Final = re.compile(
    r"[\s-]?(?P<unit>" + "|".join(re.escape(s).replace(r"\ ", r"[\s-]") for s in _IN_PROSE) + r")(?![\w/])"
    r"|\s?(?P<slash>[A-Za-z%\[\]{}*^]{1,12}(?:/[A-Za-z0-9.\[\]{}_*^]{1,12})+)"
    r"|(?P<glued>[A-Za-z]{1,12})\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def canonical(unit: str) -> str:
    """One spelling for `unit`; an unknown unit is itself in lower case, and an annotation alone (`{score}`) is no unit."""
    plain = " ".join(unit.translate(_SIGNS).replace("-", " ").split()).lower()
    if plain in _CANONICAL:
        return _CANONICAL[plain]
    bare = re.sub(r"\{[^}]*\}", "", plain).strip()
    return _CANONICAL.get(bare, bare.replace(" ", ""))


def plain_signs(text: str) -> str:
    """`text` with its typographic signs (µ, ×, ²) in their plain spelling, character by character: places stay what they were."""
    return text.translate(_PLACED)


def unit_after(plain: str, end: int) -> tuple[str, int]:
    """The unit that follows a number ending at `end` of `plain`, and where it ends; `("", end)` without one.

    `plain` is a text through `plain_signs`.
    """
    match = _PROSE.match(plain, end)
    if match is None:
        return "", end
    return canonical(match[match.lastgroup or 0]), match.end()

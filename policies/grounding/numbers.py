"""Numbers with units, dates, times and relative time words in a text, and what the evidence offers of them.

Every number a claim states must stand in a cited item with the same decimal value and the same unit; every date must be the same day.
Digits that are part of a name (E1, T12, 12-lead, SpO2, COVID-19) are no numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from policies.evidence import Evidence
from policies.grounding.units import canonical, plain_signs, unit_after


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text: its decimal value, its unit in one spelling (empty without one), `<`, `<=`, `>=`, `>` or empty."""

    value: Decimal
    unit: str
    comparator: str
    text: str


@dataclass(frozen=True, slots=True)
class Day:
    """A date as far as the text gives it."""

    year: int | None
    month: int | None
    day: int | None
    text: str

    def covers(self, claimed: Day) -> bool:
        """Whether every part that `claimed` states stands here with the same value."""
        pairs = ((claimed.year, self.year), (claimed.month, self.month), (claimed.day, self.day))
        return all(wanted is None or wanted == held for wanted, held in pairs)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a text states in figures. `times` are clock times HH:MM, `relative` words like `today` that move with the reader."""

    numbers: tuple[Number, ...] = ()
    days: tuple[Day, ...] = ()
    times: tuple[str, ...] = ()
    relative: tuple[str, ...] = ()


_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_MONTH: Final = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE: Final = re.compile(
    r"\b(?P<y1>(?:19|20)\d\d)-(?P<m1>\d\d)(?:-(?P<d1>\d\d))?(?:T(?P<t1>\d\d:\d\d)\S*)?(?![\d-])"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH.format('m2')}(?:,?\s+(?P<y2>(?:19|20)\d\d))?(?!\w)"
    rf"|\b{_MONTH.format('m3')}\s+(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<y3>(?:19|20)\d\d))?(?!\w|\.\d|\s*(?:mg|g|ml|mcg|mm|cm"
    rf"|units?|%))"
    rf"|\b{_MONTH.format('m4')}\s+(?P<y4>(?:19|20)\d\d)\b"
    r"|\b(?P<odd>\d{1,2}[/.]\d{1,2}[/.](?:(?:19|20)\d\d|\d\d))\b"
    r"|(?<![\w.,-])(?P<y5>(?:19|20)\d\d)(?![\w-]|[.,]\d|\s*(?:mg|g|ml|mcg|units?|k?cal|%)\b)",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\b")
_RELATIVE: Final = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|this\s+(?:morning|afternoon|evening|week|month|year)|last\s+(?:night|week|month|year)"
    r"|next\s+(?:week|month|year)|ago)\b",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<sign>(?<![\w)\]])-)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"|\b(?P<word>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?=\s+(?:hours?|days?|weeks?|months?|years?|tablets?"
    r"|capsules?|puffs?|units?)\b)",
    re.IGNORECASE,
)
# Digits inside a name: [E1], C7, T12 vertebra, 12-lead, COVID-19, CKD-EPI 2021, CHA2DS2-VASc, and a reference such as Observation/12.
_NAMES: Final = re.compile(
    r"\[?\b[EC]\d+\b\]?|\b[A-Z]+[a-z]*[-/]?\d+[A-Za-z]*\d*(?:-[A-Za-z]+)?\b|\b\d{1,2}-(?:lead|view|chamber|vessel)\b"
    r"|\b[A-Z][a-z]+[A-Za-z]*/[A-Za-z0-9.-]*\d[A-Za-z0-9.-]*"
    r"|\b(?:CKD-EPI|KDIGO|ESC|ACR|ADA|NICE|BTS|GOLD)\s+(?:19|20)\d\d\b"
)
_BEFORE: Final = re.compile(
    r"(?P<le><=|≤|at\s+most|up\s+to|no\s+more\s+than|not\s+above)|(?P<ge>>=|≥|at\s+least|no\s+less\s+than|not\s+below)|(?P<lt><|below"
    r"|under|less\s+than|lower\s+than|fewer\s+than)"
    r"|(?P<gt>>|above|over|more\s+than|greater\s+than|higher\s+than|exceed(?:s|ing))",
    re.IGNORECASE,
)
_COMPARATOR: Final = re.compile(rf"(?:{_BEFORE.pattern})\s*(?:an?\s+|the\s+|of\s+)*$", re.IGNORECASE)
_SIGN_OF: Final = {"le": "<=", "ge": ">=", "lt": "<", "gt": ">"}
_AFTER: Final = re.compile(r"\s*(?:or|and)\s+(?P<word>more|above|higher|over|greater|less|below|lower|under|fewer)\b", re.IGNORECASE)
_RANGE: Final = re.compile(r"\s?(?:-|–|/|to)\s?")
_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@lru_cache(maxsize=8192)
def figures(text: str) -> Figures:
    """The figures of `text`. A date written 03/04/2026 has no certain day and is kept as its text alone."""
    plain = plain_signs(text)
    days, times = [], []
    for match in _dates(plain):
        days.append(_day(match))
        times += [match["t1"]] if match["t1"] else []
    rest = _without_dates(plain)
    times += [f"{int(match[1]):02d}:{match[2]}" for match in _TIME.finditer(rest)]
    rest = _NAMES.sub(_blank, _TIME.sub(_blank, rest))
    relative = tuple(" ".join(match[0].lower().split()) for match in _RELATIVE.finditer(plain))
    return Figures(tuple(_numbers(rest)), tuple(days), tuple(times), relative)


@lru_cache(maxsize=8192)
def without_figures(text: str) -> str:
    """`text` with its dates, and its numbers with their units, blanked: every other character keeps its place."""
    rest = _TIME.sub(_blank, _without_dates(plain_signs(text)))
    at = 0
    for match in _NUMBER.finditer(_NAMES.sub(_blank, rest)):
        if match.start() >= at:
            _, at = unit_after(rest, match.end())
            rest = rest[: match.start()] + " " * (at - match.start()) + rest[at:]
    return rest


def _dates(plain: str) -> list[re.Match[str]]:
    """The dates of `plain`. Four digits with a unit are a value ("NT-proBNP 2000 pg/mL") and no year."""
    return [match for match in _DATE.finditer(plain) if not match["y5"] or not unit_after(plain, match.end())[0]]


def _without_dates(plain: str) -> str:
    for match in _dates(plain):
        plain = plain[: match.start()] + _blank(match) + plain[match.end() :]
    return plain


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _day(match: re.Match[str]) -> Day:
    if match["odd"]:
        return Day(None, None, None, match[0])
    year = next((match[key] for key in ("y1", "y2", "y3", "y4", "y5") if match[key]), None)
    name = next((match[key] for key in ("m2", "m3", "m4") if match[key]), None)
    month = int(match["m1"]) if match["m1"] else _month(name) if name else None
    day = next((match[key] for key in ("d1", "d2", "d3") if match[key]), None)
    return Day(int(year) if year else None, month, int(day) if day else None, match[0])


def _month(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, start=1) if month.startswith(name.lower().rstrip(".")[:3]))


def _numbers(plain: str) -> list[Number]:
    found: list[tuple[re.Match[str], str, int]] = []
    at = 0
    for match in _NUMBER.finditer(plain):
        if match.start() >= at:
            unit, at = unit_after(plain, match.end())
            found.append((match, unit, at))
    numbers = []
    for index, (match, own_unit, end) in enumerate(found):
        unit = own_unit
        if not unit and index + 1 < len(found) and _RANGE.fullmatch(plain, match.end(), found[index + 1][0].start()):
            unit = found[index + 1][1]  # "150/90 mmHg", "2-4 cm": the first has the unit of the second
        numbers.append(Number(_value(match), unit, _comparator(plain, match.start(), end), plain[match.start() : end].strip()))
    return numbers


def _value(match: re.Match[str]) -> Decimal:
    if match["word"]:
        return Decimal(_WORDS.index(match["word"].lower()))
    return Decimal((match["sign"] or "") + match["digits"].replace(",", ""))


def _comparator(plain: str, start: int, end: int) -> str:
    before = _COMPARATOR.search(plain, max(0, start - 24), start)
    if before:
        return _SIGN_OF[before.lastgroup or ""]
    after = _AFTER.match(plain, end)
    if after is None:
        return ""
    return ">=" if after["word"].lower() in ("more", "above", "higher", "over", "greater") else "<="


def offered(evidence: Evidence) -> Figures:
    """The figures `evidence` offers: its text and quotes, its quantity with its unit, its time, its probability."""
    texts = [figures(evidence.text)]
    # A value quoted without its unit would let a claim put another unit to it: the quantity speaks for it.
    texts += [figures(quote.text) for quote in evidence.quotes if not (evidence.quantity and quote.text.strip() == evidence.quantity.value)]
    texts += [figures(evidence.when)] if evidence.when else []
    numbers = [number for each in texts for number in each.numbers] + _measured(evidence) + _probability(evidence)
    days = tuple(day for each in texts for day in each.days)
    times = tuple(time for each in texts for time in each.times)
    return Figures(tuple(numbers), days, times, tuple(word for each in texts for word in each.relative))


def _measured(evidence: Evidence) -> list[Number]:
    if evidence.quantity is None:
        return []
    number = re.fullmatch(r"\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?\s*", evidence.quantity.value)
    if number is None:
        return []
    value = Decimal(number[0].strip())
    return [Number(value, canonical(evidence.quantity.unit), evidence.quantity.comparator or "", evidence.quantity.value)]


def _probability(evidence: Evidence) -> list[Number]:
    """A probability may be written with two or three places, or as a whole percentage."""
    if evidence.probability is None:
        return []
    places = [Decimal(f"{evidence.probability:.{n}f}") for n in (1, 2, 3)]
    return [Number(p, "", "", str(p)) for p in places] + [Number(Decimal(f"{evidence.probability * 100:.0f}"), "%", "", "")]

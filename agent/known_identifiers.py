"""What the record itself says names its patient, taken out of words literally: rules find what looks like a name, the chart knows it.

Names, identifiers, telephone numbers, addresses and the birth date of the Patient, its contacts and its RelatedPerson entries
(45 CFR 164.514(b)(2)(i)), in whatever case, accents and separators they are written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any, Final

from fhir.chart import Chart
from fhir.views import objects

_WORD: Final = re.compile(r"\w+")
_FUNCTION_WORDS: Final = frozenset(("no", "not", "nor", "or", "and", "in", "on", "of", "to", "the", "for", "with", "is", "at", "by", "as"))
"""Left alone though a name may be one of them: without them the words would say something else."""
_FEWEST: Final = 3
"""Letters or digits of a number: a shorter one names nobody and stands in every text."""
_MOST: Final = 100
_BIRTH_DATE: Final = re.compile(r"(\d\d)(\d\d)-(\d\d)-(\d\d)", re.ASCII)


def plain(text: str) -> str:
    """`text` as a reader sees it: compatibility forms made one (NFKC), every dash a hyphen, what is not seen left out.

    >>> plain("M\u200bRN \uff11\u20112")
    'MRN 1-2'
    """
    dashed = ("-" if unicodedata.category(one) == "Pd" else one for one in unicodedata.normalize("NFKC", text))
    return "".join(one for one in dashed if one.isspace() or unicodedata.category(one)[0] != "C")


def without_known(text: str, chart: Chart) -> str:
    """`text`, which is `plain`, with each identifier of the chart's patient replaced by its kind in brackets."""
    for kind, pattern in _patterns(chart):
        text = pattern.sub(f"[{kind}]", text)
    names = frozenset(_folded_words(chart))
    return _WORD.sub(lambda word: "[NAME]" if _fold(word[0]) in names else word[0], text)


def _patterns(chart: Chart) -> Iterator[tuple[str, re.Pattern[str]]]:
    for body in _people(chart):
        for item in _with_contacts(body):
            yield from (("CONTACT", _loosely(value)) for value in _values(item, "telecom") if _counts(value))
            yield from (("ADDRESS", pattern) for pattern in _places(item))
        yield from (("ID", _loosely(value)) for value in _values(body, "identifier") if _counts(value))
        born = _BIRTH_DATE.match(str(body.get("birthDate", "")))
        if born:
            yield "DATE", _date(*born.groups())


def _people(chart: Chart) -> tuple[Mapping[str, Any], ...]:
    return (chart.patient.body, *(one.body for one in chart.of_type("RelatedPerson")))


def _with_contacts(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (body, *objects(body.get("contact")))


def _values(body: Mapping[str, Any], element: str) -> Iterator[str]:
    return (value for item in objects(body.get(element)) if isinstance(value := item.get("value"), str))


def _counts(value: str) -> bool:
    return _FEWEST <= sum(map(str.isalnum, plain(value))) <= _MOST


def _loosely(value: str) -> re.Pattern[str]:
    """The letters and digits of `value` in their order, whatever stands between them, no word or number of its own around them."""
    inner = r"[\W_]{0,3}".join(re.escape(one) for one in plain(value) if one.isalnum())
    return re.compile(rf"(?<![^\W_]){inner}(?![^\W_])", re.IGNORECASE)


def _date(century: str, year: str, month: str, day: str) -> re.Pattern[str]:
    """The date in numbers, in each order in which dates are written."""
    parts = (rf"(?:{century})?{year}", f"0?{int(month)}", f"0?{int(day)}")
    orders = (r"\W{0,3}".join(order) for order in permutations(parts))
    return re.compile(rf"(?<!\d)(?:{'|'.join(orders)})(?!\d)")


def _folded_words(chart: Chart) -> Iterator[str]:
    said = (text for body in _people(chart) for item in _with_contacts(body) for text in _names(item))
    words = (_fold(word) for text in said for word in _WORD.findall(plain(text)))
    both = (each for word in words for each in (word, word.rstrip("0123456789")))  # drawn patients are called Jose871
    return (word for word in both if len(word) > 1 and word not in _FUNCTION_WORDS)


def _names(item: Mapping[str, Any]) -> Iterable[str]:
    """Of a person's own list of names, or a contact's single one."""
    name = item.get("name")
    held = objects(name) or objects([name])
    return [text for one in held for element in ("text", "family", "given") for text in _strings(one.get(element))]


def _places(item: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Of a city only its own spelling: Reading and Normal are cities too."""
    address = item.get("address")
    for one in objects(address) or objects([address]):
        numbered = (text for element in ("text", "line", "postalCode") for text in _strings(one.get(element)))
        yield from (_loosely(text) for text in numbered if _counts(text))
        cities = (text for element in ("city", "district") for text in _strings(one.get(element)))
        yield from (re.compile(rf"\b{re.escape(plain(text))}\b") for text in cities if _counts(text))


def _strings(value: object) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _fold(word: str) -> str:
    """Without case and accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(one))

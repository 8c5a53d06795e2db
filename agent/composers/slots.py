"""Filling a template: every slot from one evidence item, every passage from the pack, or no claim at all."""

from __future__ import annotations

import re
from calendar import month_abbr
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fhir.codes import FINDING, Side
from fhir.value_sets import VALUE_SETS
from policies.evidence import Evidence
from policies.guidance_pack import Slot, Template, fill, fill_names
from tools.guidance import reference
from tools.injection import is_flagged

_COUNT = re.compile(r"\d+ of \d+")
_TAG = re.compile(
    r"(?<=\S) \((?:disorder|finding|situation|procedure|regime/therapy|physical object|product|substance|observable entity)\)$"
)
_UNSEEN = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
"""Characters that only say where a line may break: terminologies' own displays hold them, and a claim with one is refused."""
_NAMING = re.compile(r"(code|medicationCodeableConcept|medicationReference|type|deviceName|description|contained)\b")


@dataclass(frozen=True)
class Pool:
    """What a topic's templates may draw on: the run's evidence, and what of it the topic's condition rested on."""

    evidence: tuple[Evidence, ...]
    basis: frozenset[str]
    """References of the facts the condition looked at to answer."""
    reports: frozenset[str]
    """References of the focal study's reports."""
    prior_reports: frozenset[str] = frozenset()
    """References of the reports of the newest earlier comparable study."""


@dataclass(frozen=True)
class Filled:
    """A template's text with its slots filled, and the evidence that fills them: slots first, then passages."""

    text: str
    evidence: tuple[str, ...]
    items: Mapping[str, Evidence]


def filled(template: Template, topic: str, pool: Pool) -> Filled | None:
    """The template filled from `pool`; None when a slot has no evidence, an item lacks a field, or a passage is not there."""
    items = {name: item for name, slot in template.slots.items() if (item := choose(slot, pool)) is not None}
    values = {(name, field): field_of(items[name], field) for name, field in fill_names(template.text) if name in items}
    by_reference = {item.reference: item.id for item in pool.evidence if item.kind == "guidance"}
    passages = [by_reference.get(reference(topic, number)) for number in template.passages]
    if len(items) < len(template.slots) or None in values.values() or None in passages:
        return None
    text = fill(template.text, {hole: value for hole, value in values.items() if value is not None})
    cited = dict.fromkeys((*(item.id for item in items.values()), *(passage for passage in passages if passage is not None)))
    return Filled(_sentence(text, template), tuple(cited), items)


def _sentence(text: str, template: Template) -> str:
    """`text` with a capital where it begins with a finding. The source's own words (`eGFR`) keep theirs."""
    begins = fill_names(template.text)[:1]
    named = begins and template.text.startswith(f"{{{begins[0][0]}.finding}}")
    return text[:1].upper() + text[1:] if named else text


def choose(slot: Slot, pool: Pool) -> Evidence | None:
    """The first item in gathering order that the slot's selector fits."""
    for name, fits in _FITS.items():
        wanted = getattr(slot, name)
        if wanted is not None:
            return next((item for item in pool.evidence if fits(item, slot, pool)), None)
    return None


def field_of(item: Evidence, field: str) -> str | None:
    """One field of an item as a template shows it (`FIELDS` of the pack); None when the item has none."""
    return _FIELDS[field](item)


def finding_words(key: str, side: Side | None) -> str:
    """A finding as a sentence names it, with its side where it has one: `left pleural effusion`."""
    return f"{side} {FINDING[key].display}" if side else FINDING[key].display


def day_words(when: str) -> str:
    """The day of a FHIR dateTime as a sentence says it: `3 Mar 2026`, `Mar 2026` or `2026`, no more exact than the source.

    >>> day_words("2026-03-03T08:00:00Z"), day_words("2026-03"), day_words("2026")
    ('3 Mar 2026', 'Mar 2026', '2026')
    """
    year, month, day = (*when[:10].split("-"), "", "")[:3]
    named = (str(int(day)) if day else "", month_abbr[int(month)] if month else "", year)
    return " ".join(part for part in named if part)


def plain_unit(unit: str) -> str:
    """A UCUM unit without the marks that are there for machines: `mL/min/{1.73_m2}` is said `mL/min/1.73 m2`."""
    return unit.replace("{1.73_m2}", "1.73 m2")


def label_of(item: Evidence) -> str | None:
    """What the source calls the thing: the first quote of an element that names it. Flagged words are not repeated in a claim.

    The semantic tag of a SNOMED CT fully specified name, `(disorder)`, is left off: it tells two names apart, and not what is the case.
    """
    if is_flagged(item.codes):
        return "an entry whose words are flagged"
    named = (quote.text for quote in item.quotes if _NAMING.match(quote.path))
    return next((_TAG.sub("", " ".join(_UNSEEN.sub("", text).split())) for text in named), None)


def _named(item: Evidence) -> str | None:
    """The label, with "preliminary" before a result that is not final: a claim says no more than its evidence does."""
    label = label_of(item)
    early = item.reference.startswith("Observation/") and item.status in ("preliminary", "registered", "partial")
    return f"preliminary {label}" if early and label else label


def _value(item: Evidence) -> str | None:
    return None if item.quantity is None else f"{item.quantity.comparator or ''}{item.quantity.value}"


def _count(item: Evidence) -> str | None:
    found = _COUNT.search(item.text)
    return None if found is None else found[0]


_FIELDS: Mapping[str, Callable[[Evidence], str | None]] = {
    "label": _named,
    "value": _value,
    "unit": lambda item: None if item.quantity is None else plain_unit(item.quantity.unit),
    "date": lambda item: None if item.when is None else day_words(item.when),
    "finding": lambda item: None if item.finding is None else finding_words(item.finding, item.side),
    "probability": lambda item: None if item.probability is None else f"{item.probability:.2f}",
    "status": lambda item: item.status,
    "count": _count,
}


def in_value_set(item: Evidence, name: str) -> bool:
    """Whether the item's codes, or the words the source names it by, are of the value set."""
    value_set = VALUE_SETS[name]
    codings = [(system, code) for system, _, code in (pair.partition("|") for pair in item.codes)]
    return value_set.matches_codings(codings) or value_set.matches_text(label_of(item) or "")


def _measured(item: Evidence, slot: Slot, pool: Pool) -> bool:
    wanted = slot.measured is not None and item.kind == "chart_fact" and item.quantity is not None
    return wanted and item.reference in pool.basis and in_value_set(item, slot.measured or "")


def _fact(item: Evidence, slot: Slot, pool: Pool) -> bool:
    of_type = item.kind == "chart_fact" and item.reference.split("/")[0] in (slot.fact or ())
    return of_type and item.reference in pool.basis and (slot.value_set is None or in_value_set(item, slot.value_set))


def _image(item: Evidence, slot: Slot, pool: Pool) -> bool:
    del pool
    return item.kind == "image_finding" and item.finding == slot.image and item.polarity == slot.polarity


def _report(item: Evidence, slot: Slot, pool: Pool) -> bool:
    stated = item.kind == "report_sentence" and item.finding == slot.report and item.polarity == slot.polarity
    return stated and item.reference in pool.reports


def _cases(item: Evidence, slot: Slot, pool: Pool) -> bool:
    del pool
    return item.kind == "similar_case" and item.finding == slot.cases and item.reference.startswith("case:group-")


def _calculation(item: Evidence, slot: Slot, pool: Pool) -> bool:
    del pool
    return item.kind == "calculation" and item.reference == f"calculation:{slot.calculation}"


def _prior(item: Evidence, slot: Slot, pool: Pool) -> bool:
    del slot
    return item.kind == "report_sentence" and item.reference in pool.prior_reports and item.finding is not None


_FITS: Mapping[str, Callable[[Evidence, Slot, Pool], bool]] = {
    "measured": _measured,
    "fact": _fact,
    "image": _image,
    "report": _report,
    "cases": _cases,
    "calculation": _calculation,
    "prior_report": _prior,
}

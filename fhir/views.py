"""Typed reads over a Fact: what it is, how much, when, whose, and whether it may be believed.

FHIR R4 element names throughout. Every read answers None for what is absent; none guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fhir.absence import declared_absent, given, result_absent
from fhir.chart import Chart, Fact
from fhir.codes import UCUM
from fhir.time import When, parse_when

Element = Mapping[str, Any]
HL7_STATUS = "http://terminology.hl7.org/CodeSystem/"
"""Where the code systems of FHIR's own status elements live."""

TIMES = (
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "onsetDateTime",
    "onsetPeriod",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "started",
    "authoredOn",
    "createdDateTime",
    "createdPeriod",
    "period",
    "date",
    "recordedDate",
    "assertedDate",
    "issued",
    "dateAsserted",
    "startDate",
    "created",
    "billablePeriod",
)
"""Elements that say when a fact holds or happened, in the order they are preferred."""
_TIME_NAMES = (*TIMES, *(f"_{name}" for name in TIMES))
_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "not-done", "nullified"})
_DISBELIEVED = frozenset({"entered-in-error", "refuted"})
_SETTLED = frozenset({"final", "amended", "corrected", "appended"})
KNOWN_MODIFIERS: frozenset[str] = frozenset()
"""URLs of modifier extensions whose meaning Sidenote knows: none. A resource with any other must not be used (FHIR R4 2.4.3)."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A FHIR Quantity as given. `code` is its UCUM code, None when the system is not UCUM or absent."""

    value: Decimal
    text: str
    """The decimal with the digits of the record: `1.00` stays `1.00`."""
    comparator: str | None
    unit: str
    code: str | None


def objects(value: Any) -> tuple[Element, ...]:
    """The objects of a list; () for anything else. A record may give an element another shape than FHIR does."""
    return tuple(one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()


def member(value: Any, name: str) -> Any:
    """An element of an object; None when it is absent, or when `value` is no object."""
    return value.get(name) if isinstance(value, Mapping) else None


def codings(concept: Element | None) -> tuple[tuple[str, str], ...]:
    """(system, code) of every complete coding of a CodeableConcept or Coding, in order."""
    found = _codings(concept)
    return tuple((str(one["system"]), str(one["code"])) for one in found if one.get("system") and one.get("code"))


def _codings(concept: Any) -> tuple[Element, ...]:
    if not isinstance(concept, Mapping):
        return ()
    return objects(concept.get("coding", [concept] if "code" in concept or "display" in concept else []))


def concept_text(concept: Element | None) -> str:
    """How the record calls a concept: its `text`, else the first display, else the first code; "" when it says nothing."""
    if not isinstance(concept, Mapping):
        return ""
    if concept.get("text"):
        return str(concept["text"])
    found = _codings(concept)
    displays = (str(one["display"]) for one in found if one.get("display"))
    return next(displays, next((str(one["code"]) for one in found if one.get("code")), ""))


def quantity(fact: Fact) -> Quantity | None:
    """`valueQuantity` of an Observation, None when it has none, no number, or a reason why there is none."""
    return None if result_absent(fact.body) else quantity_in(given(fact.body, "valueQuantity"))


def quantity_in(element: Any) -> Quantity | None:
    """Read a Quantity element; None when it is absent, has no value or declares its value absent."""
    number = given(element, "value") if isinstance(element, Mapping) and not declared_absent(element) else None
    if not isinstance(number, (int, Decimal)) or isinstance(number, bool):
        return None
    value = Decimal(number)
    code = element.get("code") if element.get("system") == UCUM else None
    return Quantity(value, str(element["value"]), element.get("comparator"), str(element.get("unit") or element.get("code") or ""), code)


def status(fact: Fact) -> str | None:
    """`status` as given: final, active, preliminary and so on."""
    return _text(fact.only("status").get("status"))


def settled(fact: Fact) -> bool:
    """Whether a result is in its final form, changed since or not. A preliminary one, one of unknown or of no status is not."""
    return status(fact) in _SETTLED


def clinical_status(fact: Fact) -> str | None:
    """Code of `clinicalStatus` of a Condition or AllergyIntolerance: active, resolved and so on."""
    return status_code(fact.only("clinicalStatus").get("clinicalStatus"))


def status_code(concept: Any) -> str | None:
    """The code of a status element: HL7's own where it has one beside local codes, else the first; of words alone, the words as a code.

    >>> status_code({"coding": [{"system": "urn:ward", "code": "R"}, {"system": f"{HL7_STATUS}condition-ver-status", "code": "refuted"}]})
    'refuted'
    >>> status_code({"text": "Entered in error"})
    'entered-in-error'
    """
    found = [one for one in _codings(concept) if _text(one.get("code"))]
    ranked = sorted(found, key=lambda one: not str(one.get("system", "")).startswith(HL7_STATUS))
    if ranked:
        return _text(ranked[0]["code"])
    words = _text(member(concept, "text"))
    return "-".join(words.lower().split()) if words else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def when(fact: Fact) -> When | None:
    """When the fact holds or happened: the first given of effective, onset, performed, started, authoredOn, date, issued.

    Of a Period its start, else its end. None when the record does not say.
    """
    return when_in(fact.only(*_TIME_NAMES))


def when_in(body: Element) -> When | None:
    """`when` of a resource of which at least the elements of `TIMES` were read."""
    for name in TIMES:
        text = _instant(given(body, name)) if name in body else None
        found = parse_when(text) if text else None
        if found is not None:
            return found
    return None


def _instant(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return _text(given(value, "start")) or _text(given(value, "end"))
    return _text(value)


def newest_first(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Facts by `when`, newest first; those without a time last; ties by reference, so that the order is one."""
    return tuple(sorted(sorted(facts, key=lambda fact: fact.reference), key=_latest, reverse=True))


def _latest(fact: Fact) -> datetime:
    found = when(fact)
    return found.latest if found is not None else datetime.min.replace(tzinfo=UTC)


def usable(fact: Fact) -> bool:
    """Whether a fact may be reasoned with: not withdrawn, not refuted, and without a modifier that Sidenote does not know."""
    return not unusable_because(fact)


def unusable_because(fact: Fact) -> str:
    """Why a fact may not be reasoned with, in a few words; "" when it may."""
    return _withdrawn_because(fact) or ("a modifier extension of unknown meaning" if _modified(fact) else "")


def obscured(fact: Fact) -> bool:
    """Whether nothing but a modifier of unknown meaning keeps a fact from use: it may mean what it says, or the contrary."""
    return not _withdrawn_because(fact) and _modified(fact)


def _withdrawn_because(fact: Fact) -> str:
    body = fact.only("status", "verificationStatus", "focus")
    if (stated := _text(body.get("status"))) in _WITHDRAWN:
        return f"status {stated}"
    if (verified := status_code(body.get("verificationStatus"))) in _DISBELIEVED:
        return f"verificationStatus {verified}"
    focus = objects(body.get("focus")) if fact.resource_type == "Observation" else ()
    if focus and any(map(_somebody_else(fact), focus)):
        return "focus on somebody else than the patient"
    return ""


def _modified(fact: Fact) -> bool:
    """Whether a fact has an unknown modifier. Text that has no such name, and no escape that could spell it, is not parsed for it."""
    return (b"modifierExtension" in fact.raw or b"\\u" in fact.raw) and any(_unknown_modifiers(fact.body))


def _somebody_else(fact: Fact) -> Callable[[Element], bool]:
    """Whether an `Observation.focus` is a person other than the subject, such as a fetus or a donor (FHIR R4 Observation.focus)."""
    subject = subject_reference(fact)

    def other(focus: Element) -> bool:
        reference = str(focus.get("reference", ""))
        kind = reference.rpartition("/")[0].rpartition("/")[2] or focus.get("type")
        return kind in ("RelatedPerson", "Patient", "Group") and reference != subject

    return other


def _unknown_modifiers(value: Any) -> Iterator[str]:
    """URLs of unknown modifier extensions anywhere in a resource, contained resources left out."""
    if isinstance(value, Mapping):
        yield from _unknown_urls(value.get("modifierExtension", []))
        for name, inner in value.items():
            if name not in ("contained", "modifierExtension") and isinstance(inner, (Mapping, list)):
                yield from _unknown_modifiers(inner)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, (Mapping, list)):
                yield from _unknown_modifiers(one)


def _unknown_urls(extensions: Any) -> Iterator[str]:
    """What is no list of extensions is unknown too: it stands where a negation could."""
    for extension in extensions if isinstance(extensions, list) else [extensions]:
        url = str(member(extension, "url"))
        if url not in KNOWN_MODIFIERS:
            yield url


def subject_reference(fact: Fact) -> str | None:
    """The reference of `subject`, `patient` or `beneficiary`, as given."""
    for name in ("subject", "patient", "beneficiary"):
        found = fact.body.get(name)
        if isinstance(found, Mapping) and isinstance(found.get("reference"), str):
            return str(found["reference"])
    return None


def age_at(chart: Chart, moment: datetime) -> int | None:
    """Completed years of the patient at `moment` (or at death); None when the birth date does not tell.

    Of a partial birth date, answered only when every day it could mean gives the same age.
    """
    born = parse_when(str(given(chart.patient.body, "birthDate")))
    if born is None:
        return None
    died = parse_when(str(given(chart.patient.body, "deceasedDateTime")))
    until = min(moment, died.latest) if died else moment
    parts = [int(part) for part in born.text.partition("T")[0].split("-")]
    oldest, youngest = [*parts, 1, 1][:3], [*parts, 12, 31][:3]
    ages = {_years(oldest, until), _years(youngest, until)}
    return ages.pop() if len(ages) == 1 and min(ages) >= 0 else None


def _years(born: list[int], moment: datetime) -> int:
    return moment.year - born[0] - ((moment.month, moment.day) < (born[1], born[2]))

"""One readable line per resource type. A line is made of parts; every part but the glue is a quote of the resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir.absence import ABSENT_URLS, given
from policies.evidence import Quote
from tools.quotes import text_at

Body = Mapping[str, Any]

DATES: dict[str, tuple[str, ...]] = {
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod.start", "issued"),
    "Condition": ("onsetDateTime", "onsetPeriod.start", "recordedDate"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod.start", "dateAsserted"),
    "AllergyIntolerance": ("onsetDateTime", "recordedDate", "lastOccurrence"),
    "Procedure": ("performedDateTime", "performedPeriod.start"),
    "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod.start", "authoredOn"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod.start", "issued"),
    "ImagingStudy": ("started",),
    "Encounter": ("period.start",),
    "DocumentReference": ("date",),
    "Immunization": ("occurrenceDateTime",),
}
"""Elements that give the time a resource holds for, in the order they are preferred."""

CODED_ELEMENTS: dict[str, tuple[str, ...]] = {
    "MedicationRequest": ("medicationCodeableConcept",),
    "MedicationStatement": ("medicationCodeableConcept",),
    "Device": ("type",),
    "Encounter": ("type", "class"),
    "DocumentReference": ("type",),
    "Immunization": ("vaccineCode",),
    "ImagingStudy": ("procedureCode", "modality"),
    "DiagnosticReport": ("code", "conclusionCode"),
}
"""Elements that say what a resource is about, where that is not `code`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A quote and how it is shown: as it stands, or (a dateTime) its beginning."""

    quote: Quote
    shown: str


@dataclass(frozen=True, slots=True)
class Line:
    """A readable line and the quotes it was built from."""

    text: str
    quotes: tuple[Quote, ...]


_DECLARING = (
    "valueQuantity",
    "valueQuantity._value",
    "valueCodeableConcept",
    "_valueString",
    "_valueInteger",
    "_valueBoolean",
    "_valueDateTime",
)
"""Where an Observation may carry an extension that says its value is missing."""
Segment = tuple["Part | str", ...]


def describe(resource_type: str, body: Body) -> Line:
    """The line of one resource, read with `as_written`. No quotes means there is nothing to say of it."""
    writer = _WRITERS.get(resource_type, _other)
    segments = [segment for segment in writer(body) if any(isinstance(part, Part) for part in segment)]
    if resource_type != "Patient":
        segments += [*_status(body), *_date(body, DATES.get(resource_type, ("date",)))]
    quotes = dict.fromkeys(part.quote for segment in segments for part in segment if isinstance(part, Part))
    text = ", ".join("".join(part if isinstance(part, str) else part.shown for part in segment) for segment in segments)
    return Line(text, tuple(quotes))


def _part(body: Body, *paths: str) -> Part | None:
    for path in paths:
        text = text_at(body, path)
        if text is not None:
            return Part(Quote(path=path, text=text), " ".join(text.split()))
    return None


def _named(word: str, part: Part | None) -> Iterator[Segment]:
    if part is not None:
        yield (word, part) if word else (part,)


def concept(body: Body, element: str) -> Part | None:
    """What a CodeableConcept or Coding element says: its text, else the shortest display of its codings, else a code.

    Terminologies' full names run to a hundred characters and more; of two displays of one concept the shorter says as much.
    """
    displays = [part for n in range(4) if (part := _part(body, f"{element}.coding[{n}].display")) is not None]
    shortest = min(displays, key=lambda part: len(part.shown), default=None)
    codes = [f"{element}.coding[{n}].code" for n in range(4)]
    return _part(body, f"{element}.text") or shortest or _part(body, f"{element}.display", *codes, f"{element}.code")


def _concepts(body: Body, element: str, most: int = 3) -> list[Part]:
    found = (concept(body, f"{element}[{n}]") for n in range(most))
    return [part for part in found if part is not None]


def _joined(word: str, parts: list[Part]) -> Iterator[Segment]:
    if parts:
        segment: list[Part | str] = [word]
        for n, part in enumerate(parts):
            segment += ["; ", part] if n else [part]
        yield tuple(segment)


def _status(body: Body) -> Iterator[Segment]:
    for path in ("clinicalStatus", "verificationStatus"):
        yield from _named("", _part(body, f"{path}.coding[0].code"))
    if isinstance(body.get("status"), str):
        yield from _named("", _part(body, "status"))


def _date(body: Body, paths: tuple[str, ...]) -> Iterator[Segment]:
    part = _part(body, *paths)
    if part is not None:
        yield (Part(part.quote, part.shown[:10]),)


def _measured(body: Body, at: str) -> Segment:
    """` < 5 mg/L` or the like for a value[x] at `at` (with its dot); why there is none, where the record says so; else empty."""
    absent = _absent(body, at)
    if absent is not None:
        return (" not available: ", absent)
    number = _part(body, f"{at}valueQuantity.value")
    if number is not None:
        comparator = _part(body, f"{at}valueQuantity.comparator")
        unit = _part(body, f"{at}valueQuantity.unit", f"{at}valueQuantity.code")
        return (" ", *((comparator, " ") if comparator else ()), number, *((" ", unit) if unit else ()))
    word = concept(body, f"{at}valueCodeableConcept") or _part(
        body, f"{at}valueString", f"{at}valueInteger", f"{at}valueBoolean", f"{at}valueDateTime"
    )
    return (" ", word) if word is not None else ()


def _absent(body: Body, at: str) -> Part | None:
    """The reason why there is no value, which counts for more than a value that stands beside it (FHIR R4 obs-6)."""
    inside = (f"{at}{name}.extension[{n}]" for name in _DECLARING for n in range(2))
    declared = (f"{extension}.valueCode" for extension in inside if text_at(body, f"{extension}.url") in ABSENT_URLS)
    return concept(body, f"{at}dataAbsentReason") or _part(body, *declared)


def _observation(body: Body) -> Iterator[Segment]:
    label = concept(body, "code")
    if label is not None:
        yield (label, *_measured(body, ""))
    for n in range(_length(body, "component")):
        name = concept(body, f"component[{n}].code")
        if name is not None:
            yield (name, *_measured(body, f"component[{n}]."))
    yield from _joined("interpretation ", _concepts(body, "interpretation"))


def _condition(body: Body) -> Iterator[Segment]:
    yield from _named("", concept(body, "code"))
    yield from _joined("site ", _concepts(body, "bodySite"))
    yield from _named("severity ", concept(body, "severity"))
    ended = _part(body, "abatementDateTime", "abatementPeriod.start")
    if ended is not None:
        yield ("until ", Part(ended.quote, ended.shown[:10]))


def _medication(body: Body) -> Iterator[Segment]:
    yield from _named("", concept(body, "medicationCodeableConcept") or _part(body, "medicationReference.display") or _contained(body))
    yield from _dosage(body, "dosageInstruction[0]" if "dosageInstruction" in body else "dosage[0]")
    yield from _named("intent ", _part(body, "intent"))
    yield from _named("do not perform: ", _part(body, "doNotPerform"))


def _contained(body: Body) -> Part | None:
    """The contained Medication a `medicationReference` names with `#id`."""
    wanted = text_at(body, "medicationReference.reference") or ""
    for n in range(_length(body, "contained")):
        if wanted == f"#{text_at(body, f'contained[{n}].id')}":
            return concept(body, f"contained[{n}].code")
    return None


def _dosage(body: Body, at: str) -> Iterator[Segment]:
    text = _part(body, f"{at}.text")
    if text is not None:
        yield (text,)
        return
    dose = f"{at}.doseAndRate[0].doseQuantity"
    number, unit = _part(body, f"{dose}.value"), _part(body, f"{dose}.unit", f"{dose}.code")
    if number is not None:
        yield ("dose ", number, *((" ", unit) if unit else ()))
    times, span, scale = (_part(body, f"{at}.timing.repeat.{name}") for name in ("frequency", "period", "periodUnit"))
    if times and span and scale:
        yield (times, " per ", span, " ", scale)


def _allergy(body: Body) -> Iterator[Segment]:
    label = concept(body, "code")
    if label is not None:
        yield ("allergy or intolerance: ", label)
    yield from _named("criticality ", _part(body, "criticality"))
    for n in range(_length(body, "reaction")):
        yield from _joined("reaction ", _concepts(body, f"reaction[{n}].manifestation"))
        yield from _named("to ", concept(body, f"reaction[{n}].substance"))
        yield from _named("severity ", _part(body, f"reaction[{n}].severity"))


def _procedure(body: Body) -> Iterator[Segment]:
    yield from _named("", concept(body, "code"))
    yield from _joined("site ", _concepts(body, "bodySite"))


def _order(body: Body) -> Iterator[Segment]:
    label = concept(body, "code")
    if label is not None:
        yield ("order: ", label)
    yield from _joined("site ", _concepts(body, "bodySite"))
    yield from _joined("for ", _concepts(body, "reasonCode"))
    yield from _named("priority ", _part(body, "priority"))
    yield from _named("intent ", _part(body, "intent"))
    yield from _named("do not perform: ", _part(body, "doNotPerform"))


def _device(body: Body) -> Iterator[Segment]:
    yield from _named("device: ", concept(body, "type") or _part(body, "deviceName[0].name"))


def _report(body: Body) -> Iterator[Segment]:
    yield from _named("report: ", concept(body, "code"))
    yield from _joined("coded conclusion ", _concepts(body, "conclusionCode"))


def _imaging(body: Body) -> Iterator[Segment]:
    yield from _named("imaging study: ", _part(body, "description") or concept(body, "procedureCode[0]") or _series(body))
    modality = _part(body, "modality[0].code", "series[0].modality.code")
    yield from _named("modality ", modality)


def _series(body: Body) -> Part | None:
    return _part(body, "series[0].description", "series[0].bodySite.display", "series[0].modality.display")


def _encounter(body: Body) -> Iterator[Segment]:
    yield from _named("encounter: ", concept(body, "type[0]") or concept(body, "class"))
    yield from _joined("for ", _concepts(body, "reasonCode"))


def _patient(body: Body) -> Iterator[Segment]:
    yield from _named("", _part(body, "gender"))
    if given(body, "birthDate") is not None:
        yield from _named("born ", _part(body, "birthDate#char=0,4"))


def _other(body: Body) -> Iterator[Segment]:
    label = concept(body, "code") or concept(body, "vaccineCode") or concept(body, "type") or concept(body, "category[0]")
    yield from _named("", label)


def _length(body: Body, element: str) -> int:
    found = body.get(element)
    return len(found) if isinstance(found, list) else 0


_WRITERS: dict[str, Callable[[Body], Iterator[Segment]]] = {
    "Observation": _observation,
    "Condition": _condition,
    "MedicationRequest": _medication,
    "MedicationStatement": _medication,
    "AllergyIntolerance": _allergy,
    "Procedure": _procedure,
    "ServiceRequest": _order,
    "Device": _device,
    "DiagnosticReport": _report,
    "ImagingStudy": _imaging,
    "Encounter": _encounter,
    "Patient": _patient,
}

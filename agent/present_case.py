"""The present case in the case library's words: what is known of it, and what a case must be to stand beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from agent.asking import frontal
from agent.identity import review_patient
from agent.nodes.study import Seen
from fhir.chart import Chart
from fhir.regions import regions
from policies.grounding.lexicon import mentions
from retrieval.cards import Filter, Present
from retrieval.keys import age_band
from retrieval.searching.comparison import alike
from tools.labeler import label
from tools.med_vlm.reading import Reading

_OLDEST: Final = 130
_SEXES: Final = frozenset({"female", "male", "other"})
_IMAGING: Final = frozenset(
    {"CR", "DX", "DR", "RG", "RF", "CT", "MR", "US", "NM", "PT", "MG", "XA", "IO", "PX", "ES", "XC", "GM", "SM", "OP", "OPT", "BMD"}
)
"""DICOM Modality (0008,0060; PS3.3 C.7.3.1.1.1) of images. What accompanies them (SR, KO, PR …) says nothing of the kind of imaging,
and a code that is none of DICOM's cannot be compared with a library's."""
_UNSTATED: Final = frozenset({"UNKNOWN"})
"""A case whose archive does not say its body part is not of another one."""
_BODY_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "chest": frozenset({"CHEST", "THORAX", "LUNG", "CHESTABDOMEN", "CHESTABDPELVIS"}),
    "abdomen": frozenset({"ABDOMEN", "ABDOMENPELVIS", "CHESTABDOMEN", "CHESTABDPELVIS"}),
    "pelvis": frozenset({"PELVIS", "ABDOMENPELVIS", "CHESTABDPELVIS"}),
    "head": frozenset({"HEAD", "SKULL", "BRAIN", "HEADNECK"}),
    "neck": frozenset({"NECK", "HEADNECK"}),
    "cervical spine": frozenset({"CSPINE"}),
    "thoracic spine": frozenset({"TSPINE"}),
    "lumbar spine": frozenset({"LSPINE"}),
    "heart": frozenset({"HEART"}),
    "breast": frozenset({"BREAST"}),
    "shoulder": frozenset({"SHOULDER"}),
    "elbow": frozenset({"ELBOW"}),
    "wrist": frozenset({"WRIST"}),
    "hand": frozenset({"HAND"}),
    "hip": frozenset({"HIP"}),
    "knee": frozenset({"KNEE"}),
    "ankle": frozenset({"ANKLE"}),
    "foot": frozenset({"FOOT"}),
}
"""Region of `fhir.regions` -> the terms of DICOM Body Part Examined (0018,0015; PS3.16 Annex L) that show it."""


def present_case(chart: Chart, seen: Seen, reading: Reading | None, report: str, as_of: datetime) -> Present:
    """What the reading, the report, the image's tags and the record say of the present case. What they do not say stays None."""
    patient = review_patient(chart, as_of)
    stated = label(report)
    read = [finding for finding in reading.findings if finding.presence == "present"] if reading else []
    doubted = {one.key for one in reading.findings if one.presence == "uncertain"} if reading else set()
    kinds = _modalities(seen)
    return Present(
        findings=frozenset(one.key for one in stated) | {one.key for one in read},
        doubted=frozenset(doubted | {one.finding for one in mentions(report) if one.polarity == "uncertain"}),
        sides=frozenset((one.key, one.side) for one in stated if one.side) | {(one.key, one.side) for one in read if one.side},
        locations=frozenset((one.key, one.location) for one in stated if one.location),
        modality=kinds[0] if len(kinds) == 1 else None,
        view=_tag(seen, "ViewPosition"),
        age_band=age_band(patient.age) if patient.age is not None and 0 <= patient.age <= _OLDEST else None,
        sex=patient.sex if patient.sex in _SEXES else None,
    )


def of_its_kind(seen: Seen) -> Filter:
    """Cases of the same kind of imaging and the same part of the body, as far as the image or the study says which they are.

    A study says its body part as SNOMED CT or in words (`fhir.regions`), a case as DICOM Body Part Examined; a region without such
    a term filters nothing.
    """
    kinds, shown = _kinds(seen), _regions(seen)
    terms = frozenset().union(*(_BODY_PARTS[one] for one in shown))
    return Filter(modalities=kinds or None, body_parts=terms | _UNSTATED if terms else None)


def kind_words(seen: Seen) -> tuple[str, ...]:
    """The filter of `of_its_kind` in words, e.g. `modality CT` and `body part chest`; empty where it filters nothing."""
    named = (("modality", _kinds(seen)), ("body part", _regions(seen)))
    return tuple(f"{name} {' or '.join(sorted(values))}" for name, values in named if values)


def _kinds(seen: Seen) -> frozenset[str]:
    return frozenset().union(*map(alike, _modalities(seen)))


def _modalities(seen: Seen) -> tuple[str, ...]:
    """Of the image that is searched with, else of the study."""
    tagged = _tag(seen, "Modality")
    stated = (tagged,) if tagged else seen.study.modality if seen.study else ()
    return tuple(sorted(_IMAGING.intersection(stated)))


def _regions(seen: Seen) -> frozenset[str]:
    """Of the study, else of the image that is searched with; none where a library has no term for one of them."""
    stated = seen.study.regions if seen.study is not None else frozenset()
    found = stated or regions((), (_tag(seen, "BodyPartExamined") or "",))
    return found if found <= _BODY_PARTS.keys() else frozenset()


def _tag(seen: Seen, keyword: str) -> str | None:
    picture = frontal(seen.pictures)
    return None if picture is None else picture.tags.get(keyword) or None

"""How much a fact matters for a question and a study, as parts that add up and can be shown: "why it is in"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fhir.chart import Chart, Fact
from fhir.codes import FINDINGS, SNOMED
from fhir.index import Concept
from fhir.study import Study
from fhir.time import When
from fhir.value_sets import Coding, codings_of, normalised, text_of
from fhir.views import objects, status, usable
from tools.evidence_pack.links import anchors_of
from tools.evidence_pack.words import sets_in, sets_of, telling
from tools.orders import OPEN

Part = tuple[str, float]
"""What speaks for a fact, and how much."""

QUESTION = "question"
"""Begins the name of the part that says the question names a fact."""
ASKED, ASKED_WORDS = 6.0, 4.0
READ, FINDING = 3.0, 3.0
REASON, REASON_WORDS = 3.0, 2.0
TIED = 2.0
PLACE, MODALITY = 1.5, 0.5
TURNING = 1.0
BETWEEN = 0.2
"""Share of its weight that a result keeps when it lies between the turning points of its series: they have told the course."""
ACTIVE = 0.5
RECENT = 2.0
LISTED = 1.5
LEAST = 1.5
"""A fact that scores less is tied to nothing that is asked, is old, and is set aside: it would fill the pack and tell nothing."""

HALF_LIFE: dict[str, timedelta] = {
    "Observation": timedelta(days=90),
    "Encounter": timedelta(days=30),
    "MedicationRequest": timedelta(days=180),
    "MedicationStatement": timedelta(days=180),
    "Condition": timedelta(days=730),
    "Procedure": timedelta(days=365),
    "ImagingStudy": timedelta(days=365),
    "DiagnosticReport": timedelta(days=180),
    "DocumentReference": timedelta(days=90),
    "Immunization": timedelta(days=365),
}
"""After how long a fact of a kind counts half as recent: a blood count is stale before a diagnosis is."""
_HALF_LIFE = timedelta(days=180)

PLACES: tuple[frozenset[str], ...] = tuple(
    telling(words)
    for words in (
        "chest thorax thoracic lung pulmonary pleural mediastinal rib cardiac heart cardiomegaly",
        "abdomen abdominal pelvis pelvic liver hepatic kidney renal bowel colon pancreas gallbladder flank",
        "head brain skull cranial cerebral intracranial sinus neck",
        "spine spinal lumbar cervical vertebral back disc",
        "breast mammography mammogram",
        "arm leg hand foot ankle knee hip wrist shoulder elbow femur tibia humerus",
    )
)
"""Parts of the body, each by the words that mean it."""

_MODALITY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("CR", "DX", "RF", "RG", "DR"), frozenset(("radiograph", "radiography", "xray", "ray", "film"))),
    "CT": frozenset(("ct", "tomography")),
    "MR": frozenset(("mri", "magnetic")),
    "US": frozenset(("ultrasound", "sonography", "echocardiography", "echocardiogram")),
    "MG": frozenset(("mammography", "mammogram")),
}
_FINDING_CODES = frozenset((SNOMED, finding.snomed) for finding in FINDINGS if finding.snomed)
_FINDING_WORDS = tuple(normalised(finding.display) for finding in FINDINGS)


@dataclass(frozen=True, slots=True)
class Focus:
    """What a review asks about: a moment, a question, a study, and the reasons the study or another examination was ordered for."""

    as_of: datetime
    question: str = ""
    reason: str = ""
    place: frozenset[str] = frozenset()
    """Words of the body parts the study or an open order is of."""
    modality: frozenset[str] = frozenset()
    reason_codes: frozenset[Coding] = frozenset()
    anchors: frozenset[str] = frozenset()
    """References of the study, its orders and open orders, and of what these point at."""


def focus_of(chart: Chart, as_of: datetime, study: Study | None = None, question: str | None = None) -> Focus:
    """What a review of `study` asks about at `as_of` (aware), with the chart's own reasons for it."""
    wanted = [fact for fact in chart.of_type("ServiceRequest") if usable(fact) and (_ordered(fact, study) or status(fact) in OPEN)]
    reasons = [reason for fact in wanted for reason in objects(fact.body.get("reasonCode"))]
    orders = [text_of(named) for fact in wanted if isinstance(named := fact.body.get("code"), Mapping)]
    described = [study.body_part or "", study.description or ""] if study else []
    seen = telling(" ".join((*described, *orders)))
    return Focus(
        as_of=as_of,
        question=question or "",
        reason=" ".join(sorted({text_of(reason) for reason in reasons} | set(orders))),
        place=frozenset(word for words in PLACES if words & seen for word in words),
        modality=frozenset(word for kind in (study.modality if study else ()) for word in _MODALITY.get(kind, ())),
        reason_codes=frozenset(coding for reason in reasons for coding in codings_of(reason)),
        anchors=anchors_of(chart, sorted({fact.reference for fact in wanted} | ({study.reference} if study else set()))),
    )


def _ordered(fact: Fact, study: Study | None) -> bool:
    return study is not None and fact.reference in study.orders


class Scale:
    """Weighs concepts and facts against one focus. What a question means is worked out once."""

    def __init__(self, focus: Focus) -> None:
        """Keep `focus`, and what its words mean."""
        self.focus = focus
        self._asked, self._words = sets_in(focus.question), telling(focus.question)
        self._reasons, self._reason_words = sets_in(focus.reason), telling(focus.reason)

    def of_concept(self, concept: Concept) -> tuple[Part, ...]:
        """What speaks for anything of this concept, whenever it was."""
        codings, text = concept
        sets, words = sets_of(codings, text), telling(text)
        return tuple(
            part
            for part in (
                _asked(QUESTION, sets & self._asked, self._words & words, (ASKED, ASKED_WORDS), len(self._words)),
                _asked("reason", sets & self._reasons, self._reason_words & words, (REASON, REASON_WORDS), len(self._reason_words)),
                ("coded reason", REASON) if codings & self.focus.reason_codes else None,
                (f"read by policies: {', '.join(sorted(sets))}", READ) if sets else None,
                ("a finding of images", FINDING) if _is_finding(concept) else None,
                ("body part", PLACE) if words & self.focus.place else None,
                ("modality", MODALITY) if words & self.focus.modality else None,
            )
            if part is not None
        )

    def recency(self, resource_type: str, moment: When | None) -> tuple[Part, ...]:
        """How recent a fact is: 2 at the moment asked about, half of it after each half-life of its kind."""
        if moment is None:
            return ()
        age = max(self.focus.as_of - moment.latest, timedelta(0))
        return (("recent", round(RECENT * 0.5 ** (age / HALF_LIFE.get(resource_type, _HALF_LIFE)), 3)),)


def total(parts: Iterable[Part]) -> float:
    """The score: the sum of its parts."""
    return sum(weight for _, weight in parts)


def why(parts: Iterable[Part]) -> str:
    """The parts in words, weightiest first: `read by policies: egfr 3.0, recent 1.9`."""
    return ", ".join(f"{name} {weight:.1f}" for name, weight in sorted(parts, key=lambda part: (-part[1], part[0])) if abs(weight) >= 0.05)


def _asked(name: str, sets: frozenset[str], words: frozenset[str], weights: tuple[float, float], of: int) -> Part | None:
    """By value set in full, by words in the share of the asked words that it names."""
    if sets:
        return f"{name}: {', '.join(sorted(sets))}", weights[0]
    return (f"{name}: {', '.join(sorted(words))}", weights[1] * max(len(words) / of, 0.5)) if words else None


def _is_finding(concept: Concept) -> bool:
    codings, text = concept
    named = normalised(text)
    return bool(codings & _FINDING_CODES) or any(words in named for words in _FINDING_WORDS)

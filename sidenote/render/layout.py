"""What is shown where: the order of a review for a reader in a hurry, the same for every rendering for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.review import Overflow, Review, ReviewClaim, ReviewPatient, ReviewPolicy, SimilarCase, Voice
from fhir.codes import FINDING
from policies.evidence import Evidence, Polarity
from retrieval.finding_words import finding_name

Tone = Literal["critical", "caution", "plain", "accent"]

STATUS_WORDS = {
    "presented": "presented",
    "needs_review": "needs a person's review",
    "withheld": "withheld by policy",
    "abstained": "abstained",
}
STATUS_STYLES = {"presented": "green", "needs_review": "yellow", "withheld": "red", "abstained": "cyan"}
"""Status -> terminal colour."""
KIND_WORDS = {"finding": "Finding", "assessment": "Assessment", "recommendation": "Option", "caution": "Caution"}
CONTEXT = "In the chart"
"""Heading of a fact of the chart that bears on reading an image."""
_CEASING = frozenset({"Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "ServiceRequest"})
_ENDED = frozenset({"resolved", "inactive", "remission", "completed", "stopped", "revoked", "cancelled", "not-taken"})
_FACT_WORDS: dict[tuple[str, ...], tuple[str, str]] = {
    ("Condition",): ("problem", "problems"),
    ("MedicationRequest", "MedicationStatement"): ("medicine", "medicines"),
    ("AllergyIntolerance",): ("allergy or intolerance", "allergies or intolerances"),
    ("ServiceRequest",): ("open order", "open orders"),
    ("Procedure", "Device"): ("procedure or device", "procedures and devices"),
    ("Observation",): ("result", "results"),
}
EVIDENCE_WORDS = {
    "chart_fact": "chart",
    "report_sentence": "report",
    "image_finding": "image",
    "similar_case": "similar cases",
    "guidance": "guidance",
    "calculation": "calculation",
}
ACTION_WORDS = {
    "block": "blocks",
    "escalate": "escalates",
    "review": "asks for review",
    "redact": "redacts",
    "warn": "warns",
    "annotate": "notes",
}
NOT_A_DEVICE = "Research software, not a medical device"
AI_LABEL = "AI-generated, not yet reviewed by a person"
MARKS: dict[Polarity | None, str] = {"present": "●", "absent": "○", "uncertain": "◐", None: "–"}


@dataclass(frozen=True, slots=True)
class Card:
    """A claim with the policies that speak of it, and how loud it is."""

    claim: ReviewClaim
    tone: Tone
    heading: str
    policies: tuple[ReviewPolicy, ...]
    also: tuple[str, ...] = ()
    """Ids of policies that speak of it too and stand at an earlier card."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A review in reading order: what comes before anything else, what to consider, what was seen, what rules say besides."""

    first: tuple[Card, ...]
    consider: tuple[Card, ...]
    seen: tuple[Card, ...]
    elsewhere: tuple[ReviewPolicy, ...]
    """Fired policies that speak of no shown claim."""
    account: tuple[str, ...]
    """What was looked at, in sentences; the first says how it ended (`account`)."""


def arrange(review: Review) -> Layout:
    """Sort a review's claims for a reader: critical first, then cautions and recommendations, then findings."""
    speaking = tuple(policy for policy in review.policies if policy.outcome == "fired")
    placed: set[str] = set()
    cards = []
    for claim in review.claims:
        card = _card(claim, speaking, frozenset(placed))
        placed.update(policy.id for policy in card.policies)
        cards.append(card)
    return Layout(
        first=tuple(card for card in cards if card.tone == "critical"),
        consider=tuple(card for card in cards if card.tone != "critical" and card.claim.kind in ("recommendation", "caution")),
        seen=tuple(card for card in cards if card.tone != "critical" and card.claim.kind in ("finding", "assessment")),
        elsewhere=tuple(policy for policy in speaking if policy.id not in placed),
        account=account(review),
    )


def _card(claim: ReviewClaim, speaking: tuple[ReviewPolicy, ...], placed: frozenset[str]) -> Card:
    concerned = tuple(policy for policy in speaking if claim.id in policy.claims)
    critical = any(policy.action in ("escalate", "block") for policy in concerned)
    tone: Tone = (
        "critical" if critical else "caution" if claim.kind == "caution" else "accent" if claim.kind == "recommendation" else "plain"
    )
    heading = "▲ Critical, possible" if critical else CONTEXT if _is_context(claim) else KIND_WORDS[claim.kind]
    fresh = tuple(policy for policy in concerned if policy.id not in placed)
    return Card(claim, tone, heading, fresh, tuple(policy.id for policy in concerned if policy.id in placed))


def _is_context(claim: ReviewClaim) -> bool:
    """Whether guidance has it say what the chart holds, and nothing of an image."""
    return claim.kind == "assessment" and claim.finding is None and claim.guidance is not None


def account(review: Review) -> tuple[str, ...]:
    """What was looked at and how it ended, so that a review without a statement is told from one that did not look."""
    return (_outcome(review), _study_seen(review), *_orders_seen(review), *_facts_seen(review))


def _outcome(review: Review) -> str:
    count = {outcome: sum(policy.outcome == outcome for policy in review.policies) for outcome in ("clear", "fired", "cannot_tell")}
    rules = f"{count['clear']} of {len(review.policies)} policies clear"
    rules += f", {count['fired']} fired" if count["fired"] else ""
    rules += f", {count['cannot_tell']} cannot tell" if count["cannot_tell"] else ""
    if review.status == "withheld":
        return f"{rules}; a policy withholds this review."
    if review.claims:
        return f"{rules}; {_counted(len(review.claims), 'statement')} shown."
    if review.withheld:
        return f"{rules}; {_counted(len(review.withheld), 'statement')} withheld, each with its reason, and none left to show."
    return f"{rules}; {_nothing_in(review)} calls for a statement{_unread(review)}."


def _nothing_in(review: Review) -> str:
    """Only what was looked at is said to hold nothing."""
    chart = "what came of the chart" if review.manifest.incomplete else "the chart"
    report = ["the report"] if review.study is not None and review.study.reports else []
    image = ["the image"] if review.reading_mode == "read" else []
    *others, last = (chart, *report, *image)
    return f"nothing in {', '.join(others)} or {last}" if others else f"nothing in {last}"


def _unread(review: Review) -> str:
    return (
        "" if review.reading_mode == "read" else "; no image was available" if review.reading_mode == "none" else "; the image was not read"
    )


def _study_seen(review: Review) -> str:
    study = review.study
    if study is None:
        unknown = "ImagingStudy" in review.manifest.incomplete
        return "Whether the chart has an imaging study is not known." if unknown else "The chart holds no imaging study."
    named = " ".join(part for part in (study.description, *study.modality[: 0 if study.description else 2]) if part) or "without a name"
    dated = f" of {moment(study.started[:10])}" if study.started else ", undated"
    reports = _counted(len(study.reports), "report") if study.reports else "no report of it in the chart"
    images = _counted(len(study.images), "image") if study.images else "no image"
    return f"Study {named}{dated}: {reports}, {images}."


def _orders_seen(review: Review) -> tuple[str, ...]:
    """That nothing is ordered, said only where the orders were pulled whole: most rules about contrast, MRI and biopsy wait for one."""
    ordered = any(item.reference.startswith("ServiceRequest/") and _is_current(item) for item in review.evidence)
    # A file holds what it holds: nothing is asked for by type, and nothing is listed.
    whole = review.manifest.source == "file" or ("ServiceRequest", "complete") in {
        (p.resource_type, p.state) for p in review.manifest.asked
    }
    shown = ordered or not whole or "ServiceRequest" in review.manifest.incomplete or review.status == "withheld"
    return () if shown else ("No open order: what rules say of planned contrast, MRI and biopsies had nothing to apply to.",)


def _facts_seen(review: Review) -> tuple[str, ...]:
    kinds = {key: words for keys, words in _FACT_WORDS.items() for key in keys}
    facts = {item.reference for item in review.evidence if item.kind == "chart_fact" and _is_current(item)}
    named = Counter(kinds[kind] for reference in facts if (kind := reference.split("/")[0]) in kinds)
    told = [_counted(named[words], *words) for words in _FACT_WORDS.values() if named[words]]
    return (f"Evidence of the record: {', '.join(told)}.",) if told else ()


def _is_current(item: Evidence) -> bool:
    """Whether a problem, allergy, medicine or order is not over. Evidence holds past ones too, where the question is about them."""
    return item.status not in _ENDED or item.reference.split("/")[0] not in _CEASING


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


@dataclass(frozen=True, slots=True)
class Row:
    """Evidence as the list shows it: one text of one source, whatever numbers the run gave it."""

    ids: tuple[str, ...]
    first: Evidence
    claims: tuple[str, ...]
    """Claims that cite it."""

    @property
    def label(self) -> str:
        """`E7`, or `E7 +2` where the run gave the same sentence two more numbers."""
        return self.ids[0] if len(self.ids) == 1 else f"{self.ids[0]} +{len(self.ids) - 1}"


def rows(review: Review, *, cited: bool) -> tuple[Row, ...]:
    """The evidence that claims and policies point at, or all the rest. A sentence that speaks of three findings is one row."""
    pointed = {identity for claim in review.claims for identity in claim.evidence}
    pointed |= {identity for policy in review.policies if policy.outcome == "fired" for identity in policy.evidence}
    made = (_row(review, items) for items in grouped(review.evidence))
    return tuple(row for row in made if bool(pointed & set(row.ids)) == cited)


def grouped(evidence: Iterable[Evidence]) -> tuple[tuple[Evidence, ...], ...]:
    """Items of the same text of the same source together, in the order of the first of each."""
    found: dict[tuple[str, str], list[Evidence]] = {}
    for item in evidence:
        found.setdefault((item.reference, item.text), []).append(item)
    return tuple(tuple(items) for items in found.values())


def _row(review: Review, items: tuple[Evidence, ...]) -> Row:
    ids = tuple(item.id for item in items)
    return Row(ids, items[0], tuple(claim.id for claim in review.claims if set(ids) & set(claim.evidence)))


def finding_words(key: str, side: str | None = None) -> str:
    """A finding's display with its side, e.g. `left pleural effusion`."""
    display = FINDING[key].display if key in FINDING else finding_name(key)
    return f"{side} {display}" if side else display


def case_title(case: SimilarCase) -> str:
    """What is stated of a past case."""
    return "; ".join(case.stated or (finding_words(key, side) for key, side in case.findings)) or "no finding stated"


def patient_detail(patient: ReviewPatient) -> str:
    """Sex, age, birth date and identifiers in one line: enough to see whose review this is."""
    age = "age unknown" if patient.age is None else f"{patient.age} y"
    born = f"born {moment(patient.birth_date)}" if patient.birth_date else "birth date not recorded"
    return " · ".join(
        (patient.sex or "sex not recorded", age, born, *(tuple(dict.fromkeys(patient.identifiers[:2])) or (patient.reference,)))
    )


def telling(review: Review) -> tuple[Voice, ...]:
    """The voices worth a row: somebody says that the finding is there, or they disagree."""

    def says_present(voice: Voice) -> bool:
        return any(say.polarity == "present" for say in (voice.chart, voice.report, voice.reading))

    return tuple(voice for voice in review.voices if voice.discordant or says_present(voice))


def moment(text: str) -> str:
    """A FHIR instant as a person writes it, e.g. `20 Nov 2026, 08:16 UTC`; what is no instant stays as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    if "T" not in text:
        return f"{when.day} {when:%b %Y}"
    zone = f" {when:%Z}".rstrip() if when.tzinfo else ""
    return f"{when.day} {when:%b %Y, %H:%M}{zone}"


def short_reference(reference: str) -> str:
    """A reference short enough to read: hashes are cut after twelve digits."""
    kind, _, rest = reference.partition(":")
    return f"{kind}:{rest[:12]}…" if kind in ("image", "case") and len(rest) > 12 else reference


def short_version(version: str) -> str:
    """A version whose hash is cut after twelve digits: enough to tell two apart, and the record holds the rest."""
    return " ".join(word[:12] if len(word) == 64 else word for word in version.split())


def unavailable(review: Review) -> tuple[str, ...]:
    """In words, what was asked for and did not come, and why where that is known."""
    told = {pull.resource_type: f"{pull.state}: {pull.reason}" if pull.reason else pull.state for pull in review.manifest.asked}
    return tuple(f"{name} ({told.get(name, 'not asked')})" for name in review.manifest.incomplete)


def not_fitting(over: Overflow) -> str:
    """In words, what of one tool did not fit into the evidence."""
    newest = f", the newest of {moment(over.newest[:10])}" if over.newest else ""
    needed = " Something that a review should not be without is among them: the evidence budget is too small." if over.needed else ""
    return f"{over.dropped} of {over.dropped + over.kept} {over.tool} did not fit into the evidence{newest}.{needed}"


def plain_status(review: Review) -> str:
    """The status in words."""
    return STATUS_WORDS[review.status]

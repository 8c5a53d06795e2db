"""What is shown where: the order of a review for a reader in a hurry, the same for every rendering for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.review import Review, ReviewClaim, ReviewPolicy, Voice
from fhir.codes import FINDING
from policies.evidence import Evidence, Polarity

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
    )


def _card(claim: ReviewClaim, speaking: tuple[ReviewPolicy, ...], placed: frozenset[str]) -> Card:
    concerned = tuple(policy for policy in speaking if claim.id in policy.claims)
    critical = any(policy.action in ("escalate", "block") for policy in concerned)
    tone: Tone = (
        "critical" if critical else "caution" if claim.kind == "caution" else "accent" if claim.kind == "recommendation" else "plain"
    )
    heading = "▲ Critical, possible" if critical else KIND_WORDS[claim.kind]
    fresh = tuple(policy for policy in concerned if policy.id not in placed)
    return Card(claim, tone, heading, fresh, tuple(policy.id for policy in concerned if policy.id in placed))


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
    grouped: dict[tuple[str, str], list[Evidence]] = {}
    for item in review.evidence:
        grouped.setdefault((item.reference, item.text), []).append(item)
    made = (_row(review, tuple(items)) for items in grouped.values())
    return tuple(row for row in made if bool(pointed & set(row.ids)) == cited)


def _row(review: Review, items: tuple[Evidence, ...]) -> Row:
    ids = tuple(item.id for item in items)
    return Row(ids, items[0], tuple(claim.id for claim in review.claims if set(ids) & set(claim.evidence)))


def finding_words(key: str, side: str | None = None) -> str:
    """A finding's display with its side, e.g. `left pleural effusion`."""
    display = FINDING[key].display if key in FINDING else key
    return f"{side} {display}" if side else display


def patient_detail(review: Review) -> str:
    """Sex, age, birth date and identifiers in one line: enough to see whose review this is."""
    patient = review.patient
    age = "age unknown" if patient.age is None else f"{patient.age} y"
    born = f"born {moment(patient.birth_date)}" if patient.birth_date else "birth date not recorded"
    return " · ".join((patient.sex or "sex not recorded", age, born, *(patient.identifiers[:2] or (patient.reference,))))


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
    """In words, what was asked for and did not come."""
    states = {pull.resource_type: pull.state for pull in review.manifest.asked}
    return tuple(f"{name} ({states.get(name, 'not asked')})" for name in review.manifest.incomplete)


def plain_status(review: Review) -> str:
    """The status in words."""
    return STATUS_WORDS[review.status]

"""A question on a finished review, answered from what the review was made of: statements repeated, evidence quoted, nothing phrased anew.

The evidence is gathered again over the same chart with the question in mind, so that a fact which did not matter for the review can
be quoted. What does not bear on the question by its words, its value sets or its findings is left out, however relevant it is
otherwise: an answer that lists the chart is none. No network, no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.nodes.gather import gather
from agent.review import Review, ReviewClaim, Withheld
from agent.snapshot import Snapshot
from fhir.value_sets import Coding
from policies.evidence import Evidence, Sourced
from policies.grounding.lexicon import mentions
from tools.evidence_pack.words import sets_in, sets_of, telling

Outcome = Literal["answered", "quoted", "nothing", "withheld"]
MOST = 20
"""Items quoted: more are not read. How many more there are is said."""
TYPES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("medicine", "medication", "drug", "prescription", "taking"), frozenset({"MedicationRequest", "MedicationStatement"})),
    **dict.fromkeys(("allergy", "allergie", "allergic", "intolerance"), frozenset({"AllergyIntolerance"})),
    **dict.fromkeys(("problem", "diagnosis", "diagnose", "condition", "disease", "comorbiditie"), frozenset({"Condition"})),
    **dict.fromkeys(("order", "ordered", "planned"), frozenset({"ServiceRequest"})),
    **dict.fromkeys(("procedure", "operation", "surgery"), frozenset({"Procedure"})),
    **dict.fromkeys(("device", "implant"), frozenset({"Device"})),
    **dict.fromkeys(("vaccine", "vaccination", "immunisation", "immunization"), frozenset({"Immunization"})),
    **dict.fromkeys(("lab", "laboratory", "bloods"), frozenset({"Observation"})),
}
"""A word as `telling` leaves it -> the types of resource that it asks for."""
_ALLERGIES = frozenset({"contrast_allergy", "shellfish_or_iodine_allergy"})
"""Value sets whose words mean an allergy only where the resource says that it is one."""
_OTHERS = frozenset({"similar", "comparable", "neighbour", "neighbor"})
_ASKING = telling(
    "about active any answer chart check clear current currently evidence ever explain find finding good bad given happen happened high "
    "image known latest list low mean measured model most much many need new normal now ok okay please previous read reading recent "
    "recently record report result review risk safe say seen sign still summary summarise tell test there today value written yes"
)
"""Words that ask, and name nothing that could be found."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the snapshot holds on a question."""

    outcome: Outcome
    evidence: tuple[Evidence, ...] = ()
    """What bears on it, in the order of gathering: numbered as in the review, or further on."""
    claims: tuple[ReviewClaim, ...] = ()
    """Statements of the review that rest on it."""
    withheld: tuple[Withheld, ...] = ()
    more: int = 0
    """How many items bear on it besides."""
    further: tuple[Evidence, ...] = field(default=(), repr=False)
    """All evidence that was numbered on after the review's own, to be handed in with the next question."""


@dataclass(frozen=True, slots=True)
class _Asked:
    words: frozenset[str]
    sets: frozenset[str]
    findings: frozenset[str]
    types: frozenset[str]
    others: bool
    """Whether it is about similar cases."""


def follow_up(snapshot: Snapshot, review: Review, question: str, further: tuple[Evidence, ...] = ()) -> Answer:
    """Answer `question` from `snapshot`. A function of its arguments alone; takes as long as `gather`: call it in a thread.

    Args:
        snapshot: What the review was made of.
        review: The review that was shown: nothing that it keeps back is told.
        question: In a person's words. It is text and nothing else.
        further: Evidence that earlier answers numbered on.
    """
    if review.status == "withheld":
        return Answer("withheld", further=further)
    asked = _asked(question)
    bearing = [item for item in _gathered(snapshot, review, question) if _bears(item, asked)]
    evidence, further = _numbered(bearing[:MOST], snapshot, review, further)
    rests = {item.id for item in evidence}
    claims = tuple(claim for claim in review.claims if rests & set(claim.evidence) or claim.finding in asked.findings)
    withheld = tuple(each for each in review.withheld if rests & set(each.claim.evidence))
    outcome: Outcome = "answered" if claims else "quoted" if evidence else "nothing"
    return Answer(outcome, evidence, claims, withheld, len(bearing) - len(evidence), further)


def _asked(question: str) -> _Asked:
    words = telling(question)
    return _Asked(
        words=words - _ASKING - frozenset(TYPES) - _OTHERS,
        sets=sets_in(question),
        findings=frozenset(mention.finding for mention in mentions(question)),
        types=frozenset(name for word in words for name in TYPES.get(word, ())),
        others=bool(words & _OTHERS),
    )


def _gathered(snapshot: Snapshot, review: Review, question: str) -> Iterator[Sourced]:
    """The evidence for this question, without what the review keeps back."""
    pack, _ = gather(
        snapshot.chart,
        snapshot.as_of,
        snapshot.topics,
        study=snapshot.study,
        facts=snapshot.facts,
        read=snapshot.read,
        retrieved=snapshot.retrieved,
        question=question,
        budget=snapshot.evidence_tokens,
    )
    shown = {_plain(item) for item in review.evidence}
    kept_back = {_plain(item) for item in snapshot.pack.evidence} - shown
    for item in map(_plain, pack.evidence):
        if item in shown or (item not in kept_back and item.kind != "image_finding"):
            yield item


def _plain(item: Evidence) -> Sourced:
    return Sourced.model_validate(item.model_dump(exclude={"id"}))


def _bears(item: Sourced, asked: _Asked) -> bool:
    """Whether it is of a finding, a type or a value set that is asked about, or names what the question names.

    Guidance bears on nothing by itself: it is about nobody, and comes with the statement that cites it.
    """
    if item.kind == "guidance":
        return False
    if item.kind == "similar_case":
        return asked.others or item.finding in asked.findings
    if item.finding in asked.findings:
        return True
    if item.kind == "image_finding":
        return False  # all of them say the same words
    type_ = item.reference.partition("/")[0]
    sets = asked.sets if type_ == "AllergyIntolerance" else asked.sets - _ALLERGIES
    return (item.kind == "chart_fact" and type_ in asked.types) or _names(item, asked) or bool(sets & sets_of(_codings(item), item.text))


def _names(item: Sourced, asked: _Asked) -> bool:
    """Whether it has at least half of the words that name something; all of them, where the question is understood otherwise too."""
    named = asked.words & telling(item.text)
    enough = len(named) == len(asked.words) if asked.findings or asked.sets else 2 * len(named) >= len(asked.words)
    return bool(named) and enough


def _codings(item: Sourced) -> frozenset[Coding]:
    return frozenset((system, code) for system, bar, code in (text.rpartition("|") for text in item.codes) if bar)


def _numbered(
    items: list[Sourced], snapshot: Snapshot, review: Review, further: tuple[Evidence, ...]
) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """`items` with the review's numbers, else with those of earlier answers, else further on; and all that is numbered further on."""
    known = {_plain(item): item for item in (*review.evidence, *further)}
    last = max((int(item.id[1:]) for item in (*snapshot.pack.evidence, *further)), default=0)
    fresh = [item for item in dict.fromkeys(items) if item not in known]
    made = tuple(Evidence(id=f"E{number}", **item.model_dump()) for number, item in enumerate(fresh, start=last + 1))
    known.update(zip(fresh, made, strict=True))
    return tuple(known[item] for item in dict.fromkeys(items)), (*further, *made)

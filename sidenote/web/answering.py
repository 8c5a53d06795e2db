"""An answer to a question as the sidebar shows it."""

from __future__ import annotations

from agent.follow_up import Answer, follow_up
from agent.graph import Finished
from agent.review import Review
from policies.evidence import Evidence
from sidenote.render.layout import Row, arrange, grouped, moment, unavailable
from sidenote.render.legible import legible, spelled
from sidenote.web.view.cards import card_view, withheld_view
from sidenote.web.view.evidence import evidence_views, row_view
from sidenote.web.wire.ask import AnswerView
from sidenote.web.wire.view import CardView, EvidenceView

QUOTED = "No language model is configured: Sidenote quotes and phrases no answer of its own."
WORDS = {
    "answered": f"{QUOTED} These statements of the review rest on what bears on the question, and below stands what they rest on.",
    "quoted": f"{QUOTED} No statement of the review speaks of it; this is what the chart says, word for word.",
    "nothing": "Nothing that was found in the chart of {when} bears on the question. That is not a no: its words were looked for, "
    "and nothing else was understood of it.",
    "withheld": "A policy withholds this review, so nothing is answered from it.",
}


def answered(finished: Finished, question: str, further: tuple[Evidence, ...] = ()) -> tuple[AnswerView, tuple[Evidence, ...]]:
    """The answer, and the evidence that is numbered on after the review's own, to be handed in again. Call it in a thread."""
    answer = follow_up(finished.snapshot, finished.review, question, further)
    review = legible(finished.review)
    shown = frozenset(item.id for item in (*review.evidence, *answer.evidence))
    view = AnswerView(
        question=spelled(question),
        outcome=answer.outcome,
        words=_words(answer, review),
        cards=_cards(answer, review),
        withheld=tuple(withheld_view(legible(each), shown) for each in answer.withheld),
        evidence=_evidence(answer, review),
    )
    return view, answer.further


def _words(answer: Answer, review: Review) -> str:
    said = [WORDS[answer.outcome].format(when=moment(review.as_of))]
    if answer.more:
        said.append(f"{answer.more} more items bear on it and are not listed.")
    if answer.outcome != "withheld" and (missing := unavailable(review)):
        said.append(f"Not available: {'; '.join(missing)}.")
    return " ".join(said)


def _cards(answer: Answer, review: Review) -> tuple[CardView, ...]:
    """The review's own cards, to read: what is decided is decided where they stand."""
    wanted = {claim.id for claim in answer.claims}
    layout = arrange(review)
    cards = (card for card in (*layout.first, *layout.consider, *layout.seen) if card.claim.id in wanted)
    return tuple(card_view(card, review).model_copy(update={"decidable": False}) for card in cards)


def _evidence(answer: Answer, review: Review) -> tuple[EvidenceView, ...]:
    """Rows of the review's own list, then new ones."""
    told = {item.id for item in answer.evidence}
    known = tuple(row for row in evidence_views(review) if told.intersection(row.ids))
    listed = {identity for row in known for identity in row.ids}
    fresh = grouped(legible(item) for item in answer.evidence if item.id not in listed)
    return (*known, *(row_view(Row(tuple(item.id for item in items), items[0], ()), cited=False) for items in fresh))

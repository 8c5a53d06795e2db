"""The rules on a case. No model is asked, no clock is read: the same case gives the same outcomes.

Fails closed: a rule that cannot be evaluated answers cannot-tell with the action it names for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policies.case import PolicyCase
from policies.claim import Claim
from policies.conditions import Answer, evaluate, leaves
from policies.conditions.reading import ReadingSays
from policies.evidence import Evidence
from policies.loading import load_rules, rules_fingerprint
from policies.outcome import STRICTNESS, Action, Basis, Fired, PolicyOutcome, Status
from policies.rule import Rule

__all__ = ["Rule", "bars_reading", "blocked_claims", "decide", "load_rules", "rules_fingerprint", "status_of", "strictest"]

_FIRED: dict[bool | None, Fired] = {True: "fired", False: "clear", None: "cannot_tell"}


def decide(case: PolicyCase, rules: Iterable[Rule]) -> tuple[PolicyOutcome, ...]:
    """One outcome per rule, in id order."""
    return tuple(_outcome(rule, case) for rule in sorted(rules, key=lambda rule: rule.id))


def bars_reading(case: PolicyCase, rules: Iterable[Rule]) -> PolicyOutcome | None:
    """The first rule that keeps the image model from looking at the image at all, asked before it does.

    Only rules that block the scope `image` and look at no reading can answer this early; the others wait for the reading.
    """
    early = [rule for rule in rules if rule.scope == "image" and not any(isinstance(leaf, ReadingSays) for leaf in leaves(rule.when))]
    return next((outcome for outcome in decide(case, early) if outcome.outcome != "clear" and outcome.action == "block"), None)


def status_of(outcomes: Iterable[PolicyOutcome], *, claims_shown: int, abstained: bool) -> Status:
    """What a review ends as; the strictest action wins.

    A block of the whole review withholds it. An escalation or a review asks for a person. A block of a narrower scope
    takes its claims away (`blocked_claims`) and leaves the rest to the rule's `rest`. Abstained: some part abstained and
    nothing remained to show.
    """
    actions = {action for outcome in outcomes for action in _on_review(outcome)}
    if "block" in actions:
        return "withheld"
    if actions & {"escalate", "review"}:
        return "needs_review"
    return "abstained" if abstained and claims_shown == 0 else "presented"


def strictest(outcomes: Iterable[PolicyOutcome]) -> Action | None:
    """The strictest action that falls on the whole review; None when nothing does."""
    actions = {action for outcome in outcomes for action in _on_review(outcome)}
    return next((action for action in STRICTNESS if action in actions), None)


def blocked_claims(outcomes: Iterable[PolicyOutcome]) -> Mapping[str, PolicyOutcome]:
    """Claims that may not be shown, by id, with the first outcome that blocks each."""
    blocked: dict[str, PolicyOutcome] = {}
    for outcome in outcomes:
        if outcome.outcome != "clear" and outcome.action == "block" and outcome.scope != "review":
            for claim in outcome.claims:
                blocked.setdefault(claim, outcome)
    return blocked


def _on_review(outcome: PolicyOutcome) -> tuple[Action, ...]:
    if outcome.outcome == "clear":
        return ()
    if outcome.scope == "review" or outcome.action != "block":
        return (outcome.action,)
    return () if outcome.rest is None else (outcome.rest,)


def _outcome(rule: Rule, case: PolicyCase) -> PolicyOutcome:
    said = _answer(rule, case)
    fired = _FIRED[said.value]
    unknown = fired == "cannot_tell"
    message = "" if fired == "clear" else rule.unknown.message if unknown else rule.message
    return PolicyOutcome(
        id=rule.id,
        version=rule.version,
        title=rule.title,
        outcome=fired,
        action=rule.unknown.action if unknown else rule.action,
        message=message,
        basis=said.basis,
        claims=() if fired == "clear" else _concerned(rule, case),
        source=f"{rule.source.title} ({rule.source.date})",
        scope=rule.scope,
        rest=rule.rest,
    )


def _answer(rule: Rule, case: PolicyCase) -> Answer:
    try:
        return evaluate(rule.when, case)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong inside a rule, the review must not pass as clear
        detail = f"could not be evaluated: {type(error).__name__}"
        return Answer(None, (Basis(reference=f"rule:{rule.id}", detail=detail),))


def _concerned(rule: Rule, case: PolicyCase) -> tuple[str, ...]:
    if rule.scope == "image":
        images = {item.id for item in case.evidence if _from_image(item)}
        return tuple(claim.id for claim in case.claims if images.intersection(claim.evidence))
    return tuple(claim.id for claim in case.claims if _applies(rule, claim))


def _applies(rule: Rule, claim: Claim) -> bool:
    return claim.topic in rule.applies_to.topics or claim.finding in rule.applies_to.findings


def _from_image(item: Evidence) -> bool:
    """Whether evidence rests on pixels: read from an image, or calculated from something that was."""
    named = (item.reference, *item.based_on)
    return item.kind == "image_finding" or any(reference.startswith("image:") for reference in named)

"""Every number of a claim stands in a cited item with the same decimal value, unit and comparator (FAULTS 64)."""

from __future__ import annotations

from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import answer, without_others
from policies.grounding.numbers import Number, figures, offered
from policies.grounding.units import canonical

NAME: Final = "numbers"


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted when a cited item has the value with another unit, or measures that unit and has another value; else unsupported."""
    text, own = without_others(claim.text, cited)
    wanted = figures(text).numbers
    if not wanted:
        return answer(NAME, [], "no numbers")
    held = [(item, number) for item in own for number in offered(item).numbers]
    problems = [_problem(number, held) for number in wanted if not any(_equal(number, other, item) for item, other in held)]
    problems += [] if problems else _displaced(wanted, own)
    return answer(NAME, problems, f"{len(wanted)} numbers stand in the cited items")


def _equal(number: Number, other: Number, item: Evidence) -> bool:
    if number.value != other.value or number.unit != other.unit:
        return False
    if item.kind == "guidance":
        # A bound in guidance may be worded either way round ("below 30", "30 or lower"), never in the other direction.
        return not number.comparator or not other.comparator or number.comparator[0] == other.comparator[0]
    return number.comparator == other.comparator


def _problem(number: Number, held: list[tuple[Evidence, Number]]) -> tuple[VerdictOutcome, str]:
    same_value = [(item, other) for item, other in held if other.value == number.value]
    if same_value:
        item, other = same_value[0]
        differs = f"unit {other.unit or 'none'}" if other.unit != number.unit else f"bound {other.comparator or 'none'}"
        return "contradicted", f"{number.text} stands in {item.id} with {differs}"
    measured = [item for item, other in held if other.unit == number.unit and number.unit and item.kind == "chart_fact"]
    if measured:
        return "contradicted", f"{number.text} differs from {measured[0].id}"
    return "unsupported", f"{number.text} stands in no cited item"


def _displaced(wanted: tuple[Number, ...], cited: tuple[Evidence, ...]) -> list[tuple[VerdictOutcome, str]]:
    """A number that only guidance holds must not take the place of the measured one: cited values of that unit, none of them said."""
    problems: list[tuple[VerdictOutcome, str]] = []
    measured = [item for item in cited if item.kind in {"chart_fact", "calculation"} and item.quantity is not None]
    for unit in {canonical(item.quantity.unit) for item in measured if item.quantity is not None} - {""}:
        said = {number.value for number in wanted if number.unit == unit}
        values = {number.value for item in measured for number in offered(item).numbers if number.unit == unit}
        if said and not said & values:
            problems.append(("contradicted", "the value of a cited measurement is not the one said"))
    return problems

"""Every date of a claim is a day a cited item names; words that move with the reader ("today") are refused unless quoted (FAULTS 64)."""

from __future__ import annotations

from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import answer, without_others
from policies.grounding.numbers import Day, figures, offered

NAME: Final = "dates"


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted when the cited items name other days only; unsupported when they name none, or the date has no certain day."""
    wanted = figures(claim.text)
    held = [offered(item) for item in without_others(claim.text, cited)[1]]
    days = [day for each in held for day in each.days]
    problems = [_problem(day, days) for day in wanted.days if not any(_same(day, other) for other in days)]
    times = {time for each in held for time in each.times}
    problems += [("contradicted", f"no cited item names {time}") for time in wanted.times if time not in times]
    said = {word for each in held for word in each.relative}
    problems += [("unsupported", f"'{word}' is no date") for word in wanted.relative if word not in said]
    count = len(wanted.days) + len(wanted.times)
    return answer(NAME, problems, f"{count} dates and times stand in the cited items" if count else "no dates")


def _same(day: Day, other: Day) -> bool:
    if (day.year, day.month, day.day) == (None, None, None):
        return day.text == other.text
    return other.covers(day)


def _problem(day: Day, days: list[Day]) -> tuple[VerdictOutcome, str]:
    if (day.year, day.month, day.day) == (None, None, None):
        return "unsupported", "a date written in figures alone has no certain day"
    full = [other for other in days if other.day is not None or day.day is None]
    return ("contradicted", "the cited items name another date") if full else ("unsupported", "no cited item names that date")

"""What every condition kind shares: the strict model, the value set name, the pull state, time and Kleene folding."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from fhir.chart import Chart, Fact
from fhir.time import When
from fhir.value_sets import VALUE_SETS
from fhir.views import when
from policies.case import PolicyCase
from policies.conditions.answer import Answer, answer
from policies.evidence import Frozen
from policies.outcome import Basis


class Spec(Frozen):
    """Base of the condition kinds: frozen, unknown keys refused."""


def _known(name: str) -> str:
    if name not in VALUE_SETS:
        raise ValueError(f"unknown value set {name!r}")
    return name


ValueSetName = Annotated[str, AfterValidator(_known)]


def gaps(chart: Chart, primary: Iterable[str], secondary: Iterable[str] = ()) -> tuple[Basis, ...]:
    """What of these resource types is not available, so that "none" may not be said.

    A `secondary` type that was simply not asked for (many servers have no MedicationStatement) is no gap.
    """
    states = [(name, chart.manifest.state(name)) for name in primary]
    states += [(name, state) for name in secondary if (state := chart.manifest.state(name)) != "not asked"]
    return tuple(Basis(reference="manifest", detail=f"{name}: {state}") for name, state in states if state != "complete")


def unclear(case: PolicyCase, value_set: str, resource_types: Iterable[str], days: int | None = None) -> tuple[Basis, ...]:
    """Facts of the value set, of the window, that carry a modifier of unknown meaning: they keep a no from being said (FHIR R4 2.4.3)."""
    facts = (fact for name in resource_types for fact in case.index.obscured(value_set, name))
    return tuple(
        Basis(reference=fact.reference, detail="not used: it carries a modifier of unknown meaning")
        for fact in facts
        if not future(fact, case.as_of) and in_window(time_of(fact), case.as_of, days) is not False
    )


def existing(found: Iterable[Answer], missing: tuple[Basis, ...], nothing: Basis) -> Answer:
    """Whether one of `found` holds. Without one, gaps in the pull leave the question open; else it is a no."""
    answers = list(found)
    for value in (True, None):
        carriers = tuple(b for a in answers if a.value is value for b in a.basis)
        if carriers:
            return Answer(value, carriers + (missing if value is None else ()))
    if missing:
        return Answer(None, missing)
    ruled_out = tuple(b for a in answers for b in a.basis)
    return Answer(False, ruled_out or (nothing,))


def chart_none(what: str) -> Basis:
    """The basis of a no that rests on a complete pull."""
    return Basis(reference="manifest", detail=f"none in a complete pull: {what}")


def time_of(fact: Fact) -> When | None:
    """When the fact holds or happened, as `fhir.views.when` reads it."""
    return when(fact)


def future(fact: Fact, as_of: datetime) -> bool:
    """Whether the fact surely lies after the as-of time: a review never looks ahead."""
    time = time_of(fact)
    return time is not None and time.earliest > as_of


def in_window(time: When | None, as_of: datetime, days: int | None) -> bool | None:
    """Whether `time` is at most `days` before `as_of`; None when its precision, or its absence, does not tell.

    The chart is a snapshot at `as_of`: a date of today counts as known by then.
    """
    if days is None:
        return True
    if time is None:
        return None
    early = time.before(as_of - timedelta(days=days))
    return None if early is None else not early


def labelled(fact: Fact, detail: str, value: bool | None) -> Answer:
    """An answer resting on one fact of the chart, with its date where it has one."""
    time = time_of(fact)
    return answer(value, fact.reference, detail if time is None else f"{detail} on {time.text[:10]}")

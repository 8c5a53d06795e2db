"""Which facts of a chart a look-up may use: those that may be relied on, and did not come after the moment asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from fhir.chart import Chart, Fact
from fhir.views import usable, when
from policies.evidence import Sourced
from tools.errors import NoEvidence
from tools.facts import fact_evidence

_UNDATED = datetime.min.replace(tzinfo=UTC)


def newest_first(chart: Chart, resource_types: Iterable[str], as_of: datetime) -> tuple[Fact, ...]:
    """The usable facts of these types that do not lie after `as_of` (aware), newest first, undated last."""
    return ordered(chart.of_type(*resource_types), as_of)


def ordered(facts: Iterable[Fact], as_of: datetime) -> tuple[Fact, ...]:
    """Those of `facts` that are usable and do not lie after `as_of` (aware), newest first, undated last."""
    chosen = [fact for fact in facts if usable(fact) and not after(fact, as_of)]
    return tuple(sorted(chosen, key=lambda fact: (_moment(fact), fact.reference), reverse=True))


def after(fact: Fact, as_of: datetime) -> bool:
    """Whether `fact` lies wholly after `as_of`. One without a date does not."""
    moment = when(fact)
    return moment is not None and moment.earliest > as_of


def told(facts: Iterable[Fact], patient: str) -> tuple[Sourced, ...]:
    """The evidence of `facts`, leaving out those of which nothing can be quoted."""
    return tuple(_told(facts, patient))


def _told(facts: Iterable[Fact], patient: str) -> Iterator[Sourced]:
    for fact in facts:
        try:
            yield fact_evidence(fact, patient)
        except NoEvidence:
            continue


def _moment(fact: Fact) -> datetime:
    moment = when(fact)
    return _UNDATED if moment is None else moment.earliest

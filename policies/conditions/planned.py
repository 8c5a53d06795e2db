"""`planned`: something of a topic is ordered or proposed.

    planned: {topic: iv_iodinated_contrast}

Yes when a claim of the review has that topic, or when an open ServiceRequest of the chart is of that kind. The topics
are value sets of orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from fhir.chart import Fact
from fhir.time import parse_when
from policies.case import PolicyCase
from policies.conditions.answer import Answer, answer
from policies.conditions.base import Spec, chart_none, existing, gaps, unclear

Topic = Literal["iv_iodinated_contrast", "gadolinium_contrast", "ionising_abdomen_pelvis", "image_guided_biopsy", "mri"]
TOPICS: tuple[str, ...] = get_args(Topic)
"""Every topic a claim or a rule may name."""

_OPEN = ("active", "draft", "on-hold")
_CLOSED = ("completed", "revoked", "entered-in-error")


class Planned(Spec):
    """A claim proposes `topic`, or an active, draft or held ServiceRequest is of it."""

    kind: Literal["planned"] = "planned"
    topic: Topic


def evaluate(spec: Planned, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    missing = gaps(case.chart, ("ServiceRequest",)) + unclear(case, spec.topic, ("ServiceRequest",))
    return existing(_found(spec, case), missing, chart_none(f"plan of {_words(spec)}"))


def _found(spec: Planned, case: PolicyCase) -> Iterator[Answer]:
    for claim in case.claims:
        if claim.topic == spec.topic:
            yield answer(True, f"claim:{claim.id}", f"proposes {_words(spec)}")
    for fact in case.index.matching(spec.topic, "ServiceRequest"):
        yield answer(_open(fact, case), fact.reference, f"order of {_words(spec)}, {fact.body.get('status') or 'no status'}")


def _open(fact: Fact, case: PolicyCase) -> bool | None:
    status = fact.body.get("status")
    if fact.body.get("doNotPerform") is True or status in _CLOSED or _later(fact, case):
        return False
    return True if status in _OPEN else None


def _later(fact: Fact, case: PolicyCase) -> bool:
    """Whether it was written after the as-of time. When it shall happen (`occurrence`) is rightly in the future."""
    written = fact.body.get("authoredOn")
    when = parse_when(written) if isinstance(written, str) else None
    return when is not None and when.earliest > case.as_of


def _words(spec: Planned) -> str:
    return spec.topic.replace("_", " ")

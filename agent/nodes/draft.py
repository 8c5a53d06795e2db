"""draft: a composer turns evidence into claims. What it returns is checked for form here and for truth in `ground`."""

from __future__ import annotations

from agent.errors import DraftRefused
from agent.parts import Composer
from policies.case import PolicyCase
from policies.claim import Claim
from policies.evidence import Evidence
from policies.guidance_pack import Topic

MOST_CLAIMS = 60
"""More claims than this is a composer that repeats itself; a clinician reads a handful."""


def draft(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...], compose: Composer) -> tuple[Claim, ...]:
    """The claims of `compose`.

    Raises:
        DraftRefused: not a tuple of claims, two with one id, or more than 60.
    """
    claims = compose(case, evidence, topics)
    if not isinstance(claims, tuple) or not all(isinstance(claim, Claim) for claim in claims):
        raise DraftRefused("the composer returned something other than claims")
    if len({claim.id for claim in claims}) != len(claims):
        raise DraftRefused("two claims of the composer have one id")
    if len(claims) > MOST_CLAIMS:
        raise DraftRefused(f"the composer returned more than {MOST_CLAIMS} claims")
    return claims

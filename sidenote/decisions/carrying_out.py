"""From a decision that stands to what comes of it: the claim's thread at the human gate goes on, and its draft is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.gate import Came, Held, release
from fhir.errors import AnotherPatient
from sidenote.decisions.errors import NotDecided
from sidenote.decisions.write_back import write
from sidenote.problems import Coded

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from fhir.rest.client import FhirClient
    from sidenote.decisions.decision import Decision, Key, Taken
    from sidenote.decisions.store import Decisions

DEFECT = "internal_error"
Told = Callable[[tuple[str, ...], str], Awaitable[None]]
"""Tells the audit: what was written, and `written` or the code of what went wrong."""


@dataclass(frozen=True, slots=True)
class Hand:
    """What one session carries decisions out with. Built by a door for a person's session; nothing of the agent holds one."""

    decisions: Decisions
    checkpoints: BaseCheckpointSaver[str]
    client: FhirClient | None
    """Under the person's token; None where nothing is written."""
    patient: str = field(repr=False)
    """Bare id of the session's patient."""
    told: Told


async def carry_out(hand: Hand, decision: Decision) -> Taken:
    """Have what a decision asks for happen, or try again what failed, and say how far it is.

    What the EHR says against the draft is no error here: the decision stands, and its write has failed until it is tried again.

    Raises:
        NotDecided: the decision does not stand.
        agent.errors.GateClosed: the claim's thread goes by another decision.
        agent.errors.FlightRecordError: the checkpoints cannot be used. DecisionsUnusable: the store cannot be.
    """

    async def effect(digest: str) -> Came:
        return await _effect(hand, decision.key, digest)

    held = Held(decision.ehr, decision.review_id, decision.claim, decision.shown_sha256)
    await release(hand.checkpoints, held, decision.digest, effect)
    return await _standing(hand, decision.key, decision.digest)


async def finish(hand: Hand, ehr: str, by: str, since: str = "") -> tuple[Taken, ...]:
    """Carry out what a person decided on this patient since then, and what a crash or an EHR that was away left undone.

    Raises:
        As `carry_out`, the first of what was raised, once each was tried: what can never be done keeps nothing else back.
    """
    done: list[Taken] = []
    defects: list[Exception] = []
    for taken in await hand.decisions.unfinished(ehr, hand.patient, by, since):
        try:
            done.append(await carry_out(hand, taken.decision))
        except Exception as error:  # noqa: BLE001 - it is raised when the others are done
            defects.append(error)
    if defects:
        raise defects[0]
    return tuple(done)


async def _standing(hand: Hand, key: Key, digest: str) -> Taken:
    """The decision, from the store.

    Raises:
        NotDecided: there is none, or another one.
    """
    taken = await hand.decisions.of(key)
    if taken is None or taken.decision.digest != digest:
        raise NotDecided("no such decision stands")
    return taken


async def _effect(hand: Hand, key: Key, digest: str) -> Came:
    taken = await _standing(hand, key, digest)
    if taken.write == "off":
        return "off"
    if taken.write == "written":
        return "written"
    return await _written(hand, key)


async def _written(hand: Hand, key: Key) -> Came:
    """Write while nobody else does; whoever comes meanwhile is told that it is not done yet."""
    draft = await hand.decisions.hold(key) if hand.client is not None else None
    if draft is None or hand.client is None:
        return "failed"
    try:
        if draft.patient != hand.patient:
            raise AnotherPatient("the draft is of another patient than the session")
        references = await write(hand.client, draft)
        await hand.told(references, "written")
    except Exception as error:
        await hand.decisions.failed(key, error.code if isinstance(error, Coded) else DEFECT)
        if not isinstance(error, Coded):
            raise
        await hand.told((), error.code)
        return "failed"
    await hand.decisions.wrote(key, references)
    return "written"

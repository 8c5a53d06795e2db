"""A person's decision on one card, and what came of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from policies.evidence import Frozen

Action = Literal["approve", "edit", "reject"]
WriteState = Literal["off", "pending", "written", "failed"]


class DecisionAsked(Frozen):
    """One decision. Bound to the bytes of the review that was shown."""

    claim: str = Field(pattern=r"^C[1-9][0-9]{0,3}$")
    action: Action
    text: str | None = Field(None, min_length=1, max_length=4_000, pattern=r"\S")
    """With `edit`, and only then: the words that the person puts in the sentence's place."""
    reason: str | None = Field(None, min_length=1, max_length=1_000, pattern=r"\S")
    """With `reject`, and only then: why."""
    shown_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the data of the `review` event that the page shows, as UTF-8."""

    @model_validator(mode="after")
    def _whole(self) -> DecisionAsked:
        if (self.text is not None) != (self.action == "edit") or (self.reason is not None) != (self.action == "reject"):
            raise ValueError("an edit takes a text, a rejection a reason, an approval neither")
        return self


class DecisionView(Frozen):
    """A decision that stands. There is one for a claim, and there never is another."""

    claim: str
    action: Action
    text: str
    reason: str
    by: str
    """Who decided, as the EHR names the user."""
    at: str
    write: WriteState
    """Of the draft in the EHR: `off` where nothing is to be written (rejected, or the site does not write)."""
    write_words: str
    written: tuple[str, ...]
    """References of what was written."""


class DecidedAlready(Frozen):
    """409: somebody decided first. RFC 9457 problem with the decision that stands."""

    type: str
    title: str
    status: Literal[409] = 409
    detail: str
    code: Literal["decided_already"] = "decided_already"
    retryable: Literal[False] = False
    first: DecisionView

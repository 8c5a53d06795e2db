"""What can be wrong with a decision and with the draft that comes of it.

DecisionError
  DecidedAlready      somebody decided on this claim first
  NotDecided          nobody has decided on it
  DecisionsUnusable   the store of decisions cannot be used (retryable)
  DecisionsForeign    it is no store of this version
  WriteUnproven       what the EHR holds after a write is not what was written

What the EHR says against a write is in `fhir.errors`. Messages never carry PHI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sidenote.decisions.decision import Taken


class DecisionError(Exception):
    """Base of this folder's errors."""

    code: ClassVar[str] = "decision_error"
    retryable: ClassVar[bool] = False


class DecidedAlready(DecisionError):
    """Somebody decided on this claim first, and a claim is decided once. `first` is the decision that stands."""

    code = "decided_already"

    def __init__(self, first: Taken) -> None:
        """Keep the first one."""
        super().__init__("a decision on this claim stands already")
        self.first = first


class NotDecided(DecisionError):
    """Nobody has decided on this claim, or not so: nothing comes of it."""

    code = "not_decided"


class DecisionsUnusable(DecisionError):
    """The store of decisions cannot be used now: nothing was decided."""

    code = "decisions_unusable"
    retryable = True


class DecisionsForeign(DecisionError):
    """The store of decisions is no SQLite database, or one of another version of Sidenote."""

    code = "decisions_foreign"


class WriteUnproven(DecisionError):
    """What the EHR holds after a write is not what was written: another patient's, another type, or not preliminary."""

    code = "write_unproven"

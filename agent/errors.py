"""What can go wrong in a review itself, each with a stable code. No message holds anything of a patient.

AgentError
  RequestInvalid       a review was asked for in a way that cannot be meant
  UnsafeEngine         the graph engine would read checkpoints unsafely, or would send traces away
  DraftRefused         a composer returned something that is not a list of claims
  GateClosed           a claim at the human gate goes by another decision, or by none
  FlightRecordError
    RecordMissing      no flight record of that id
    RecordExists       a sealed record of that id is there already
    RecordBroken       a flight record does not verify, so nothing of it is used
    CheckpointTampered  a checkpoint was not written by this installation
"""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """Base of this folder's errors."""

    code: ClassVar[str] = "agent_error"
    retryable: ClassVar[bool] = False


class RequestInvalid(AgentError):
    """A review was asked for in a way that cannot be meant: no patient, a naive time, an unsafe id."""

    code = "request_invalid"


class UnsafeEngine(AgentError):
    """LangGraph would load any callable from a checkpoint, or LangSmith would send what it sees to a third party."""

    code = "unsafe_engine"


class DraftRefused(AgentError):
    """A composer returned something that is not a list of claims with ids of their own."""

    code = "draft_refused"


class GateClosed(AgentError):
    """A claim at the human gate goes by another decision already, or nobody has decided on it."""

    code = "gate_closed"


class FlightRecordError(AgentError):
    """Something is wrong with a flight record."""

    code = "record_store_error"


class RecordMissing(FlightRecordError):
    """There is no flight record of that id."""

    code = "record_missing"


class RecordExists(FlightRecordError):
    """A sealed record of that id is there already, and a record is never written twice."""

    code = "record_exists"


class RecordBroken(FlightRecordError):
    """A flight record does not verify. `where` names the line or blob."""

    code = "record_broken"

    def __init__(self, message: str, *, where: str) -> None:
        """Keep the place: `record.jsonl line 3`, `blobs/<sha256>` or `index.jsonl`."""
        super().__init__(f"{message} ({where})")
        self.where = where


class CheckpointTampered(FlightRecordError):
    """A checkpoint does not carry the seal of this installation."""

    code = "checkpoint_tampered"

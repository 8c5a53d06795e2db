"""What can go wrong in a look-up, as types.

ToolError
  NoEvidence     a fact of which nothing can be quoted
  InputRefused   a look-up was asked something it has no meaning for

Messages never carry PHI.
"""

from __future__ import annotations

from typing import ClassVar


class ToolError(Exception):
    """Base of every error of a look-up."""

    code: ClassVar[str] = "tool_error"
    retryable: ClassVar[bool] = False


class NoEvidence(ToolError):
    """Nothing of the fact can be quoted. `reference` names it."""

    code = "no_evidence"

    def __init__(self, reference: str) -> None:
        """Keep the `reference` out of the message: it is a field."""
        super().__init__("nothing of this resource can be quoted")
        self.reference = reference


class InputRefused(ToolError):
    """A look-up was given a value it has no meaning for, e.g. an empty limit."""

    code = "tool_input_refused"

"""What can go wrong in an evaluation, as types.

EvaluationError
  KitUnreadable    the folder of test data lacks a file, or holds one that cannot be read
  NothingToAsk     a case set too small to be divided into a library and queries

Messages never carry PHI: file names of the kit and names of sets only.
"""

from __future__ import annotations

from typing import ClassVar


class EvaluationError(Exception):
    """Base of every error of an evaluation."""

    code: ClassVar[str] = "evaluation_error"
    retryable: ClassVar[bool] = False


class KitUnreadable(EvaluationError):
    """A file of the test data cannot be read."""

    code = "kit_unreadable"

    def __init__(self, message: str, *, where: str) -> None:
        """Keep `where`: a file's or a folder's name."""
        super().__init__(f"{message} ({where})")
        self.where = where


class NothingToAsk(EvaluationError):
    """Too few cases to divide into a library and queries."""

    code = "nothing_to_ask"

"""What can be wrong with a batch.

BatchError
  CohortInvalid    the cohort file cannot be used: missing, unreadable, or without a usable row
  RunExists        there is a run in this folder already: resume it, or choose another folder
  RunMissing       there is no run in this folder
  RunBroken        what stands in this folder as a run's ledger is none
"""

from __future__ import annotations

from typing import ClassVar


class BatchError(Exception):
    """Base of this folder's errors."""

    code: ClassVar[str] = "batch_error"
    retryable: ClassVar[bool] = False


class CohortInvalid(BatchError):
    """The cohort file is missing, unreadable, or holds no usable row."""

    code = "cohort_invalid"


class RunExists(BatchError):
    """There is a run in this folder already."""

    code = "run_exists"


class RunMissing(BatchError):
    """There is no run in this folder."""

    code = "run_missing"


class RunBroken(BatchError):
    """The ledger in this folder is damaged or none of a run."""

    code = "run_broken"

"""Errors as RFC 9457 problem documents: a stable code, the case they belong to, and no patient data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Protocol, runtime_checkable

DEFECT = 1
"""Exit code: something nobody foresaw went wrong."""
INPUT_REFUSED = 3
"""Exit code: the input was refused, a problem document stands on stderr."""
WITHHELD = 4
"""Exit code: a policy withheld the review."""


@runtime_checkable
class Coded(Protocol):
    """What every error of the product's folders has: a stable code and whether trying again can help."""

    code: str
    retryable: bool


def problem(error: Exception, case_id: str | None) -> dict[str, object]:
    """The problem document of a coded error (RFC 9457 members, plus `code`, `case_id` and `retryable`).

    Raises:
        TypeError: `error` carries no code; such an error is a defect and must not be dressed as a refusal.
    """
    if not isinstance(error, Coded):
        message = f"{type(error).__name__} has no problem code"
        raise TypeError(message) from error
    return {
        "type": f"urn:sidenote:problem:{error.code}",
        "title": (type(error).__doc__ or error.code).strip().splitlines()[0],
        "detail": str(error),
        "code": error.code,
        "case_id": case_id,
        "retryable": error.retryable,
    }


def write_problem(error: Exception, case_id: str | None) -> None:
    """Write the problem document as one line on stderr."""
    sys.stderr.write(json.dumps(problem(error, case_id), ensure_ascii=False) + "\n")


@contextmanager
def defects() -> Iterator[None]:
    """Tell a defect by its kind and place alone: the message of an error nobody foresaw may quote the record. Exit code 1."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Coded):
            raise
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-6:]]
        document = {"type": "urn:sidenote:problem:internal_error", "title": "A defect of Sidenote.", "code": "internal_error"}
        told = {**document, "detail": f"{type(error).__name__} at {', '.join(places)}", "case_id": None, "retryable": False}
        sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
        raise SystemExit(DEFECT) from None


@contextmanager
def refusals(case_id: str | None = None) -> Iterator[None]:
    """Turn a coded error into its problem document on stderr and exit code 3; let every other error through."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, Coded):
            raise
        write_problem(error, case_id)
        raise SystemExit(INPUT_REFUSED) from error

"""What can be wrong at the doors themselves: with how a site is configured, and with what they write.

SettingsInvalid    the configuration has an unknown or unusable key
OutputFailed       what was made could not be written where it was asked for
DemoBroken         the demo's own check of itself did not come to a review

Caught at a door, which turns `code` into problem+json. Messages never carry PHI.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class SettingsInvalid(Exception):
    """The configuration has an unknown or unusable key."""

    code: ClassVar[str] = "settings_invalid"
    retryable: ClassVar[bool] = False


class OutputFailed(Exception):
    """What was made could not be written where it was asked for; nothing is left half-written there."""

    code: ClassVar[str] = "output_failed"
    retryable: ClassVar[bool] = False


class DemoBroken(Exception):
    """The demo's own check of itself did not come to a review."""

    code: ClassVar[str] = "demo_broken"
    retryable: ClassVar[bool] = False


@contextmanager
def writing() -> Iterator[None]:
    """Turn what the operating system says against a file or folder into OutputFailed, with its reason and without its name."""
    try:
        yield
    except OSError as error:
        raise OutputFailed(f"the output cannot be written: {error.strerror or type(error).__name__}") from error

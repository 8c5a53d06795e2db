"""What can be wrong with a phantom that is asked for.

PhantomError
  SpecRefused      the specification contradicts itself or lies outside what the generator draws
  FormatRefused    the asked image format is not written
"""

from __future__ import annotations

from typing import ClassVar


class PhantomError(ValueError):
    """A phantom was asked for that cannot be drawn."""

    code: ClassVar[str] = "phantom_error"
    retryable: ClassVar[bool] = False


class SpecRefused(PhantomError):
    """The specification contradicts itself or lies outside what the generator draws."""

    code = "phantom_spec_refused"


class FormatRefused(PhantomError):
    """The asked image format (size, bit depth, photometric interpretation) is not written."""

    code = "phantom_format_refused"

"""What can be wrong with a phantom's specification."""

from __future__ import annotations


class PhantomError(ValueError):
    """A phantom was asked for that cannot be drawn."""

    code: str = "phantom"
    retryable: bool = False


class SpecRefused(PhantomError):
    """The specification contradicts itself or lies outside what the generator draws."""

    code: str = "phantom-spec-refused"


class FormatRefused(PhantomError):
    """The asked image format (size, bit depth, photometric interpretation) is not written."""

    code: str = "phantom-format-refused"

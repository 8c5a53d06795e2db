"""One question and one answer of HTTP, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer that are taken unless a question says otherwise."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. Its URL, headers and body may hold PHI and secrets: none of them is shown in its repr."""

    method: Method
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    limit: int = ANSWER_LIMIT
    """Bytes of the answer that are taken at most, after decompression."""
    repeatable: bool | None = None
    """Whether asking twice is the same as asking once; None: as the method says (RFC 9110 9.2.2). POST `_search` is."""
    with_token: bool = True
    """False keeps the token back even from an origin that may see it (Bulk Data `requiresAccessToken` false, token endpoints)."""

    @property
    def may_repeat(self) -> bool:
        """Whether it may be asked again after a fault."""
        return self.method != "POST" if self.repeatable is None else self.repeatable


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Its headers are in lower case; the body is decompressed and complete, or there is no Answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters; "" when none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def parameter(self, name: str) -> str | None:
        """A parameter of the media type, unquoted: `boundary`, `charset`, `fhirVersion`. Names whatever the case."""
        return media_parameters(self.headers.get("content-type", "")).get(name.lower())


def media_parameters(value: str) -> dict[str, str]:
    """Parameters of a media type (RFC 9110 8.3.1), names in lower case, values unquoted.

    >>> media_parameters('multipart/related; type="application/dicom"; boundary=a')
    {'type': 'application/dicom', 'boundary': 'a'}
    """
    from email.message import Message
    from email.utils import collapse_rfc2231_value

    message = Message()
    message["content-type"] = value.replace("\r", " ").replace("\n", " ")
    found = message.get_params(failobj=[], unquote=True)
    return {name.lower(): collapse_rfc2231_value(text) for name, text in found[1:]}

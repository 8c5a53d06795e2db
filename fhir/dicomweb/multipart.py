"""multipart/related answers (RFC 2387), cut at their boundary (RFC 2046 5.1.1) and never by a length that a part claims.

A delimiter is a line of its own: the boundary with anything but white space behind it is data. What the preamble and the epilogue
hold is passed over. An answer without its closing delimiter was cut off, and nothing of it is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fhir.errors import NotDicomweb, Unreachable
from fhir.wire.exchange import Answer

MOST_PARTS = 10_000
MOST_HEADERS = 32
HEADER_BYTES = 16 * 1024
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
"""RFC 2046 5.1.1: 1 to 70 characters of `bchars`, no space at the end."""
_PLAIN = frozenset({"", "binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its headers, names in lower case, and its bytes."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters; "" when none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parts_of(answer: Answer, most: int = MOST_PARTS) -> tuple[Part, ...]:
    """The parts of an answer; of one that is not multipart, itself as the only part (PS3.18 8.6.1.1.1 allows it).

    Raises:
        NotDicomweb: multipart without a usable boundary, or not as RFC 2046 has it; more than `most` parts.
        Unreachable: it was cut off.
    """
    if not answer.media_type.startswith("multipart/"):
        return (Part({"content-type": answer.headers.get("content-type", "")}, answer.body),)
    boundary = answer.parameter("boundary")
    if boundary is None:
        raise NotDicomweb("a multipart answer without a boundary")
    return split(answer.body, boundary, most)


def split(body: bytes, boundary: str, most: int = MOST_PARTS) -> tuple[Part, ...]:
    r"""The parts between the delimiters of a multipart body.

    >>> [part.body for part in split(b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b--", "b")]
    [b'one']

    Raises:
        NotDicomweb: the boundary is none, no delimiter is there, a part is badly formed or nested, or there are more than `most`.
        Unreachable: no closing delimiter: the answer was cut off.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise NotDicomweb("a boundary that RFC 2046 does not allow")
    return tuple(_part(body, start, end) for start, end in _spans(body, boundary.encode("ascii"), most))


def _spans(body: bytes, boundary: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends, its headers included.

    The first delimiter shows how lines end: some servers end them with LF alone, and pixels may hold LF anywhere.
    """
    mark = b"--" + re.escape(boundary)
    first = re.compile(rb"(?:\A|\r?\n)" + mark + rb"(?P<last>--)?[ \t]*(?:(?P<end>\r?\n)|\Z)").search(body)
    if first is None:
        raise NotDicomweb("a multipart answer without its boundary")
    newline = first["end"] or b"\r\n"
    plain, delimiter = newline + b"--" + boundary, re.compile(newline + mark + rb"(?P<last>--)?[ \t]*(?:" + newline + rb"|\Z)")
    found, number = first, 0
    while not found["last"]:
        number += 1
        if number > most:
            raise NotDicomweb("a multipart answer of more parts than allowed")
        # a part that is empty to its last header shares the line end of its delimiter with the next
        following = _following(body, found.end() - len(newline), plain, delimiter)
        if following is None or (following.end() == len(body) and not following["last"]):
            raise Unreachable("the server cut its answer off")
        yield found.end(), following.start()
        found = following


def _following(body: bytes, at: int, plain: bytes, delimiter: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """The next delimiter. `find` looks through pixels several times faster than a pattern does."""
    while (at := body.find(plain, at)) >= 0:
        match = delimiter.match(body, at)
        if match is not None:
            return match
        at += 1
    return None


def _part(body: bytes, start: int, end: int) -> Part:
    """The headers up to the empty line, and the rest."""
    view = body[start : min(end, start + HEADER_BYTES)]
    blank = re.compile(rb"\A\r?\n|\r?\n\r?\n").search(view)
    if blank is None:
        raise NotDicomweb("a part without an end to its headers")
    headers = _headers(view[: blank.start()])
    if headers.get("content-type", "").lower().startswith("multipart/"):
        raise NotDicomweb("a multipart answer within another")
    if headers.get("content-transfer-encoding", "").lower() not in _PLAIN:
        raise NotDicomweb("a part that is encoded otherwise than as plain bytes")
    return Part(headers, body[start + blank.end() : end])


def _headers(text: bytes) -> dict[str, str]:
    lines = re.sub(rb"\r?\n[ \t]+", b" ", text).splitlines()
    if len(lines) > MOST_HEADERS:
        raise NotDicomweb("a part of more headers than allowed")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise NotDicomweb("a header of a part that is none")
        headers.setdefault(name.strip().lower().decode("latin-1"), value.strip().decode("latin-1"))
    return headers

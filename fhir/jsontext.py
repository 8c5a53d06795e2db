"""Strict JSON. Loose JSON can move a fact between patients: of a `subject` given twice the last silently wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fhir.errors import BadJson, NotFhir
from fhir.jsonscan import scan

T = TypeVar("T")

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_whole = msgspec.json.Decoder(msgspec.Raw)
_BYTE = re.compile(r"\(byte (\d+)\)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def loads(text: bytes) -> dict[str, Any]:
    """Parse one JSON object, decimals as `Decimal`, for text that was checked when it was read.

    Raises:
        BadJson: it is not one JSON object.
    """
    try:
        value = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson("not valid JSON") from error
    if not isinstance(value, dict):
        raise BadJson("not a JSON object")
    return value


def dumps(value: Mapping[str, Any]) -> bytes:
    """Compact JSON, keys in the given order, a Decimal with the digits it was read with (FHIR R4 keeps precision).

    >>> dumps({"value": Decimal("1.00")})
    b'{"value":1.00}'
    """
    return _encoder.encode(value)


def check(text: bytes) -> None:
    """Check a whole JSON document from the outside world, before anything of it is believed.

    Raises:
        NotFhir: it is no JSON at all: HTML, XML or plain text.
        BadJson: UTF-16, a byte order mark, bytes that are not UTF-8, truncation, any other syntax error, NaN or Infinity,
            a key twice in one object, a number of 10**400 or more, a lone surrogate, nesting deeper than 200.
    """
    check_encoding(text)
    decode_strictly(_whole.decode, text)
    scan(text)


def check_encoding(text: bytes) -> None:
    """Refuse anything but UTF-8 text that begins like JSON.

    Raises:
        NotFhir: it begins like HTML, XML or plain text, or is empty.
        BadJson: UTF-16, a byte order mark, or bytes that are not UTF-8.
    """
    if text.startswith(_UTF16) or text[1:2] == b"\x00" or text[:1] == b"\x00":
        raise BadJson("not UTF-8: this looks like UTF-16 or UTF-32", where="byte 0")
    if text.startswith(b"\xef\xbb\xbf"):
        raise BadJson("a byte order mark before the JSON", where="byte 0")
    if text.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
        raise NotFhir("not JSON: " + ("the text begins like HTML or XML" if b"<" in text[:64] else "no object begins it"))
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BadJson("not UTF-8", where=f"byte {error.start}") from None


def decode_strictly(decode: Callable[[bytes], T], text: bytes) -> T:
    """Run a msgspec decoder, and say where it stumbled without saying over what.

    Raises:
        BadJson: a syntax error, or an element that is not of the type FHIR gives it.
    """
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        raise BadJson("an element is not of the type FHIR gives it") from error
    except msgspec.DecodeError as error:
        byte = _BYTE.search(str(error))
        whole = byte is not None or text.rstrip()[-1:] in (b"}", b"]")
        raise BadJson("not valid JSON" if whole else "the text is cut off", where=f"byte {byte[1]}" if byte else None) from None
    except RecursionError:
        raise BadJson("nested too deep") from None

"""Strict JSON. Loose JSON can move a fact between patients: of a `subject` given twice the last silently wins."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fhir.errors import BadJson, NotFhir
from fhir.jsonscan import scan

T = TypeVar("T")

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_outline = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder(decimal_format="number")
_whole = msgspec.json.Decoder(msgspec.Raw)
_BYTE = re.compile(r"\(byte (\d+)\)")
_START = re.compile(rb"[ \t\r\n]*[{\[]")
_SLICE = 1 << 22
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


def outline(text: bytes) -> dict[str, msgspec.Raw]:
    """The elements of one JSON object by name, each as its text: a quarter of the price of `loads`, and nothing inside is built.

    Raises:
        BadJson: it is not one JSON object.
    """
    try:
        return _outline.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson("not a JSON object") from error


def elements(text: bytes, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named elements that the object has, parsed as `loads` does; the others are passed over.

    Raises:
        BadJson: it is not one JSON object.

    >>> elements(b'{"id":"a","value":1.00,"note":[{"text":"long"}]}', ("value", "status"))
    {'value': Decimal('1.00')}
    """
    found = outline(text)
    return {name: _decoder.decode(found[name]) for name in names if name in found}


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
    if _START.match(text) is None:
        raise NotFhir("not JSON: " + ("the text begins like HTML or XML" if b"<" in text[:64] else "no object begins it"))
    _require_utf8(text)


def _require_utf8(text: bytes) -> None:
    """In slices: decoded whole, one character beyond Latin-1 would make a text of 100 MB one of 200 or 400."""
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(text)
    for at in range(0, len(text), _SLICE):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(view[at : at + _SLICE], at + _SLICE >= len(text))
        except UnicodeDecodeError as error:
            raise BadJson("not UTF-8", where=f"byte {at - pending + error.start}") from None


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

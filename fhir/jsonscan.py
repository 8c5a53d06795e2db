"""What a JSON parser lets pass: keys given twice, numbers no float holds, lone surrogates, deep nesting.

The text is looked at as one array of bytes, without building a value: only quotes, brackets and backslashes matter, and they
are a tenth of a chart. Every function here takes text whose syntax was already checked (`fhir.jsontext`).

Duplicates are found by hash and confirmed by Python's own parser: equal keys of one object always hash alike, so nothing is
missed; keys that merely hash alike are let go after the slow look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fhir.errors import BadJson

MAX_DEPTH = 200
MAX_EXPONENT = 400
_QUOTE, _BACKSLASH, _COLON = 1, 6, 58
_CLASSES = bytearray(256)
for _at, _byte in enumerate(b'"{}[]\\', start=1):
    _CLASSES[_byte] = _at
_STEP = np.array([0, 0, 1, -1, 1, -1, 0], np.int8)
_EXPONENT = re.compile(rb"[eE]([+-]?\d+)")
_DIGITS = re.compile(rb"\d{300,}")
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], np.uint64)
_ODD, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
GROUP = 1 << 19
"""Bytes that are looked at together when a text is scanned in parts: its arrays then stay within a processor's cache."""

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where the structure of a text lies."""

    text: bytes
    opens: Positions
    closes: Positions
    """Byte position of both quotes of every string."""
    before: Positions
    """For every string, how many brackets stand before it."""
    brackets: Positions
    """Byte position of every bracket outside a string."""
    kind: NDArray[np.uint8]
    """And which it is."""
    escaped: Positions
    """Positions of the characters that a backslash escapes."""


def scan(text: bytes) -> None:
    """Refuse what a parser lets pass in one JSON text or in lines of them (NDJSON).

    Raises:
        BadJson: a key twice in one object, nesting over 200, a number of 10**400 or more, a lone surrogate.
    """
    marks = _mark(text)
    _refuse_lone_surrogates(text, marks.escaped)
    _refuse_huge_numbers(marks)
    depth = np.cumsum(_STEP[marks.kind], dtype=np.int32)
    if depth.size and int(depth.max()) > MAX_DEPTH:
        raise BadJson("nested too deep", where=f"byte {int(marks.brackets[int(np.argmax(depth > MAX_DEPTH))])}")
    _refuse_duplicates(marks, depth)


def scan_in_parts(text: bytes, parts: Collection[bytes], *, depth: int = 0, group: int = GROUP) -> None:
    """`scan` of a long text in little memory: its parts in groups, then what is left of it.

    Args:
        text: The whole document.
        parts: Values of it (the resources of a Bundle) as they stand in it, in its order.
        depth: How many objects and lists each part lies in; 0 for lines of NDJSON.
        group: About how many bytes are looked at together.

    Raises:
        BadJson: as `scan`, without the place.
    """
    if len(text) <= group * 2:
        scan(text)
        return
    between = b"," if depth else b"\n"
    try:
        for together in _groups(parts, group):
            scan(b"[" * depth + between.join(together) + b"]" * depth)
        scan(_without(text, parts))
    except BadJson as error:
        raise BadJson(str(error).partition(" (")[0]) from None


def _groups(parts: Iterable[bytes], most: int) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for part in parts:
        group.append(part)
        size += len(part)
        if size >= most:
            yield group
            group, size = [], 0
    if group:
        yield group


def _without(text: bytes, parts: Iterable[bytes]) -> bytes:
    """The text with a 0 for every part. Of two equal values the first is taken out and the second stays: all of it is scanned."""
    rest, at = [], 0
    for part in parts:
        start = text.index(part, at)
        rest.append(text[at:start])
        at = start + len(part)
    return b"0".join([*rest, text[at:]])


def _mark(text: bytes) -> _Marks:
    classes = np.frombuffer(text.translate(bytes(_CLASSES)), np.uint8)
    at = np.flatnonzero(classes.view(np.bool_))
    kind = classes[at]
    escaped = _escaped(at[kind == _BACKSLASH]) if b"\\" in text else at[:0]
    if escaped.size:
        kind[np.searchsorted(at, escaped[classes[escaped] != 0])] = 0
    quote = kind == _QUOTE
    ordinal, other = np.flatnonzero(quote), np.flatnonzero(~quote)
    kinds = kind.take(other)
    # the quotes before it: an even number outside a string
    outside = (((other - np.arange(other.size)) & 1) == 0) & (kinds != 0) & (kinds != _BACKSLASH)
    quotes, ends = at.take(ordinal), ordinal[1::2]
    counted = np.concatenate((np.zeros(1, np.int64), np.cumsum(outside)))
    before = counted.take(ends - np.arange(1, ordinal.size, 2))
    kept = np.flatnonzero(outside)
    return _Marks(text, quotes[0::2], quotes[1::2], before, at.take(other.take(kept)), kinds.take(kept), escaped)


def _escaped(slashes: Positions) -> Positions:
    """The position after every backslash that is not itself escaped: in a run of backslashes, each second one is."""
    starts = np.diff(slashes, prepend=-2) != 1
    run = np.maximum.accumulate(np.where(starts, slashes, 0))
    active: Positions = slashes[(slashes - run) % 2 == 0] + 1
    return active


def _refuse_lone_surrogates(text: bytes, escaped: Positions) -> None:
    expected = -1
    for at in escaped.tolist():
        if text[at] != ord("u"):
            continue
        code = int(text[at + 1 : at + 5], 16)
        if (0xDC00 <= code < 0xE000) != (at == expected):
            raise BadJson("a lone surrogate", where=f"byte {at}")
        expected = at + 6 if 0xD800 <= code < 0xDC00 else -1
        if expected >= 0 and text[at + 5 : at + 7] != b"\\u":
            raise BadJson("a lone surrogate", where=f"byte {at}")


def _refuse_huge_numbers(marks: _Marks) -> None:
    """Only text between two strings can be a number, and one with a three-digit exponent needs eight characters there."""
    starts = np.concatenate(([0], marks.closes + 1))
    ends = np.concatenate((marks.opens, [len(marks.text)]))
    long = ends - starts >= 6
    starts, lengths = starts[long], (ends - starts)[long]
    inside = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    data = np.frombuffer(marks.text, np.uint8)
    for at in inside[(data[inside] | 32) == ord("e")].tolist():
        exponent = _EXPONENT.match(marks.text, at)
        if exponent and (len(exponent[1]) > 9 or abs(int(exponent[1])) >= MAX_EXPONENT):
            raise BadJson("a number out of range", where=f"byte {at}")
    for start, length in zip(starts[lengths >= 300].tolist(), lengths[lengths >= 300].tolist(), strict=True):
        if _DIGITS.search(marks.text, start, start + length):
            raise BadJson("a number out of range", where=f"byte {start}")


def _refuse_duplicates(marks: _Marks, depth: NDArray[np.int32]) -> None:
    keys = np.flatnonzero(_is_key(marks))
    if not keys.size:
        return
    if marks.escaped.size and _escape_in(marks, keys):
        refuse_duplicates_slowly(marks.text)
        return
    name = _names(marks.text, marks.opens.take(keys) + 1, marks.closes.take(keys))
    hashes = np.sort(name ^ (_owners(marks, depth, keys) * _MIX))
    if (hashes[1:] == hashes[:-1]).any():
        refuse_duplicates_slowly(marks.text)


def _is_key(marks: _Marks) -> NDArray[np.bool_]:
    """Which strings are keys: those followed by a colon, white space between them or not."""
    data = np.frombuffer(marks.text + b" ", np.uint8)
    after = data[marks.closes + 1]
    key: NDArray[np.bool_] = after == _COLON
    blank = np.flatnonzero(after <= 32)
    at = marks.closes[blank] + 1
    while blank.size:
        at = at + 1
        inside = at < len(marks.text)
        blank, at = blank[inside], at[inside]
        after = data[at]
        key[blank[after == _COLON]] = True
        blank, at = blank[after <= 32], at[after <= 32]
    return key


def _escape_in(marks: _Marks, keys: Positions) -> bool:
    return bool(np.isin(np.searchsorted(marks.opens, marks.escaped) - 1, keys).any())


def _owners(marks: _Marks, depth: NDArray[np.int32], keys: Positions) -> NDArray[np.uint64]:
    """For every key a number of the object that holds it: the last bracket before it that opened its depth."""
    order = np.argsort(depth.astype(np.uint8), kind="stable")
    owner = np.empty(depth.size, np.uint64)
    owner[order] = np.cumsum(_STEP.take(marks.kind.take(order)) > 0, dtype=np.uint64)
    return owner.take(marks.before.take(keys) - 1)


def _names(text: bytes, start: Positions, end: Positions) -> NDArray[np.uint64]:
    """A 64-bit hash of every key text, from its length and its first and last eight bytes. Not all of a long key counts."""
    padded = text + bytes(8)
    words = np.ndarray(len(text) + 1, np.dtype("<u8"), padded, strides=(1,))
    length = end - start
    found: NDArray[np.uint64] = ((words[start] & _MASKS.take(np.minimum(length, 8))) + length.astype(np.uint64)) * _ODD
    found ^= found >> np.uint64(31)
    long = np.flatnonzero(length > 8)
    found[long] += words[end.take(long) - 8]
    found *= _MIX
    return found ^ (found >> np.uint64(29))


def refuse_duplicates_slowly(text: bytes) -> None:
    """The plain way, and the reference for the fast one: let Python's parser show every object's keys.

    Raises:
        BadJson: a key stands twice in one object.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    decoded, at = text.decode(), 0
    while at < len(decoded):
        if decoded[at].isspace():
            at += 1
            continue
        _, at = decoder.raw_decode(decoded, at)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("a key stands twice in one object")
    return found

"""Canonical bytes: how what went into a review is written down, so that equal things have equal hashes.

JSON with sorted keys and no spaces, UTF-8. A chart is NDJSON: its manifest, then each fact with its original text as a string,
because the original text is what evidence quotes.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter

from fhir.chart import Chart, Fact, Manifest, QualityIssue

T = TypeVar("T")


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def canonical(value: Any) -> bytes:
    """Canonical JSON of plain values (dict, list, str, int, float, bool, None).

    >>> canonical({"b": 1, "a": "é"}).decode()
    '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class _Wrapped(BaseModel, Generic[T]):
    """Carries the settings a bare dataclass cannot: bytes as base64 both ways."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", arbitrary_types_allowed=False)
    value: T


@cache
def _wrapper(kind: Any) -> Any:
    return _Wrapped[kind]


def pack(kind: Any, value: Any) -> bytes:
    """Canonical JSON of `value`, of the dataclass or pydantic type `kind`."""
    return canonical(_wrapper(kind)(value=value).model_dump(mode="json")["value"])


def unpack(kind: Any, data: bytes) -> Any:
    """The value `pack` wrote.

    Raises:
        pydantic.ValidationError: it is not of that type.
    """
    return _wrapper(kind).model_validate_json(b'{"value":' + data + b"}").value


class _FactLine(msgspec.Struct, frozen=True):
    resource_type: str
    id: str
    version: str | None
    raw: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_FactLine).decode
_Head = tuple[Manifest, tuple[QualityIssue, ...], dict[str, str], bool]
_HEAD: TypeAdapter[_Head] = TypeAdapter(_Head)


def pack_chart(chart: Chart) -> bytes:
    """NDJSON: manifest, quality issues, aliases and whether `urn:uuid:` names hold; the Patient; every other fact in order."""
    head = _HEAD.dump_json((chart.manifest, chart.quality, dict(chart.aliases), chart.uuid_names))
    lines = [_encode(_FactLine(fact.resource_type, fact.id, fact.version, fact.raw.decode())) for fact in chart]
    return b"\n".join([head, *lines, b""])


def unpack_chart(data: bytes) -> Chart:
    """The chart `pack_chart` wrote, byte for byte."""
    head, patient, *facts = data.removesuffix(b"\n").split(b"\n")
    manifest, quality, aliases, uuid_names = _HEAD.validate_json(head)
    return Chart(_fact(patient), tuple(_fact(line) for line in facts), manifest, quality, aliases, uuid_names)


def _fact(line: bytes) -> Fact:
    row = _decode(line)
    return Fact(row.resource_type, row.id, row.raw.encode(), row.version)

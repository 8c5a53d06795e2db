"""From the bytes of one file or answer to its resources: lean headers first, the rest stays text until somebody asks.

FHIR R4: Bundle (transaction, batch, collection, searchset, document, history), a single resource, or NDJSON.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from fhir.errors import BadJson, NotFhir
from fhir.issues import issues_in
from fhir.jsonscan import scan_in_parts
from fhir.jsontext import check_encoding, decode_strictly, loads
from fhir.release import refuse_other_release

_ENTRY_DEPTH = 3
"""A resource of a Bundle lies in the Bundle, its list of entries and its entry."""
_LACKS = frozenset(
    {
        "exception",
        "expired",
        "forbidden",
        "incomplete",
        "login",
        "security",
        "suppressed",
        "throttled",
        "timeout",
        "too-costly",
        "transient",
    }
)
"""IssueType codes that say, whatever their severity, that something which should be in the answer may not be (FHIR R4 issue-type)."""
_WITHOUT = frozenset({"transaction", "batch", "history"})
"""Types of Bundle of which an entry may have no resource, and nothing is missing: a deletion, or a question (FHIR R4 bundle.html)."""
_SUBSETTED = b'"SUBSETTED"'
"""`meta.tag` of a resource that is not whole (FHIR R4 resource.html, tags)."""
ABSOLUTE = re.compile(r"(?P<base>https?://.+)/(?P<local>[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(/_history/.+)?")


class Link(msgspec.Struct, frozen=True):
    """A FHIR Reference or the part of one that tells whose the resource is."""

    reference: str | None = None
    identifier: Any = None


class Meta(msgspec.Struct, frozen=True):
    """The part of `meta` that tells versions apart."""

    versionId: str | None = None
    lastUpdated: str | None = None


Links = Link | list[Link] | None


class Inner(msgspec.Struct, frozen=True):
    """The header of a contained resource."""

    resourceType: str = ""
    id: str | None = None
    subject: Links = None
    patient: Links = None
    beneficiary: Links = None
    individual: Links = None
    contained: tuple[()] = ()


class Header(msgspec.Struct, frozen=True):
    """What is read of every resource at once: its identity, and the elements that say whose it is."""

    resourceType: str = ""
    id: str | None = None
    meta: Meta | None = None
    subject: Links = None
    patient: Links = None
    beneficiary: Links = None
    individual: Links = None
    contained: list[Inner] = []


class _Search(msgspec.Struct):
    mode: str | None = None


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")
    fullUrl: str | None = None
    search: _Search | None = None


class _BundleLink(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Kind(msgspec.Struct):
    resourceType: str | None = None


class _Linked(msgspec.Struct):
    link: list[_BundleLink] = []


class _Envelope(msgspec.Struct):
    resourceType: str | None = None
    type: str | None = None
    total: int | None = None
    link: list[_BundleLink] = []
    entry: list[_Entry] = []


_kind = msgspec.json.Decoder(_Kind)
_envelope = msgspec.json.Decoder(_Envelope)
_linked = msgspec.json.Decoder(_Linked)
_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(msgspec.Raw)


class Item(msgspec.Struct, frozen=True, gc=False):
    """One resource of a document: header, `Type/id`, original text, and the URL its document knows it by."""

    header: Header
    id: str
    local: str
    raw: bytes
    full_url: str | None = None
    mode: str | None = None
    """`search.mode` of its entry: match, include or outcome."""


@dataclass(frozen=True, slots=True)
class Document:
    """The resources of one file or answer, in its order."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    """What the source said of itself (OperationOutcomes), without its words."""
    next_url: str | None = None
    """Link to the next page of a searchset."""
    partial: bool = False
    """Whether the document says that there is more than it holds."""
    self_url: str | None = None
    """Link to itself of a searchset: the search as the server understood it (FHIR R4 search 3.1.1.5)."""
    total: int | None = None
    """`Bundle.total`, when given."""
    bundle: bool = False
    """Whether it is a Bundle, and no single resource or NDJSON."""
    short: str | None = None
    """Why a Bundle may hold less than it should by its own account, in words of ours; None when nothing says so."""


def next_link(text: bytes) -> str | None:
    """The `next` link of a Bundle, before anything else of it is read; None when there is none, or the text is no Bundle.

    Only for asking ahead: what the page holds is believed when `read_document` has read it.
    """
    try:
        linked = _linked.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return next((link.url for link in linked.link if link.relation == "next" and link.url), None)


def read_document(text: bytes, *, name: str = "", lines: bool = False, strict: bool = True) -> Document:
    """Read a Bundle, a resource, or with `lines` NDJSON, strictly.

    Args:
        text: The bytes as received.
        name: Of the file, for messages.
        lines: Whether every line is a resource of its own.
        strict: Off for an index, which believes nothing and only wants to know whom a file is about.

    Raises:
        NotFhir: not JSON, or JSON without a resourceType.
        BadJson: see `fhir.jsontext.check`.
        WrongRelease: resources of another release than R4.
    """
    try:
        check_encoding(text)
        return _read_lines(text, strict) if lines else _read_one(text, strict)
    except (BadJson, NotFhir) as error:
        if not name:
            raise
        raise type(error)(str(error), where=name) from None


def _read_one(text: bytes, strict: bool) -> Document:
    envelope = _envelope_of(text)
    if strict:
        scan_in_parts(text, [entry.resource for entry in envelope.entry if entry.resource] if envelope else [], depth=_ENTRY_DEPTH)
    if envelope is None:
        return _document([_item(text, None)], 0, strict=strict)
    items = [
        _item(bytes(entry.resource), entry.fullUrl, entry.search.mode if entry.search else None)
        for entry in envelope.entry
        if entry.resource
    ]
    links = {link.relation: link.url for link in reversed(envelope.link)}
    partial = "next" in links or (envelope.type == "searchset" and (envelope.total or 0) > len(items))
    empty = len(envelope.entry) - len(items)
    read = _document(items, empty, strict=strict)
    short = _short(text, items, links, 0 if envelope.type in _WITHOUT else empty)
    return replace(
        read, next_url=links.get("next"), partial=partial, self_url=links.get("self"), total=envelope.total, bundle=True, short=short
    )


def _short(text: bytes, items: list[Item], links: dict[str, str], empty: int) -> str | None:
    if any(_lacking(loads(item.raw)) for item in items if item.header.resourceType == "OperationOutcome"):
        return "the server says that something is missing or went wrong"
    if empty:
        return "entries came without their resources"
    if links.get("next") == "":
        return "a link to the next page leads nowhere"
    return "the server gave parts of resources" if _SUBSETTED in text else None


def _envelope_of(text: bytes) -> _Envelope | None:
    """The frame of a Bundle; None for another resource, whose `type`, `entry` or `link` may be of any shape."""
    try:
        envelope = _envelope.decode(text)
    except msgspec.MsgspecError:
        return None if decode_strictly(_kind.decode, text).resourceType != "Bundle" else decode_strictly(_envelope.decode, text)
    return envelope if envelope.resourceType == "Bundle" else None


def _read_lines(text: bytes, strict: bool) -> Document:
    items: list[Item] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            decode_strictly(_line.decode, line)
            items.append(_item(line.strip(), None))
        except (BadJson, NotFhir) as error:
            raise type(error)(str(error), where=f"line {number}") from None
    if strict:
        scan_in_parts(text, [item.raw for item in items])
    return _document(items, 0, strict=strict)


def _item(raw: bytes, full_url: str | None, mode: str | None = None) -> Item:
    header = decode_strictly(_header.decode, raw)
    if not header.resourceType:
        raise NotFhir("JSON without a resourceType")
    found = header.id or _id_from(full_url) or f"noid-{hashlib.sha256(raw).hexdigest()[:16]}"
    return Item(header, found, f"{header.resourceType}/{found}", raw, full_url, mode)


def _id_from(full_url: str | None) -> str | None:
    if full_url is None:
        return None
    if full_url.startswith("urn:uuid:"):
        return full_url.removeprefix("urn:uuid:")
    absolute = ABSOLUTE.fullmatch(full_url)
    return absolute["local"].partition("/")[2] if absolute else None


def _document(items: list[Item], empty: int, *, strict: bool = True) -> Document:
    if strict:
        refuse_other_release((item.header.resourceType, item.raw) for item in items)
    outcomes = [item for item in items if item.header.resourceType == "OperationOutcome"]
    kept = tuple(item for item in items if item.header.resourceType != "OperationOutcome")
    notes = (f"{empty} bundle entries without a resource",) if empty else ()
    return Document(kept, notes + _outcome_notes(outcomes))


def _outcome_notes(outcomes: list[Item]) -> tuple[str, ...]:
    return tuple(note for outcome in outcomes for note in _issues(loads(outcome.raw)))


def _issues(outcome: dict[str, Any]) -> Iterator[str]:
    for severity, code in issues_in(outcome):
        yield f"the source sent an OperationOutcome: {severity or '?'}, {code or '?'}"


def _lacking(outcome: dict[str, Any]) -> bool:
    """Whether an outcome among the entries says that the others may not be all."""
    return any(severity in ("error", "fatal") or code in _LACKS for severity, code in issues_in(outcome))

"""How much of a record one chart may hold, and what is left out of a larger one.

A patient of an intensive care unit has tens of thousands of Observations. What is left out is the oldest of the types that
there is most of; the newest few of every code stay before any series is kept longer, so that forty thousand heart rates do
not push out the one creatinine. Patient, allergies, problems, alerts, devices and medications that may be taken now always
stay. Every cut is counted by type for the manifest: a chart never looks whole when it is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from fhir.bundles import Item
from fhir.errors import RecordTooLarge
from fhir.jsontext import elements, outline
from fhir.views import TIMES, when_in

KEPT_TYPES = frozenset({"Patient", "AllergyIntolerance", "Condition", "Flag", "Device", "Medication"})
"""Types of which nothing is left out. A Medication is the name of one that is taken."""
_TAKEN = frozenset({"MedicationRequest", "MedicationStatement"})
_ENDED = frozenset({"completed", "stopped", "cancelled", "entered-in-error", "ended", "not-taken"})
_OF_EACH_CODE = 10
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one chart may hold."""

    facts: int
    """Of all types together, the Patient among them."""
    per_type: Mapping[str, int]
    """Of single types; of one that is not named, as many as `facts`."""
    text_bytes: int
    """Original text of all facts together, in bytes."""

    def most(self, resource_type: str) -> int:
        """How many of one type are worth asking for: a pull may stop there and call itself truncated."""
        return min(self.per_type.get(resource_type, self.facts), self.facts)


DEFAULT_BOUNDS = Bounds(facts=20_000, per_type=MappingProxyType({"Observation": 12_000}), text_bytes=128 * 1024 * 1024)


class Cut(NamedTuple):
    """What is left of a record within its bounds."""

    kept: tuple[Item, ...]
    """In the given order."""
    notes: tuple[str, ...]
    """One line for each type of which something was left out, with how many there were and how many stayed."""
    truncated: frozenset[str]
    """Those types."""


def cut(items: Sequence[Item], bounds: Bounds = DEFAULT_BOUNDS) -> Cut:
    """The items that fit `bounds`: the oldest of the most numerous types go first, an undated one before a dated one.

    Raises:
        RecordTooLarge: what always stays is more than the bounds allow.
    """
    had = Counter(item.header.resourceType for item in items)
    if _fits(items, had, bounds):
        return Cut(tuple(items), (), frozenset())
    left_out = _Cutter(items, bounds).left_out()
    kept = tuple(item for item in items if id(item) not in left_out)
    have = Counter(item.header.resourceType for item in kept)
    short = sorted(name for name in had if had[name] != have[name])
    notes = tuple(f"{had[name]:,} {name}, newest {have[name]:,} kept" for name in short)
    return Cut(kept, notes, frozenset(short))


def _fits(items: Sequence[Item], counts: Mapping[str, int], bounds: Bounds) -> bool:
    few = len(items) <= bounds.facts and all(count <= bounds.most(name) for name, count in counts.items())
    return few and sum(len(item.raw) for item in items) <= bounds.text_bytes


@dataclass(slots=True)
class _Pile:
    """What may be left out of one type, the last first."""

    items: list[Item]
    size: int


class _Cutter:
    """Takes from the piles until the rest fits."""

    def __init__(self, items: Sequence[Item], bounds: Bounds) -> None:
        self._bounds = bounds
        self._facts, self._bytes = len(items), sum(len(item.raw) for item in items)
        self._counts = Counter(item.header.resourceType for item in items)
        by_type: dict[str, list[Item]] = {}
        for item in items:
            if not stays(item):
                by_type.setdefault(item.header.resourceType, []).append(item)
        self._piles = {name: _Pile(_ranked(these), sum(len(one.raw) for one in these)) for name, these in by_type.items()}
        self._left_out: set[int] = set()

    def left_out(self) -> set[int]:
        for name, pile in self._piles.items():
            while pile.items and self._counts[name] > self._bounds.most(name):
                self._take(pile)
        while self._facts > self._bounds.facts:
            self._take(max(self._open(), key=lambda pile: len(pile.items)))
        while self._bytes > self._bounds.text_bytes:
            self._take(max(self._open(), key=lambda pile: pile.size))
        return self._left_out

    def _open(self) -> list[_Pile]:
        piles = [pile for pile in self._piles.values() if pile.items]
        if not piles:
            raise RecordTooLarge("what must not be left out is more than a chart may hold")
        return piles

    def _take(self, pile: _Pile) -> None:
        item = pile.items.pop()
        size = len(item.raw)
        pile.size -= size
        self._bytes -= size
        self._facts -= 1
        self._counts[item.header.resourceType] -= 1
        self._left_out.add(id(item))


def stays(item: Item) -> bool:
    """Whether an item is never left out: of a type that stays, or a medication that may be taken now."""
    kind = item.header.resourceType
    if kind in KEPT_TYPES:
        return True
    if kind not in _TAKEN:
        return False
    status = elements(item.raw, ("status",)).get("status")
    return not isinstance(status, str) or status not in _ENDED


def _ranked(items: Iterable[Item]) -> list[Item]:
    """First the newest of every code, then their second newest and so on for a few, then whatever is newest."""
    newest = sorted(((_moment(item), item) for item in items), key=lambda pair: (pair[0], pair[1].local), reverse=True)
    series: Counter[bytes] = Counter()
    ranks = []
    for number, (_, item) in enumerate(newest):
        code = bytes(outline(item.raw).get("code", b""))
        series[code] += 1
        ranks.append((min(series[code], _OF_EACH_CODE + 1), number, item))
    return [item for _, _, item in sorted(ranks, key=lambda rank: rank[:2])]


def _moment(item: Item) -> datetime:
    found = when_in(elements(item.raw, TIMES))
    return found.latest if found is not None else _UNDATED

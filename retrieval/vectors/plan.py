"""How a query is answered, and why: exactly, unless that takes long and the approximate index is known to find enough.

The costs are those measured with `python -m bench --only index`; what decides are their ratios, which differ little between
machines. A filter that keeps few rows makes an exact scan cheap, and is what approximate indexes fail under; so the fewer rows
are kept, the surer the answer is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from retrieval.vectors.asked import Kind
from retrieval.vectors.engine import Rates
from retrieval.vectors.near import NearNote, NearPoint

PlanName = Literal[
    "none",
    "exact scan over all rows",
    "exact scan over kept rows",
    "exact scan over rows picked one by one",
    "approximate index",
    "codes of kept rows",
]
COPY_SHARE = 0.5
"""Above this share of kept rows a copy saves less than half of a scan, and costs memory."""
PICK_SHARE = 0.3
"""Above this share, walking past the other rows costs less than picking the kept ones out without keeping them."""
SHORT = 2_000.0
"""Microseconds under which exact scans for a whole batch need no replacement."""
WORTH = 1.5
"""How many times as long an exact scan must take."""
_REMEMBERED = 256
"""Plans: clinics ask through few filters, again and again, and to make a plan takes a tenth of what a search through codes takes."""
_START, _A_CENTRE, _A_CODE, _A_ROW = 100.0, 0.02, 0.0035, 0.45
"""Microseconds of the approximate index for each query: to begin, for a list's centre, for a code looked at, for a row fetched."""
_START_ONCE, _A_CENTRE_ONCE, _A_CODE_ONCE = 250.0, 0.08, 0.009
"""The same for all queries of a batch together."""
_A_KEPT, _A_KEPT_ONCE = 0.0012, 0.0015
"""The same for a kept row's code where all are looked at: for each query, and for all of a batch together."""
MOST = 0.95
"""Above this share of rows that may be found, those that may not are hardly met."""
_SPREAD = 1.5
"""Below it: kept rows are not always their share of the nearest, so as many times more are looked at."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What a plan is made from."""

    cases: int
    """Rows of the table."""
    base: int | None
    """Rows that the filter keeps; None without one."""
    kept: int
    """Rows of those that may be found."""
    wanted: int
    """Neighbours to look for, those included that may not be found."""
    kind: Kind
    columns: int
    """Columns that are compared."""
    batch: int
    """Queries of this kind under this filter that are asked together."""
    copies_fit: bool
    """Whether a copy of the filter's rows is within the budget."""
    note: NearNote | None = field(hash=False)
    rates: Rates = field(hash=False)
    whole: bool = False
    """Whether lists were looked at and left too little, so that nothing but all codes will do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A way and its reason; for the approximate index, the setting it is asked with."""

    name: PlanName
    reason: str
    point: NearPoint | None = None


@lru_cache(maxsize=_REMEMBERED)
def plan(sought: Sought) -> Plan:
    """How to search."""
    if sought.kept == 0:
        return Plan("none", _remain(sought))
    exact, instead = _exact(sought), _instead(sought)
    takes = exact_cost(sought, exact.name)
    if instead is None or takes * sought.batch < SHORT or takes < WORTH * instead.takes:
        return exact
    point = instead.point
    under = "" if point.share == 1 else f" under filters that kept {point.share:.0%}"
    reason = (
        f"{_remain(sought)}: an exact scan would take {takes / instead.takes:.0f} times as long; on held-out {sought.kind} queries{under} "
        f"{point.recall:.1%} of the nearest {point.limit} were found"
    )
    return Plan(instead.name, reason, point)


def exact_cost(sought: Sought, name: PlanName) -> float:
    """Microseconds an exact scan takes: bound by reading for one query, by multiplying for many."""
    rows = sought.base if sought.base is not None and name != "exact scan over all rows" else sought.cases
    picking = (sought.rates.pick or 0.0) / sought.batch if name == "exact scan over rows picked one by one" else 0.0
    return rows * sought.columns * (max(sought.rates.read / sought.batch, sought.rates.multiply) + picking) / 1000


def _exact(sought: Sought) -> Plan:
    remain = _remain(sought)
    if sought.base is None:
        return Plan("exact scan over all rows", remain)
    if sought.base < COPY_SHARE * sought.cases and sought.copies_fit:
        return Plan("exact scan over kept rows", f"{remain}: few enough to keep together")
    if sought.base < PICK_SHARE * sought.cases and sought.rates.pick is not None:
        return Plan("exact scan over rows picked one by one", f"{remain}: too many to keep together, few enough to pick")
    return Plan("exact scan over all rows", f"{remain}: too many to {'pick' if sought.rates.pick is not None else 'keep together'}")


@dataclass(frozen=True, slots=True)
class _Instead:
    """What an exact scan can be replaced by."""

    name: PlanName
    point: NearPoint
    takes: float
    """Microseconds a query."""


def _instead(sought: Sought) -> _Instead | None:
    """The cheapest setting that was measured: for the filter's share, and for as many neighbours as hold those that may be found."""
    note, base = sought.note, sought.base
    if note is None:
        return None
    pool = sought.cases if base is None else base
    share, found = pool / sought.cases, sought.kept / pool
    wanted = sought.wanted if found > MOST else math.ceil(sought.wanted * _SPREAD / found)
    whole = None if base is None else note.whole(sought.kind, wanted)
    ways = [] if whole is None else [_Instead("codes of kept rows", whole, _codes_cost(whole, pool, sought.batch))]
    point = note.point(sought.kind, wanted, 1.0 if share > MOST else share)
    if point is not None and not (ways and sought.whole):
        ways.append(_Instead("approximate index", point, _near_cost(point, note, sought.batch)))
    return min(ways, key=lambda way: way.takes, default=None)


def _near_cost(point: NearPoint, note: NearNote, batch: int) -> float:
    codes = point.probes * note.rows / note.lists
    once = _START_ONCE + _A_CENTRE_ONCE * note.lists + _A_CODE_ONCE * codes
    return _START + _A_CENTRE * note.lists + _A_CODE * codes + _A_ROW * point.fetch + once / batch


def _codes_cost(point: NearPoint, kept: int, batch: int) -> float:
    return _START + _A_KEPT * kept + _A_ROW * point.fetch + _A_KEPT_ONCE * kept / batch


def _remain(sought: Sought) -> str:
    return f"{sought.kept} of {sought.cases} cases remain"

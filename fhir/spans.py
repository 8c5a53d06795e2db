"""A measured value as all the values it can mean, compared in three values: yes, no, cannot tell.

FHIR R4 Quantity.comparator: `<5` is any value under five. So it is below 30, it is not above 6, and of 4 it tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_INFINITY = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Span:
    """Every value between two ends, each of which may belong to it."""

    low: Decimal
    low_included: bool
    high: Decimal
    high_included: bool

    def above(self, bound: Decimal) -> bool | None:
        """Whether every value is greater than `bound`; None when some are and some are not."""
        return _told(
            self.low > bound or (self.low == bound and not self.low_included),
            self.high <= bound,
        )

    def at_least(self, bound: Decimal) -> bool | None:
        """Whether every value is `bound` or greater."""
        below = self.below(bound)
        return None if below is None else not below

    def below(self, bound: Decimal) -> bool | None:
        """Whether every value is less than `bound`."""
        return _told(
            self.high < bound or (self.high == bound and not self.high_included),
            self.low >= bound,
        )

    def at_most(self, bound: Decimal) -> bool | None:
        """Whether every value is `bound` or less."""
        above = self.above(bound)
        return None if above is None else not above


def span_of(value: Decimal, comparator: object = None) -> Span | None:
    """What a value with a FHIR comparator can mean; None for a comparator that is none of `<`, `<=`, `>=`, `>`.

    >>> span_of(Decimal(5), "<").below(Decimal(30))
    True
    >>> span_of(Decimal(4), ">").below(Decimal(5)) is None
    True
    """
    match comparator:
        case None:
            return Span(value, True, value, True)
        case "<" | "<=":
            return Span(-_INFINITY, False, value, comparator == "<=")
        case ">" | ">=":
            return Span(value, comparator == ">=", _INFINITY, False)
        case _:
            return None


def _told(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None

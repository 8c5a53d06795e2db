"""The rules against leaks and the filters as a Milvus expression. It holds names of fields and numbers, nothing that was typed.

Near-duplicates are not expressible: they are recognised among what was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retrieval.cards import Filter, Query
from retrieval.errors import QueryRefused
from retrieval.milvus.layout import number

EVERY = "row >= 0"


@dataclass(frozen=True, slots=True)
class Rule:
    """Leaves out the rows whose `field` stands in `relation` to `numbers`, for Milvus or for a row at hand."""

    reason: str
    field: str
    relation: Literal["in", "not in", ">", "<"]
    numbers: tuple[int, ...]
    """One, for an order."""
    linked: bool = False
    """Whether the row's other identifiers count too."""

    @property
    def expression(self) -> str:
        """The rows it leaves out."""
        if self.relation in (">", "<"):
            return f"{self.field} {self.relation} {self.numbers[0]}"
        if not self.numbers:
            return EVERY  # "not in", since a rule against nobody is not made
        numbers = f"[{', '.join(map(str, self.numbers))}]"
        also = f" or array_contains_any(linked, {numbers})" if self.linked else ""
        return f"{self.field} {self.relation} {numbers}{also}"

    def hits(self, row: Mapping[str, Any]) -> bool:
        """Whether it leaves `row` out."""
        value = int(row[self.field])
        if self.relation == ">":
            return value > self.numbers[0]
        if self.relation == "<":
            return value < self.numbers[0]
        among = value in self.numbers or (self.linked and not set(self.numbers).isdisjoint(row["linked"]))
        return among == (self.relation == "in")


@dataclass(frozen=True, slots=True)
class Rules:
    """What leaves rows out, in the order in which a row's reason is the first that hits it."""

    leaks: tuple[Rule, ...]
    later: Rule
    filters: tuple[Rule, ...]

    @property
    def allowed(self) -> str:
        """The rows that may be found. The day comes first: every query has one, and it hides the seal's rows."""
        return " and ".join(f"not ({rule.expression})" for rule in (self.later, *self.leaks, *self.filters))

    @property
    def leaking(self) -> str:
        """The rows that any rule against leaks hits; empty without such a rule."""
        return " or ".join(f"({rule.expression})" for rule in self.leaks)

    @property
    def fields(self) -> list[str]:
        """What `Rule.hits` looks at."""
        rules = (self.later, *self.leaks, *self.filters)
        return sorted({rule.field for rule in rules} | {"linked" for rule in rules if rule.linked})


def rules(query: Query, values: Mapping[str, tuple[str, ...]], *, linked: bool) -> Rules:
    """What `query` must not find in a collection.

    Args:
        query: Its near-duplicate rules are left to others.
        values: Words of the collection's coded columns.
        linked: Whether a person may have a second identifier there.

    Raises:
        QueryRefused: a key is none that a keyring makes, and would exclude nobody.
    """
    later = Rule("later date", "as_of", ">", (query.as_of.toordinal(),))
    try:
        return Rules(tuple(_leaks(query, linked)), later, tuple(_filters(query.only, values)))
    except ValueError as error:
        raise QueryRefused("a key of the query is no salted hash") from error


def _leaks(query: Query, linked: bool) -> Iterator[Rule]:
    if query.persons:
        yield Rule("same person", "person", "in", _numbers(query.persons), linked)
    if query.studies:
        yield Rule("same study", "study", "in", _numbers(query.studies))
    if query.report_hash is not None:
        yield Rule("equal report", "report", "in", _numbers((query.report_hash,)))


def _filters(only: Filter, values: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    for reason, name, wanted in (
        ("other modality", "modality", only.modalities),
        ("other body part", "body_part", only.body_parts),
        ("other view", "view", only.views),
        ("other age band", "age_band", only.age_bands),
        ("other sex", "sex", only.sexes),
        ("other site", "site", only.sites),
        ("other licence", "licence", only.licences),
    ):
        if wanted is not None:
            yield Rule(reason, name, "not in", tuple(code for code, value in enumerate(values[name]) if value in wanted))
    if only.since is not None:
        yield Rule("earlier date", "as_of", "<", (only.since.toordinal(),))


def _numbers(keys: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(map(number, keys)))

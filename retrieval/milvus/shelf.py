"""A published generation as a shelf: leak rules and filters go along with the query, near-duplicates are dropped from the answer.

Counts are Milvus' own (`count(*)`), and what a filter or a date leaves out of a sealed collection is counted once and remembered.
Near-duplicates alone are counted only as far as they were met among the nearest.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard, Query
from retrieval.errors import IndexCorrupt
from retrieval.generation.manifest import Manifest
from retrieval.keys import near, near_reports
from retrieval.milvus.connecting import Connection
from retrieval.milvus.expression import EVERY, Rule, Rules, rules
from retrieval.milvus.layout import FOUND, card_of, digest, read_seal, unsigned
from retrieval.searching.search import Found, Terms
from retrieval.searching.variety import Trait
from retrieval.vectors import Asked, Dimensions, Vectors, ask
from retrieval.vectors.engine import Pairs
from retrieval.vectors.settling import settle

MOST = 16_384
"""Rows that Milvus gives for one query at most."""
_SPARE = 16
"""Rows asked for in addition where near-duplicates may have to be dropped."""
_REMEMBERED = 256
_READ = 500
"""Cases read at once: with vectors, cards and thumbnails about ten megabytes."""
_COUNTED_WITHIN = 60.0
"""Seconds: milvus-lite, where counting is slow, takes a tenth of a millisecond for each case that a filter leaves out, once."""
_SEARCH: dict[str, Any] = {"consistency_level": "Bounded"}
"""Nothing is written into a sealed collection: a search need not wait for what others write."""


@dataclass(frozen=True, slots=True)
class _Hit:
    row: int
    vector: Vectors
    trait: Trait


class MilvusShelf:
    """One sealed collection, read only, a `retrieval.searching.search.Shelf`. Safe to use from several threads."""

    def __init__(self, connection: Connection, collection: str, *, expected: str | None = None) -> None:
        """Read and check the seal.

        Args:
            connection: Stays the caller's.
            collection: The collection itself, not its alias, which another publication may move.
            expected: SHA-256 the seal must have, where it is known.

        Raises:
            IndexMissing: the collection is not there.
            IndexCorrupt: it is not sealed, not whole, or its seal is not `expected`.
            OtherSchema: another version of this program published it.
            IndexUnreachable: Milvus does not answer.
        """
        self._connection = connection
        self._collection = collection
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        connection.load(collection)
        found = connection.ask("query", collection, filter="row < 0", output_fields=["row", "row_hash", "card"], consistency_level="Strong")
        self.seal, self.sha256 = read_seal(found)
        if expected not in (None, self.sha256):
            raise IndexCorrupt("the seal is not the one that was expected", where="seal")
        if connection.count(collection, "", consistency_level="Strong") != self.seal.cases + len(found):
            raise IndexCorrupt("the collection holds more or fewer cases than its seal says", where="seal")
        self.manifest: Manifest = self.seal.opened()

    @property
    def terms(self) -> Terms:
        """What a search must know of this index: the terms of the generation that was published."""
        return Terms.of(self.manifest, self.seal.generation)

    def nearest(self, query: Query, limit: int) -> Found:
        """The `limit` nearest rows that `query` may find, at most 16,384; fewer when fewer remain.

        Raises:
            QueryRefused: without a vector, with a broken one, or with a key that is none.
            IndexCorrupt: Milvus answers what was never published.
            IndexUnreachable: it does not answer.
        """
        manifest = self.manifest
        asked = ask(query.image, query.text, manifest.image_weight, manifest.dimensions)
        vector = np.zeros(manifest.dimensions.total, dtype=np.float32)
        vector[manifest.dimensions.columns(asked.kind)] = asked.vector
        left_out = rules(query, self.seal.values, linked=self.seal.linked)
        hits, copies = self._hits(vector, left_out.allowed, query, min(limit, MOST))
        places, distances = _settled(asked, hits, manifest.dimensions, limit)
        counts = self._counted(left_out) + copies
        how = "compared one by one" if self.seal.exact else "by an index of Milvus' choice, which may overlook a neighbour"
        return Found(
            rows=np.array([hits[place].row for place in places], dtype=np.int64),
            distances=distances,
            traits=tuple(hits[place].trait for place in places),
            searched=self.seal.cases - counts.total(),
            excluded=tuple(counts.items()),
            plan="Milvus with an expression",
            plan_reason=f"the index is in Milvus: {how}",
        )

    def card(self, row: int) -> CaseCard:
        """The card of a row, checked against the vector that Milvus holds for it.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were published together, or the row is not there.
            IndexUnreachable: Milvus does not answer.
        """
        fields = ["vector", "card", "thumbnail", "row_hash"]
        found = self._connection.ask("query", self._collection, filter=f"row in [{row}]", output_fields=fields, **_SEARCH)
        if len(found) != 1:
            raise IndexCorrupt("a case is missing", where=f"row {row}")
        return card_of(row, found[0])

    def check(self) -> None:
        """Read every case and check it against its vector, and all of them against the seal.

        Raises:
            IndexCorrupt: when anything is not as it was published.
            IndexUnreachable: Milvus does not answer.
        """
        hashes: list[tuple[int, str]] = []
        fields = ["row", "vector", "card", "thumbnail", "row_hash"]
        for first in range(0, self.manifest.rows, _READ):
            where = f"row >= {first} and row < {first + _READ}"
            found = self._connection.ask("query", self._collection, filter=where, output_fields=fields, timeout=_COUNTED_WITHIN)
            for one in sorted(found, key=lambda one: int(one["row"])):
                card_of(int(one["row"]), one)
                hashes.append((int(one["row"]), str(one["row_hash"])))
        if digest(hashes) != self.seal.digest:
            raise IndexCorrupt("the cases are not those that were published", where="seal")

    def _hits(self, vector: NDArray[np.float32], allowed: str, query: Query, limit: int) -> tuple[list[_Hit], Counter[str]]:
        """The nearest, at least `limit` where so many remain, ascending by row; and how many near-duplicates were dropped, by reason."""
        look = limit if query.image_hash is None and query.report_sketch is None else min(limit + _SPARE, MOST)
        while True:
            found = self._connection.ask(
                "search", self._collection, data=[vector], anns_field="vector", filter=allowed, limit=look, output_fields=list(FOUND),
                search_params={"metric_type": "IP"}, **_SEARCH,
            )[0]  # fmt: skip
            hits = sorted((self._hit(one) for one in found), key=lambda hit: hit.row)
            copies = self._copies(hits, query)
            kept = [hit for hit, reason in zip(hits, copies, strict=True) if reason is None]
            if len(kept) >= limit or len(found) < look or look == MOST:
                return kept, Counter(reason for reason in copies if reason is not None)
            look = min(look * 2, MOST)

    def _hit(self, one: Mapping[str, Any]) -> _Hit:
        try:
            row, entity = int(one["row"]), one["entity"]
            vector, findings = np.asarray(entity["vector"], dtype=np.float32), int(entity["findings"])
            trait = Trait(
                report=int(entity["report"]),
                image=unsigned(int(entity["image"])),
                findings=self.seal.values["findings"][findings],
                sketch=unsigned(int(entity["sketch"])),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise IndexCorrupt("Milvus answers what was never published") from error
        if min(row, findings) < 0 or vector.shape != (self.manifest.dimensions.total,) or not np.isfinite(vector).all():
            raise IndexCorrupt("Milvus answers what was never published", where=f"row {row}")
        return _Hit(row, vector, trait)

    def _copies(self, hits: Sequence[_Hit], query: Query) -> list[str | None]:
        """Of each hit, why it is a near-duplicate of what is asked about, or None."""
        reasons: list[str | None] = [None] * len(hits)
        if query.report_sketch is not None:
            for place in near_reports(np.array([hit.trait.sketch for hit in hits], dtype=np.uint64), query.report_sketch).tolist():
                reasons[place] = "near-duplicate report"
        if query.image_hash is not None:
            images = np.array([hit.trait.image for hit in hits], dtype=np.uint64)
            for place in near(images, query.image_hash, self.manifest.near_duplicate_bits).tolist():
                reasons[place] = "near-duplicate image"
        return reasons

    def _counted(self, left_out: Rules) -> Counter[str]:
        """How many rows each rule leaves out, each row under the first reason that hits it.

        Rows that a leak rule hits are few, and are looked at one by one, the first 16,384 of them.
        """
        counts: Counter[str] = Counter()
        leaking: Sequence[Mapping[str, Any]] = ()
        if left_out.leaks:
            where = f"({left_out.leaking}) and {EVERY}"
            leaking = self._connection.ask("query", self._collection, filter=where, output_fields=left_out.fields, limit=MOST, **_SEARCH)
        for row in leaking:
            reason = next((rule.reason for rule in left_out.leaks if rule.hits(row)), None)
            if reason is None:
                raise IndexCorrupt("Milvus answers another question than was asked")
            counts[reason] += 1
        before: list[Rule] = []
        for rule in (left_out.later, *left_out.filters):
            also_leaking = sum(rule.hits(row) and not any(other.hits(row) for other in before) for row in leaking)
            counts[rule.reason] += self._remembered(_first(rule, before)) - also_leaking
            before.append(rule)
        return counts

    def _remembered(self, expression: str) -> int:
        with self._lock:
            if expression in self._counts:
                self._counts.move_to_end(expression)
                return self._counts[expression]
        counted = self._connection.count(self._collection, f"{expression} and {EVERY}", timeout=_COUNTED_WITHIN, **_SEARCH)
        with self._lock:
            self._counts[expression] = counted
            while len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
        return counted


def _settled(asked: Asked, hits: Sequence[_Hit], dimensions: Dimensions, limit: int) -> tuple[list[int], Vectors]:
    """Places of the `limit` nearest of `hits`, which ascend by row, and their distances: to the last bit those of the folder's index."""
    rows = np.array([hit.vector for hit in hits], dtype=np.float32).reshape(len(hits), dimensions.total)
    places = np.arange(len(hits), dtype=np.int64)
    ((chosen, distances),) = settle(
        rows[:, dimensions.columns(asked.kind)], asked.vector[None], Pairs(np.zeros_like(places), places), [limit]
    )
    return chosen.tolist(), distances


def _first(rule: Rule, before: Sequence[Rule]) -> str:
    """The rows of `rule` that none of `before` left out."""
    return " and ".join((f"({rule.expression})", *(f"not ({other.expression})" for other in before)))

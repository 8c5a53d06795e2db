"""Builds an index: cases in, one sealed generation out, or nothing changed."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from retrieval.calibrate import COVERAGE, calibrate
from retrieval.cards import CaseCard, Encoder, Rejected, SourceCase
from retrieval.errors import BadCase, NothingToIndex
from retrieval.generations import publish, workplace
from retrieval.info import IndexInfo, describe
from retrieval.keys import NEAR_DUPLICATE_BITS, Keyring, check_image
from retrieval.manifest import SCHEMA_VERSION, Manifest, describe_files, flush, seal, verify, write_flushed
from retrieval.store import FILE as CARDS
from retrieval.store import CardStore, CardWriter, thumbnail
from retrieval.vectors import FILE as VECTORS
from retrieval.vectors import IMAGE_WEIGHT, Vectors, deserialise, fuse, serialise, unit_rows

BATCH = 32
NAMED_SKIPS = 20
"""So many skipped cases are named by position; all are counted."""
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass
class _Progress:
    """What a running build has seen. Changed in place; it never leaves this module."""

    report: Callable[[int], None]
    seen: int = 0
    keys: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_at: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, reason: str, where: str) -> None:
        """Count a case that is left out, never in silence."""
        self.skipped[reason] += 1
        if len(self.skipped_at) < NAMED_SKIPS:
            self.skipped_at.append((reason, where))


def build(
    cases: Iterable[SourceCase | Rejected],
    encoder: Encoder,
    folder: Path,
    *,
    keyring: Keyring,
    total: int | None = None,
    progress: Callable[[int], None] = lambda seen: None,
    source: str = "",
    image_weight: float = IMAGE_WEIGHT,
) -> IndexInfo:
    """Embed `cases` and put a new generation of the index into `folder`.

    Cases are streamed in batches of 32; only vectors are held in memory. A case that cannot be indexed is skipped and counted
    by reason. Until the last step the index in use stays as it is, whatever happens, a kill -9 included.

    Args:
        cases: Cases whose keys `keyring` made, or what a reader rejected.
        encoder: Embeds images and reports.
        folder: The index's folder; created when missing.
        keyring: Kept as salt and check value: never the secret.
        total: How many cases to take at most; None for all.
        progress: Called after every batch with the number of cases seen.
        source: What is indexed, in words, without identities.
        image_weight: Share of the image in a fused distance, between 0 and 1.

    Raises:
        NothingToIndex: no case survived; the last good index stays.
        IndexBusy, NotAnIndex, StorageFailed: see `retrieval.generations.workplace`.
    """
    started = time.monotonic()
    state = _Progress(progress)
    with workplace(folder) as place:
        fused = _write_cards(islice(cases, total), encoder, place, state, image_weight)
        write_flushed(place / VECTORS, serialise(fused))
        manifest = _manifest(place=place, fused=fused, encoder=encoder, keyring=keyring, state=state, source=source, weight=image_weight)
        digest = seal(place, manifest)
        verify(place, digest)  # read back: what the disk holds is what will be served
        generation = publish(place, digest)
        info = describe(verify(generation, digest))
    return replace(info, seconds=round(time.monotonic() - started, 2), skipped_at=tuple(state.skipped_at))


def _write_cards(cases: Iterable[SourceCase | Rejected], encoder: Encoder, place: Path, state: _Progress, weight: float) -> Vectors:
    writer = CardWriter(place / CARDS)
    fused: list[Vectors] = []
    try:
        for batch in _batches(cases):
            cards, vectors = _embed(_usable(batch, state), encoder, state, weight)
            writer.add(cards, vectors)
            fused.append(vectors)
            state.seen += len(batch)
            state.report(state.seen)
        if not writer.rows:
            raise NothingToIndex(f"none of {state.seen} cases could be indexed")
        writer.finish()
    finally:
        writer.abandon()
    flush(place / CARDS)
    return np.vstack(fused)


def _batches(cases: Iterable[SourceCase | Rejected]) -> Iterator[list[SourceCase | Rejected]]:
    rest = iter(cases)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _usable(batch: Sequence[SourceCase | Rejected], state: _Progress) -> list[SourceCase]:
    usable = []
    for number, case in enumerate(batch, start=state.seen + 1):
        if isinstance(case, Rejected):
            state.skip(case.reason, case.where)
            continue
        try:
            _check(case, state.keys)
        except BadCase as error:
            state.skip(error.reason, f"case {number}")
            continue
        state.keys.add(case.card.key)
        usable.append(case)
    return usable


def _check(case: SourceCase, known: set[str]) -> None:
    """Refuse a case that would be wrong in the index: above all one whose key could be an identity."""
    card = case.card
    if not all(_KEY.fullmatch(key) for key in (card.key, card.person, card.study, card.report_hash)):
        raise BadCase("a key is no salted hash")
    if card.key in known:
        raise BadCase("key stands twice")
    if not card.report.strip():
        raise BadCase("report is empty")
    if not card.consent.strip() or not card.licence.strip():
        raise BadCase("consent or licence is not stated")
    check_image(case.image)


def _embed(cases: list[SourceCase], encoder: Encoder, state: _Progress, weight: float) -> tuple[list[CaseCard], Vectors]:
    """Cards and fused vectors of the cases whose both vectors are usable."""
    if not cases:
        return [], np.zeros((0, 2 * encoder.dimension), dtype=np.float32)
    images, image_ok = unit_rows(encoder.images([case.image for case in cases]), encoder.dimension, len(cases))
    reports, report_ok = unit_rows(encoder.texts([case.card.report for case in cases]), encoder.dimension, len(cases))
    for position in np.flatnonzero(~(image_ok & report_ok)):
        state.skip(
            "vector is NaN, infinite, zero or not of unit length",
            f"within cases {state.seen + 1}-{state.seen + BATCH}, number {position + 1}",
        )
    kept = image_ok & report_ok
    cards = [_with_thumbnail(case) for case, ok in zip(cases, kept, strict=True) if ok]
    return cards, fuse(images[kept], reports[kept], weight)


def _with_thumbnail(case: SourceCase) -> CaseCard:
    return case.card if case.card.thumbnail_png else replace(case.card, thumbnail_png=thumbnail(case.image))


def _manifest(*, place: Path, fused: Vectors, encoder: Encoder, keyring: Keyring, state: _Progress, source: str, weight: float) -> Manifest:
    table = deserialise((place / VECTORS).read_bytes(), dimension=encoder.dimension, cases=len(fused), weight=weight)
    store = CardStore(place / CARDS)
    try:
        thresholds = calibrate(table, store.columns(), near_duplicate_bits=NEAR_DUPLICATE_BITS)
    finally:
        store.close()
    return Manifest(
        schema_version=SCHEMA_VERSION,
        source=source,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder_fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        cases=len(fused),
        image_weight=weight,
        near_duplicate_bits=NEAR_DUPLICATE_BITS,
        coverage=COVERAGE,
        thresholds=dict(thresholds),
        salt=keyring.salt.hex(),
        key_check=keyring.check,
        skipped=dict(sorted(state.skipped.items())),
        files=describe_files(place),
    )

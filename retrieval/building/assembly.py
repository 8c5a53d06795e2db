"""Puts a new generation together: its segments are written; here its measures are taken, and it is sealed and put in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import CardsUnreachable, StorageFailed
from retrieval.generation.generations import PRIVATE, publish
from retrieval.generation.manifest import (
    GONE,
    MANIFEST,
    SCHEMA_VERSION,
    SEAL,
    FileEntry,
    Generation,
    Gone,
    GoneCase,
    Manifest,
    SegmentEntry,
    SourceEntry,
    describe_files,
    flush,
    open_manifest,
    seal,
    verify,
    write_flushed,
)  # fmt: skip
from retrieval.generation.mapping import copy_flushed, link, view_files
from retrieval.generation.segments import NEAR, CardPlace, Contents, open_stack
from retrieval.generation.stack import Stack
from retrieval.generation.vector_file import FILE as VECTORS
from retrieval.info import IndexInfo, describe
from retrieval.keys import NEAR_DUPLICATE_BITS
from retrieval.measures.calibrate import COVERAGE, calibrate
from retrieval.measures.fusion import fit_weight
from retrieval.measures.hubness import hubs
from retrieval.vectors import Dimensions, make_near


@dataclass(frozen=True, slots=True)
class Weight:
    """Share of the image in a fused distance, and how it came about."""

    image: float
    reason: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same from one generation to the next: whose vectors, whose keys."""

    encoder_fingerprint: str
    dimensions: Dimensions
    one_space: bool
    salt: str
    key_check: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A generation whose segments are written, before anything of it is measured."""

    identity: Identity
    sources: tuple[SourceEntry, ...]
    segments: tuple[SegmentEntry, ...]
    gone: Gone
    cards: CardPlace
    weight: Weight | None
    """None: to be fitted."""
    linked: Mapping[str, FileEntry]
    """Files that an older generation has too, already hashed."""
    erases: bool = False
    """Whether no generation that stays may hold what this one leaves out."""
    hubs: Literal["quarantine", "count", "known"] = "known"
    """What becomes of new cases that are near to too many others. `known`: the new segment holds no case that is new."""


def conclude(folder: Path, draft: Draft) -> IndexInfo:
    """Measure, seal, read back and put in place the generation in `folder`.

    What is measured: the weight of the image unless it is given, which new cases are near to too many others, and the
    thresholds. A new segment that is large enough gets a file that finds near rows fast.

    Raises:
        IndexCorrupt: when what the disk holds is not what was written.
    """
    library, files = folder.parent, describe_files(folder, draft.linked)
    stack = open_stack(folder, view_files(folder, files), Contents(draft.segments, draft.gone, draft.identity.dimensions, draft.cards))
    try:
        manifest, gone = _measured(folder, draft, stack)
    finally:
        stack.close()
    write_flushed(folder / GONE, gone.model_dump_json().encode() + b"\n")
    manifest = manifest.model_copy(update={"files": describe_files(folder, files)})
    digest = seal(folder, manifest)
    verify(folder, digest)  # what the disk holds is what will be served
    generation = Generation(publish(folder, digest), manifest, digest)
    if draft.erases:
        generation = replace(generation, folder=_publish_again(generation))
    return replace(describe(generation), cards_left=not _forgotten(draft.cards, library))


def _forgotten(cards: CardPlace, library: Path) -> bool:
    """Delete the cards of segments that no generation has any more; whether that is done. What is in use does not hang on it."""
    try:
        cards.forget_all_but(segment_names(library))
    except (CardsUnreachable, StorageFailed):
        return False
    return True


def _publish_again(generation: Generation) -> Path:
    """Put the same generation in place a second time, so that the one before it, which stays as the last good one, is the same.

    Otherwise that one would still answer with what was removed when it has to stand in, and keep it on the disk.
    """
    folder = generation.folder
    twin = folder.with_name(folder.name.replace("gen-", "building-"))
    twin.mkdir(mode=PRIVATE)
    for entry in generation.manifest.segments:
        link(folder / entry.name, twin / entry.name)
    for name in (GONE, MANIFEST, SEAL):
        copy_flushed(folder / name, twin / name)
    flush(twin)
    open_manifest(twin, generation.sha256)
    return publish(twin, generation.sha256)


def _measured(folder: Path, draft: Draft, stack: Stack) -> tuple[Manifest, Gone]:
    """The manifest, its files still missing, and what is gone."""
    weight = draft.weight or _fitted(stack)
    found = () if draft.hubs == "known" else hubs(stack, _new_rows(draft, stack), weight=weight.image)
    gone = draft.gone if draft.hubs == "count" else _held_back(draft.gone, found, stack)
    sources = draft.sources if draft.hubs == "quarantine" else (*draft.sources[:-1], _noted(draft.sources[-1], found))
    living = replace(stack, gone=np.array([case.row for case in gone.cases], dtype=np.int64))
    reasons, quarantined = gone.counts()
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        built_at=now(),
        encoder_fingerprint=draft.identity.encoder_fingerprint,
        image_dimension=draft.identity.dimensions.image,
        text_dimension=draft.identity.dimensions.text,
        one_space=draft.identity.one_space,
        image_weight=weight.image,
        image_weight_reason=weight.reason,
        near_duplicate_bits=NEAR_DUPLICATE_BITS,
        coverage=COVERAGE,
        thresholds=calibrate(living, near_duplicate_bits=NEAR_DUPLICATE_BITS, weight=weight.image),
        salt=draft.identity.salt,
        key_check=draft.identity.key_check,
        cards=draft.cards.kind,
        cards_index=draft.cards.index,
        gone=reasons,
        quarantined=quarantined,
        sources=sources,
        segments=tuple(_with_near(folder, entry, stack, weight) for entry in draft.segments),
        files={},
    )
    return manifest, gone


def _fitted(stack: Stack) -> Weight:
    fitted = fit_weight(stack, near_duplicate_bits=NEAR_DUPLICATE_BITS)
    return Weight(fitted.weight, fitted.reason)


def _new_rows(draft: Draft, stack: Stack) -> NDArray[np.int64]:
    """Rows of the segments that no older generation has."""
    new = [segment for segment in stack.segments if f"{segment.name}/{VECTORS}" not in draft.linked]
    return np.concatenate([np.zeros(0, np.int64), *(np.arange(segment.first, segment.stop, dtype=np.int64) for segment in new)])


def _held_back(gone: Gone, found: Sequence[tuple[int, str]], stack: Stack) -> Gone:
    held = [GoneCase(row=row, key=stack.card(row).key, reason=reason, quarantined=True) for row, reason in found]
    return gone.model_copy(update={"cases": tuple(sorted((*gone.cases, *held), key=lambda case: case.row))})


def _noted(source: SourceEntry, found: Sequence[tuple[int, str]]) -> SourceEntry:
    return source.model_copy(update={"notes": (*source.notes, *sorted(Counter(reason for _, reason in found).items()))})


def _with_near(folder: Path, entry: SegmentEntry, stack: Stack, weight: Weight) -> SegmentEntry:
    """`entry` with the note of its file for near rows; an older segment keeps the one it has."""
    if entry.near is not None:
        return entry
    (segment,) = (segment for segment in stack.segments if segment.name == entry.name)
    note = make_near(segment.table.rows, stack.dimensions, weight.image, folder / entry.name / NEAR)
    return entry.model_copy(update={"near": note})


def segment_names(library: Path) -> set[str]:
    """Of all segments in an index's folder, whichever generation they belong to."""
    return {path.name for path in library.glob("*/seg-*")}


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")

"""What an index says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.generation.generations import current
from retrieval.generation.manifest import FileEntry, Generation, SourceEntry, Threshold
from retrieval.info import describe
from retrieval.vectors import Dimensions
from retrieval.vectors.near import NearNote, NearPoint


def test_describes_the_generation_in_use_as_its_manifest_does(index: Any) -> None:
    generation = current(index.folder)
    info = describe(generation)
    assert (info.folder, info.sha256) == (generation.folder, generation.sha256)
    assert (info.cases, info.dimensions, info.encoder_fingerprint) == (60, Dimensions(32, 32), index.encoder.fingerprint)
    assert (info.source, info.built_at, info.coverage) == (
        generation.manifest.sources[0].words, generation.manifest.built_at, generation.manifest.coverage
    )  # fmt: skip
    assert (info.image_weight, info.image_weight_reason) == (0.5, "even: 60 cases are too few to fit a weight")
    assert (info.segments, info.gone, info.quarantined, info.near, info.cards) == ((("seg-0001", 60),), {}, 0, (), "sqlite")
    assert (info.seconds, info.skipped_at, info.changed) == (None, (), None)


def source(words: str, skipped: dict[str, int], notes: dict[str, int], *, signed: bool) -> SourceEntry:
    added = "2026-11-23T12:00:00Z"
    return SourceEntry(words=words, added_at=added, cases=1, skipped=skipped, notes=tuple(notes.items()), signed=signed)


@pytest.mark.parametrize("signed", [True, False])
def test_what_several_archives_brought_is_summed_and_signed_only_when_all_are(index: Any, signed: bool) -> None:
    generation = current(index.folder)
    sources = (
        source("north", {"report is empty": 2}, {"names replaced": 3}, signed=True),
        source("south", {"report is empty": 1, "key stands twice": 4}, {"dates replaced": 1}, signed=signed),
        source("north", {}, {"names replaced": 5}, signed=True),
    )
    info = describe(replace(generation, manifest=generation.manifest.model_copy(update={"sources": sources})))
    assert info.source == "north; south"
    assert info.skipped == {"key stands twice": 4, "report is empty": 3}
    assert info.notes == {"dates replaced": 1, "names replaced": 8}
    assert info.signed is signed


def test_what_is_gone_is_not_counted_among_the_cases(index: Any) -> None:
    generation = current(index.folder)
    gone = {"gone": {"consent withdrawn": 2, "near to too many cases": 1}, "quarantined": 1}
    info = describe(replace(generation, manifest=generation.manifest.model_copy(update=gone)))
    assert (info.cases, info.gone, info.quarantined) == (57, gone["gone"], 1)


def test_what_finds_near_rows_fast_is_named_with_its_least_measured_recall(index: Any) -> None:
    generation = current(index.folder)
    points = tuple(
        NearPoint(kind=kind, limit=limit, probes=4, fetch=100, recall=recall)
        for kind, limit, recall in (("text", 10, 0.99), ("image", 10, 0.985), ("text", 50, 0.981))
    )
    note = NearNote(factory="IVF64,PQ32x4fs", rows=60, dimension=64, points=points)
    segment = generation.manifest.segments[0].model_copy(update={"near": note})
    info = describe(replace(generation, manifest=generation.manifest.model_copy(update={"segments": (segment,)})))
    assert info.near == ("seg-0001: IVF64,PQ32x4fs, recall image 0.98, text 0.98",)


def test_the_size_is_that_of_the_files_but_manifest_and_seal(index: Any) -> None:
    folder = current(index.folder).folder
    assert describe(current(index.folder)).size == sum(
        (folder / name).stat().st_size
        for name in ("gone.json", *(f"seg-0001/{name}" for name in ("cards.sqlite", "columns.npz", "vectors.npy")))
    )


@pytest.mark.fault(89)
@pytest.mark.parametrize(("distance", "shown"), [(0.123456, 0.12), (0.5, 0.5), (1.999, 2.0), (None, None)])
def test_a_threshold_leaves_with_two_digits_or_not_at_all(index: Any, distance: float | None, shown: float | None) -> None:
    manifest = current(index.folder).manifest.model_copy(
        update={"thresholds": {"text": Threshold(kind="text", distance=distance, queries=9)}}
    )
    assert describe(Generation(Path("gen-0001"), manifest, "0" * 64)).thresholds == {"text": shown}


def test_an_index_without_files_has_no_size(index: Any) -> None:
    manifest = current(index.folder).manifest
    none = Generation(Path("gen-0001"), manifest.model_copy(update={"files": {}}), "0" * 64)
    one = Generation(Path("gen-0001"), manifest.model_copy(update={"files": {"a": FileEntry(sha256="0" * 64, size=7)}}), "0" * 64)
    assert (describe(none).size, describe(one).size) == (0, 7)

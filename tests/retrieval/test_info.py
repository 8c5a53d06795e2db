"""What an index says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrieval.generations import current
from retrieval.info import describe
from retrieval.manifest import FileEntry, Generation, Threshold


def test_describes_the_generation_in_use_as_its_manifest_does(index: Any) -> None:
    generation = current(index.folder)
    info = describe(generation)
    assert (info.folder, info.sha256) == (generation.folder, generation.sha256)
    assert (info.cases, info.dimension, info.encoder_fingerprint) == (60, 32, index.encoder.fingerprint)
    assert (info.source, info.built_at, info.coverage) == (
        generation.manifest.source, generation.manifest.built_at, generation.manifest.coverage
    )  # fmt: skip
    assert (info.image_weight, info.skipped) == (generation.manifest.image_weight, generation.manifest.skipped)
    assert (info.seconds, info.skipped_at) == (None, ())


def test_the_size_is_that_of_the_files_but_manifest_and_seal(index: Any) -> None:
    folder = current(index.folder).folder
    assert describe(current(index.folder)).size == sum((folder / name).stat().st_size for name in ("cards.sqlite", "vectors.faiss"))


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

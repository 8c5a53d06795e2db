"""Rows and queries for the tests of `retrieval.vectors`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np
import pytest

from retrieval.vectors import Asked, Dimensions, Kept, Kind, Vectors, ask


def _unit(rng: np.random.Generator, count: int, dimension: int) -> Vectors:
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Archive:
    """Rows around a few centres, as cases of an archive are alike."""

    dimensions: Dimensions
    everything: Kept

    def rows(self, count: int, seed: int = 0, centres: int = 30, spread: float = 0.4) -> Vectors:
        """[count, image + text], both unit vectors."""
        middle = np.random.default_rng(7)
        rng = np.random.default_rng(seed)
        which = rng.integers(0, centres, count)
        halves = []
        for dimension in (self.dimensions.image, self.dimensions.text):
            made = _unit(middle, centres, dimension)[which] + spread * _unit(rng, count, dimension)
            halves.append(made / np.linalg.norm(made, axis=1, keepdims=True))
        return np.ascontiguousarray(np.hstack(halves), dtype=np.float32)

    def asked(self, count: int, kind: Kind = "fused", seed: int = 1, weight: float = 0.5, centres: int = 30) -> list[Asked]:
        """Queries like the rows."""
        image, text = self.dimensions.columns("image"), self.dimensions.columns("text")
        return [
            ask(None if kind == "text" else row[image], None if kind == "image" else row[text], weight, self.dimensions)
            for row in self.rows(count, seed, centres)
        ]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """More threads of FAISS than free cores wait for each other for seconds."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(scope="session")
def archive() -> Archive:
    return Archive(Dimensions(24, 16), Kept(None, None, np.zeros(0, np.int64)))


@pytest.fixture(scope="session")
def dropping() -> Callable[..., Kept]:
    """`dropping(1, 2, base=array, name="a filter")`."""

    def kept(*rows: int, base: np.ndarray | None = None, name: str = "a filter") -> Kept:
        return Kept(base, name, np.array(sorted(rows), dtype=np.int64))

    return kept

"""Is this image like the ones the model was made for? A distance of what a middle stage sees where; never the energy of the heads.

The prototype's energy score put noise nearer than radiographs. A Mahalanobis distance of texture, quarter by quarter, works without
knowing what will come and tells a picture whose parts lie elsewhere, which texture of the whole does not. To it a calibration of few
images may add a nearest-neighbour distance in the embedding. The model that ships does not: a rare pair of findings has no neighbour
among a thousand embeddings, so that distance refused the ill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

NEIGHBOURS = 5
COMPONENTS = 96
PASSING = 0.95
"""Share of images like those of the calibration that pass, unless another is asked for."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is stored of the training images to tell others apart."""

    bank: F32
    """[b, 384] unit embeddings of training images; none, and the texture decides alone."""
    centre: F32
    """[t] mean texture."""
    axes: F32
    """[k, t] principal axes of the textures, scaled to unit variance."""
    rest: float
    """Variance of what the axes leave over, per image."""
    neighbour_unit: float
    texture_unit: float
    threshold: float

    def neighbour_distance(self, embeddings: F32) -> F32:
        """Mean cosine distance [n] to the nearest bank images."""
        similarity = embeddings @ self.bank.T
        nearest = np.sort(similarity, axis=1)[:, -NEIGHBOURS:]
        return np.asarray(1 - nearest.mean(1), dtype=np.float32)

    def texture_distance(self, textures: F32) -> F32:
        """Mahalanobis distance [n] with the small variances shrunk to their mean (probabilistic PCA)."""
        moved = textures - self.centre
        scaled = moved @ self.axes.T
        lengths = np.linalg.norm(self.axes, axis=1, keepdims=True)
        inside = (moved @ (self.axes / lengths).T) ** 2
        left_over = np.maximum((moved**2).sum(1) - inside.sum(1), 0)
        return np.asarray(np.sqrt((scaled**2).sum(1) / len(self.axes) + left_over / self.rest), dtype=np.float32)

    def score(self, embeddings: F32, textures: F32) -> F32:
        """The larger of both distances [n], in units of their 97.5th percentiles on calibration images; without a bank the texture's."""
        alike = np.asarray(self.texture_distance(textures) / self.texture_unit, dtype=np.float32)
        if not len(self.bank):
            return alike
        return np.asarray(np.maximum(self.neighbour_distance(embeddings) / self.neighbour_unit, alike), dtype=np.float32)


def fit(bank_embeddings: F32, train_textures: F32, embeddings: F32, textures: F32, passing: float = PASSING) -> Gate:
    """A gate from training images (bank [b, 384], textures [m, t]), its threshold from calibration images [n, ...] by `passing_score`."""
    centre = train_textures.mean(0)
    moved = train_textures - centre
    _, spread, axes = np.linalg.svd(moved, full_matrices=False)
    kept = min(COMPONENTS, max(1, len(axes) // 2))  # the last axes of few images are chance, and something has to be left over
    deviation = np.maximum(spread[:kept] / np.sqrt(max(1, len(moved) - 1)), 1e-4)
    rest = float(max((spread[kept:] ** 2).sum() / max(1, len(moved) - 1), 1e-6))
    half = np.float16
    open_gate = Gate(
        bank=bank_embeddings.astype(half).astype(np.float32),
        centre=centre.astype(np.float32),
        axes=(axes[:kept] / deviation[:, None]).astype(np.float32),
        rest=rest,
        neighbour_unit=1.0,
        texture_unit=1.0,
        threshold=float("inf"),
    )
    return _calibrated(open_gate, embeddings, textures, passing)


def _calibrated(gate: Gate, embeddings: F32, textures: F32, passing: float) -> Gate:
    neighbour = float(np.quantile(gate.neighbour_distance(embeddings), 0.975)) if len(gate.bank) else 1.0
    texture = float(np.quantile(gate.texture_distance(textures), 0.975))
    scaled = replace(gate, neighbour_unit=max(neighbour, 1e-6), texture_unit=max(texture, 1e-6))
    return replace(scaled, threshold=passing_score(scaled.score(embeddings, textures), passing))


def passing_score(scores: F32, passing: float = PASSING) -> float:
    """The score up to which an image passes: a share `passing` of new images like the n scored ones do, over all draws of the n.

    That is the order statistic of a split-conformal set (Vovk 2012), not the quantile, which refuses a little more than it
    says. One draw of n strays by about sqrt(passing * (1 - passing) / n): .2 % of images at 2000 for .99. Fewer than
    passing / (1 - passing), 19 for .95 and 99 for .99, can promise nothing; the largest then bounds.
    """
    rank = math.ceil((len(scores) + 1) * passing)
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def spread_sample(count: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Row numbers of a seeded sample without repeats, in order."""
    random = np.random.default_rng(seed)
    return np.sort(random.permutation(count)[: min(count, wanted)]).astype(np.int64)

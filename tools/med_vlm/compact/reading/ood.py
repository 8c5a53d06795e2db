"""Is this image like the ones the model was made for? A distance of what a middle stage sees where; never the energy of the heads.

The prototype's energy score put noise nearer than radiographs. A Mahalanobis distance of texture, quarter by quarter, works without
knowing what will come and tells a picture whose parts lie elsewhere, which texture of the whole does not. A distance to the nearest
training embeddings was tried beside it and left out: a rare pair of findings has no neighbour among a thousand, so it refused the ill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

COMPONENTS = 96
PASSING = 0.95
"""Share of images like those of the calibration that pass, unless another is asked for."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is stored of the training images to tell others apart."""

    centre: F32
    """[t] mean texture."""
    axes: F32
    """[k, t] principal axes of the textures, scaled to unit variance."""
    rest: float
    """Variance of what the axes leave over, per image."""
    threshold: float
    """The distance up to which an image passes."""

    def distance(self, textures: F32) -> F32:
        """Mahalanobis distance [n] of textures [n, t], the small variances shrunk to their mean (probabilistic PCA)."""
        moved = textures - self.centre
        scaled = moved @ self.axes.T
        lengths = np.linalg.norm(self.axes, axis=1, keepdims=True)
        inside = (moved @ (self.axes / lengths).T) ** 2
        left_over = np.maximum((moved**2).sum(1) - inside.sum(1), 0)
        return np.asarray(np.sqrt((scaled**2).sum(1) / len(self.axes) + left_over / self.rest), dtype=np.float32)


def fit(train_textures: F32, textures: F32, passing: float = PASSING) -> Gate:
    """A gate from textures of training images [m, t], its threshold from those of calibration images [n, t] by `passing_score`."""
    centre = train_textures.mean(0)
    moved = train_textures - centre
    _, spread, axes = np.linalg.svd(moved, full_matrices=False)
    kept = min(COMPONENTS, max(1, len(axes) // 2))  # the last axes of few images are chance, and something has to be left over
    deviation = np.maximum(spread[:kept] / np.sqrt(max(1, len(moved) - 1)), 1e-4)
    open_gate = Gate(
        centre=centre.astype(np.float32),
        axes=(axes[:kept] / deviation[:, None]).astype(np.float32),
        rest=float(max((spread[kept:] ** 2).sum() / max(1, len(moved) - 1), 1e-6)),
        threshold=float("inf"),
    )
    return replace(open_gate, threshold=passing_score(open_gate.distance(textures), passing))


def passing_score(scores: F32, passing: float = PASSING) -> float:
    """The score up to which an image passes: a share `passing` of new images like the n scored ones do, over all draws of the n.

    That is the order statistic of a split-conformal set (Vovk 2012), not the quantile, which refuses a little more than it
    says. One draw of n strays by about sqrt(passing * (1 - passing) / n): .2 % of images at 2000 for .99. Fewer than
    passing / (1 - passing), 19 for .95 and 99 for .99, can promise nothing; the largest then bounds.
    """
    rank = math.ceil((len(scores) + 1) * passing)
    return float(np.sort(scores)[min(rank, len(scores)) - 1])

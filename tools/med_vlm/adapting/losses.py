"""Losses of more than one strategy. InfoNCE and SigLIP's draw an image to the reports that mean what it shows: many may be right."""

from __future__ import annotations

import torch
from torch.nn import functional

NOT_ASKED = -100
"""The label of a token that no loss counts; transformers and `cross_entropy` take the same number for it."""
HOTTEST = 4.6052
"""Highest logarithm of the scale, ln 100 (Radford et al., ICML 2021)."""


def similarities(images: torch.Tensor, texts: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
    """Scaled cosines [n, m] of unit vectors [n, d] and [m, d]."""
    return images @ texts.T * log_scale.clamp(max=HOTTEST).exp()


def info_nce(logits: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in both directions over [n, n] logits, each row's mass spread evenly over its right matches.

    Args:
        logits: [n, n] images by reports.
        alike: bool [n, n], which of them are right; the diagonal is.
    """
    targets = alike.float() / alike.sum(1, keepdim=True)
    rows = -(targets * functional.log_softmax(logits.float(), 1)).sum(1).mean()
    columns = -(targets * functional.log_softmax(logits.float().T, 1)).sum(1).mean()
    return (rows + columns) / 2


def sigmoid(logits: torch.Tensor, bias: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """SigLIP's loss over [n, n] logits: each image and report by themselves, right or wrong (Zhai et al., ICCV 2023).

    The sum over all pairs by n, as published.
    """
    signs = alike.float() * 2 - 1
    return -functional.logsigmoid(signs * (logits.float() + bias)).sum() / len(logits)


def recall(images: torch.Tensor, texts: torch.Tensor, alike: torch.Tensor, first: int) -> float:
    """Share of n images with a right report among the `first` nearest."""
    nearest = (images @ texts.T).topk(min(first, len(texts)), dim=1).indices
    return float(alike.gather(1, nearest).any(1).float().mean())

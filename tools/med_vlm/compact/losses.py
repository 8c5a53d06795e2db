"""What the network is trained for: findings of the image, of its halves and of its cells, the view, and the report."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from tools.med_vlm.compact.example import LATERAL, VIEWS
from tools.med_vlm.compact.network import Output


@dataclass(frozen=True, slots=True)
class Batch:
    """n examples as tensors: images [n, 1, s, s], masks [n, c, g, g], the rest [n, c] or [n]."""

    images: torch.Tensor
    masks: torch.Tensor
    present: torch.Tensor
    sides: torch.Tensor
    masked: torch.Tensor
    views: torch.Tensor
    texts: torch.Tensor
    """[n, 384] unit length report embeddings."""
    meanings: torch.Tensor
    """[n] equal numbers mean equal findings."""


def cell_targets(masks: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Coverage [n, c, g, g] to soft targets [n, c, rows, columns]: the best covered cell of a mask is 1, however small it is."""
    covered = functional.adaptive_avg_pool2d(masks, (rows, columns))
    best = covered.amax((2, 3), keepdim=True)
    return torch.where(best > 1e-4, (covered / (0.5 * best).clamp_min(1e-4)).clamp(0, 1), torch.zeros_like(covered))


def cell_loss(cells: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy per cell. Every drawn finding weighs alike, so that a nodule of one cell counts as much as an oedema.

    A present finding without a mask teaches nothing here.
    """
    targets = cell_targets(batch.masks, cells.shape[-2], cells.shape[-1])
    taught = ((batch.present == 0) | (batch.masked == 1)).float()[:, :, None, None].expand_as(targets)
    raw = functional.binary_cross_entropy_with_logits(cells, targets, reduction="none")
    covered, free = taught * targets, taught * (1 - targets)
    drawn = covered.sum((2, 3))
    each = (raw * covered).sum((2, 3)) / drawn.clamp_min(1e-4)
    return each.sum() / (drawn > 0).sum().clamp_min(1) + 2 * (raw * free).sum() / free.sum().clamp_min(1)


def half_loss(halves: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the right and the left half; only heads with a side, and only where the side is known."""
    bits = batch.sides.long()
    targets = torch.stack([bits & 1, (bits >> 1) & 1], 2).float()
    lateral = torch.tensor(LATERAL)[None, :]
    frontal = (batch.views != VIEWS.index("LATERAL"))[:, None]
    taught = (lateral & frontal & ((batch.present == 0) | (bits > 0))).float()[:, :, None].expand_as(targets)
    raw = functional.binary_cross_entropy_with_logits(halves, targets, reduction="none")
    weight = taught * (1 + 2 * targets)
    return (raw * weight).sum() / weight.sum().clamp_min(1)


def contrastive_loss(embedding: torch.Tensor, batch: Batch, scale: torch.Tensor) -> torch.Tensor:
    """Soft multi-positive InfoNCE in both directions: every report of the same meaning is right, since "normal" repeats."""
    logits = embedding @ batch.texts.T * scale
    same = (batch.meanings[:, None] == batch.meanings[None, :]).float()
    targets = same / same.sum(1, keepdim=True)
    rows = -(targets * functional.log_softmax(logits, 1)).sum(1).mean()
    columns = -(targets.T * functional.log_softmax(logits.T, 1)).sum(1).mean()
    return (rows + columns) / 2


def total_loss(output: Output, batch: Batch, log_temperature: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted sum that is minimised, and its parts for the log."""
    weight = 1 + 2 * batch.present.float()
    image = functional.binary_cross_entropy_with_logits(output.logits, batch.present.float(), weight=weight)
    parts = {
        "image": image,
        "halves": half_loss(output.halves, batch),
        "cells": cell_loss(output.cells, batch),
        "view": functional.cross_entropy(output.view, batch.views.long()),
        "text": contrastive_loss(output.embedding, batch, log_temperature.clamp(0, 4.6).exp()),
    }
    weights = {"image": 2.0, "halves": 1.0, "cells": 1.0, "view": 0.2, "text": 0.3}
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}

"""What the network is trained for: findings of the image, of its halves and of its cells, the view, and the report."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from tools.med_vlm.compact.heads import LATERAL, VIEWS
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
    known: torch.Tensor
    """[n, c] 1 where presence or absence was stated; the rest teaches nothing."""
    domains: torch.Tensor
    """[n] 0 for drawn phantoms, 1 for radiographs."""


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
    taught = ((batch.known == 1) & ((batch.present == 0) | (batch.masked == 1))).float()[:, :, None, None].expand_as(targets)
    raw = functional.binary_cross_entropy_with_logits(cells, targets, reduction="none")
    covered, free = taught * targets, taught * (1 - targets)
    drawn = covered.sum((2, 3))
    each = (raw * covered).sum((2, 3)) / drawn.clamp_min(1e-4)
    return each.sum() / (drawn > 0).sum().clamp_min(1) + 2 * (raw * free).sum() / free.sum().clamp_min(1)


def half_loss(halves: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the right and the left half; only heads with a side, and only where the side is known."""
    bits = batch.sides.long()
    targets = torch.stack([bits & 1, (bits >> 1) & 1], 2).float()
    lateral = torch.tensor(LATERAL, device=halves.device)[None, :]
    frontal = (batch.views != VIEWS.index("LATERAL"))[:, None]
    taught = (lateral & frontal & (batch.known == 1) & ((batch.present == 0) | (bits > 0))).float()[:, :, None].expand_as(targets)
    raw = functional.binary_cross_entropy_with_logits(halves, targets, reduction="none")
    weight = taught * (1 + 2 * targets)
    return (raw * weight).sum() / weight.sum().clamp_min(1)


def image_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the known findings, carriers weighing three times."""
    present, known = batch.present.float(), batch.known.float()
    raw = functional.binary_cross_entropy_with_logits(logits, present, weight=(1 + 2 * present) * known, reduction="sum")
    return raw / known.sum().clamp_min(1)


def pairs(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Which image and report of the batch mean the same, and which do not: two bool [n, n]. Of the other pairs nobody knows.

    Apart are two whose meanings differ where both know every finding, or where they differ in a finding both know. An image
    with unknown findings is a match of no report but an equal one, and no mismatch of one that may well describe it.
    """
    known, present = batch.known.float(), batch.present.float() * batch.known.float()
    absent = known - present
    same = batch.meanings[:, None] == batch.meanings[None, :]
    whole = batch.known.bool().all(1)
    differ = (present @ absent.T + absent @ present.T) > 0
    return same, ~same & ((whole[:, None] & whole[None, :]) | differ)


def contrastive_loss(embedding: torch.Tensor, batch: Batch, scale: torch.Tensor) -> torch.Tensor:
    """Soft multi-positive InfoNCE in both directions: every report of the same meaning is right, since "normal" repeats.

    Examples without a report take no part, and of pairs that `pairs` cannot tell nothing is learnt.
    """
    said = batch.texts.abs().sum(1) > 0
    if not bool(said.any()):
        return embedding.sum() * 0
    same, apart = (each[said][:, said] for each in pairs(batch))
    logits = (embedding[said] @ batch.texts[said].T * scale).masked_fill(~(same | apart), -1e4)
    targets = same.float() / same.sum(1, keepdim=True)
    rows = -(targets * functional.log_softmax(logits, 1)).sum(1).mean()
    columns = -(targets.T * functional.log_softmax(logits.T, 1)).sum(1).mean()
    return (rows + columns) / 2


def total_loss(output: Output, batch: Batch, log_temperature: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted sum that is minimised, and its parts for the log."""
    parts = {
        "image": image_loss(output.logits, batch),
        "halves": half_loss(output.halves, batch),
        "cells": cell_loss(output.cells, batch),
        "view": functional.cross_entropy(output.view, batch.views.long()),
        "text": contrastive_loss(output.embedding, batch, log_temperature.clamp(0, 4.6).exp()),
    }
    if output.domain.requires_grad:
        parts["domain"] = functional.binary_cross_entropy_with_logits(output.domain, batch.domains.float())
    weights = {"image": 2.0, "halves": 1.0, "cells": 1.0, "view": 0.2, "text": 0.3, "domain": 0.2}
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}

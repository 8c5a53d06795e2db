"""The compact model's image tower beside the frozen MiniLM, to be drawn to an archive's reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tools.med_vlm.adapting.compact_model import CompactBase, Reports, kept, pixels, write
from tools.med_vlm.adapting.contrastive.towers import Freeze
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.training.adapted import Told
from tools.med_vlm.errors import TrainingBaseRefused

OWN_SPACE = ("projection.", "log_temperature")
"""What of the network is not its tower: the way from its features into the space of reports."""


class CompactTowers:
    """Implements `Towers`. The text tower never moves; with the vision frozen as well, the projection between them still does."""

    def __init__(self, base: CompactBase, freeze: Freeze, *, sigmoid: bool, device: str) -> None:
        """Take a base model.

        Raises:
            TrainingBaseRefused: a sigmoid loss, for which the network has no bias.
        """
        if sigmoid:
            raise TrainingBaseRefused("the compact model is aligned by InfoNCE: it keeps no bias for a sigmoid loss")
        self.base, self.name, self.licence, self.fingerprint = base, base.name, base.card.licence, base.fingerprint
        self.module = base.parts.net.to(device)
        self._reports, self._device = Reports(base.parts.text_centre), device
        for name, each in self.module.named_parameters():
            each.requires_grad = name.startswith(OWN_SPACE) or (freeze != "vision" and not name.startswith("domain_head."))

    @property
    def log_scale(self) -> torch.Tensor:
        """The network's own temperature."""
        return self.module.log_temperature

    @property
    def bias(self) -> torch.Tensor:
        """None is learnt."""
        return torch.zeros(1, device=self._device)

    def picture(self, image: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The image as the network sees it, 8 bits."""
        return kept(image, self.module.shape.size)

    def images(self, rows: NDArray[np.uint8]) -> torch.Tensor:
        """Unit vectors [n, 384]."""
        made: torch.Tensor = self.module(pixels(rows).to(self._device)).embedding
        return made

    def texts(self, reports: Sequence[str]) -> torch.Tensor:
        """Unit vectors [n, 384]."""
        return torch.from_numpy(self._reports.vectors(reports)).to(self._device)

    def save(self, folder: Path, seen: Shown, told: Told) -> None:
        """Write a compact model, calibrated anew: what it was calibrated on has moved.

        Raises:
            TrainingDataRefused: no frontal view calibrates.
        """
        write(self.base, self.module.cpu(), seen, told, folder)

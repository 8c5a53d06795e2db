"""Contrastive alignment: an image tower and a text tower are drawn to each other on the pairs of an archive.

Every report that means the same is a right match (`examples.meanings`). The base is a CLIP or SigLIP folder, or the compact model, whose
text tower stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from retrieval.archive.cases import ReadPicture, read_image
from tools.med_vlm.adapting.examples.corpus import Split
from tools.med_vlm.adapting.examples.meanings import alike, numbered
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Tell, silent
from tools.med_vlm.adapting.training.adapted import MODEL, Adapted, Base, Told
from tools.med_vlm.adapting.training.course import Course
from tools.med_vlm.adapting.training.state import workplace

if TYPE_CHECKING:
    import torch

    from tools.med_vlm.adapting.contrastive.towers import Towers
    from tools.med_vlm.adapting.training.loop import Rows, Taught

COMPACT = "compact"
CALIBRATING = 0.2
"""Share of the persons that calibrate the compact model anew, where the plan gives none."""
MEASURED = 1000
"""Held-out images among whose reports each looks for its own; more would make the same share harder to compare."""


@dataclass(frozen=True, kw_only=True)
class ContrastivePlan(Plan):
    """How to align."""

    base: str
    """Folder of a CLIP or SigLIP, or `compact`: the one that ships, which some of the persons calibrate anew."""
    loss: Literal["infonce", "sigmoid"] = "infonce"
    """A sigmoid of each pair by itself wants larger batches and gains from them (Zhai et al., ICCV 2023)."""
    freeze: Literal["none", "vision", "text"] = "none"
    """The tower that stays: `vision` teaches words to a good image model, `text` the other way."""
    peak: float = 1e-5
    batch: int = 64


def align(plan: ContrastivePlan, archive: Path, folder: Path, tell: Tell = silent, *, read: ReadPicture = read_image) -> Adapted:
    """Align the towers of `plan.base` on an archive, or go on with a training begun in `folder`. The model is in `folder/model`.

    The arguments are those of `course.Course`.

    Raises:
        BadArchive, TrainingDataRefused, TrainingStateDamaged: as `course.Course`.
        TrainingBaseRefused: the base cannot be adapted so.
        ModelNotFound, ModelFormatRefused, ModelCodeRefused: it is not there, is pickled, or asks to run code of its own.
        TrainingBusy: another process trains in `folder`.
        TrainingDiverged: the loss stopped being a number.
    """
    if plan.base == COMPACT and not plan.calibration:
        plan = replace(plan, calibration=CALIBRATING)
    with workplace(folder):
        towers = _towers(plan)
        course = Course("contrastive", plan, archive, folder, towers.fingerprint, tell=tell, read=read)
        if course.done is not None:
            return course.done
        seen = course.shown(towers.picture, towers.fingerprint)
        lesson = Alignment(towers, seen, plan.loss)
        before = lesson.recalls()
        trained = course.train(lesson)
        measured = before, lesson.recalls()
        towers.save(folder / MODEL, seen, Told("contrastive", plan, trained))
        base = Base(name=towers.name, fingerprint=towers.fingerprint, licence=towers.licence)
        return course.finish(base, trained, measured=measured)


def _towers(plan: ContrastivePlan) -> Towers:
    from tools.med_vlm.backends.placing import device_of

    if plan.base == COMPACT:
        from tools.med_vlm.adapting.compact_model import compact_base
        from tools.med_vlm.adapting.contrastive.compact_towers import CompactTowers

        return CompactTowers(compact_base(), plan.freeze, sigmoid=plan.loss == "sigmoid", device=device_of(plan.device))
    from tools.med_vlm.adapting.contrastive.towers import PairTowers

    return PairTowers(plan.base, plan.freeze, sigmoid=plan.loss == "sigmoid", device=device_of(plan.device))


class Alignment:
    """Implements `loop.Lesson`."""

    share: int | None = None

    def __init__(self, towers: Towers, seen: Shown, loss: Literal["infonce", "sigmoid"]) -> None:
        """Teach `towers` on what was seen."""
        self.model = towers.module
        self._towers, self._seen, self._loss = towers, seen, loss
        self._meanings = {part: numbered([pair.meaning for pair in pairs]) for part, pairs in seen.corpus.pairs.items()}
        self.examples, self.held_out = len(seen.rows["train"]), len(seen.rows["held_out"])

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of a batch, all its images against all its reports."""
        return self._taught("train", rows)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        """The same of held-out pairs."""
        return self._taught("held_out", rows)

    def _taught(self, part: Split, rows: Rows) -> Taught:
        import torch

        from tools.med_vlm.adapting.losses import info_nce, sigmoid, similarities
        from tools.med_vlm.adapting.training.loop import Taught

        images, texts = self._embedded(part, rows)
        right = torch.from_numpy(alike(self._meanings[part][rows])).to(images.device)
        logits = similarities(images, texts, self._towers.log_scale)
        loss = info_nce(logits, right) if self._loss == "infonce" else sigmoid(logits, self._towers.bias, right)
        return Taught(loss * len(rows), len(rows))

    def _embedded(self, part: Split, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = self._seen.corpus.pairs[part]
        return self._towers.images(self._seen.rows[part][rows]), self._towers.texts([pairs[row].report for row in rows])

    def recalls(self) -> dict[str, float]:
        """Share of held-out images that find a right report among the first 1, 5 and 10, and how often chance finds one first."""
        import torch

        from tools.med_vlm.adapting.losses import recall

        rows = np.arange(min(self.held_out, MEASURED), dtype=np.int64)
        if not len(rows):
            return {}
        self.model.eval()
        with torch.no_grad():
            blocks = [self._embedded("held_out", rows[at : at + 64]) for at in range(0, len(rows), 64)]
        images, texts = (torch.cat(side) for side in zip(*blocks, strict=True))
        right = torch.from_numpy(alike(self._meanings["held_out"][rows])).to(images.device)
        found = {f"recall_at_{first}": recall(images, texts, right, first) for first in (1, 5, 10)}
        return {**found, "chance_at_1": float(right.float().mean())}

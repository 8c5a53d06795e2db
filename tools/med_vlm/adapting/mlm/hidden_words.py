"""Masked language modelling beside the image: VisualBERT and MedViLL guess hidden words of an archive's reports from its images.

Beside it, half of the images get the report of an image that means something else, and the model says which do (image-text matching).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrieval.archive.cases import ReadPicture, read_image
from tools.med_vlm.adapting.examples.corpus import Pair, Split
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Tell, silent
from tools.med_vlm.adapting.training.adapted import MODEL, Adapted, Base
from tools.med_vlm.adapting.training.course import Course
from tools.med_vlm.adapting.training.state import workplace

if TYPE_CHECKING:
    import torch

    from tools.med_vlm.adapting.mlm.fused import Fused
    from tools.med_vlm.adapting.training.loop import Rows, Taught


@dataclass(frozen=True, kw_only=True)
class MlmPlan(Plan):
    """How to train on hidden words."""

    base: str
    """Folder of a VisualBERT or MedViLL, with its pre-training heads."""
    architecture: Literal["visualbert", "medvill"]
    vision: str | None = None
    """Folder of the image tower whose regions VisualBERT sees; MedViLL has its own."""
    freeze: Literal["none", "vision"] = "vision"
    """Whether MedViLL's ResNet stays; VisualBERT's image tower always does."""
    matching: bool = True
    """Whether it also learns which report belongs to the image."""
    peak: float = 5e-5


def learn_words(plan: MlmPlan, archive: Path, folder: Path, tell: Tell = silent, *, read: ReadPicture = read_image) -> Adapted:
    """Train `plan.base` on an archive, or go on with a training begun in `folder`. The model is in `folder/model`.

    The arguments are those of `course.Course`.

    Raises:
        BadArchive, TrainingDataRefused, TrainingStateDamaged: as `course.Course`.
        TrainingBaseRefused, CheckpointRefused: the base cannot be adapted so.
        ModelNotFound, ModelFormatRefused, ModelCodeRefused: it is not there, is pickled, or asks to run code of its own.
        TrainingBusy: another process trains in `folder`.
        TrainingDiverged: the loss stopped being a number.
    """
    with workplace(folder):
        model = _fused(plan)
        course = Course("mlm", plan, archive, folder, model.fingerprint, tell=tell, read=read)
        if course.done is not None:
            return course.done
        trained = course.train(HiddenWords(model, course.shown(model.picture, model.fingerprint), matching=plan.matching))
        model.save(folder / MODEL)
        base = Base(name=model.source.folder.name, fingerprint=model.fingerprint, licence=model.source.folder.licence)
        return course.finish(base, trained)


def _fused(plan: MlmPlan) -> Fused:
    from tools.med_vlm.backends.placing import device_of

    if plan.architecture == "medvill":
        from tools.med_vlm.adapting.mlm.medvill import FusedMedVill

        return FusedMedVill(plan.base, device_of(plan.device), vision=plan.freeze == "none")
    from tools.med_vlm.adapting.mlm.visualbert import FusedVisualBert

    return FusedVisualBert(plan.base, plan.vision, device_of(plan.device))


class HiddenWords:
    """Implements `loop.Lesson`."""

    share: int | None = None

    def __init__(self, model: Fused, seen: Shown, *, matching: bool) -> None:
        """Teach `model` on what was seen."""
        self.model = model.module
        self._fused, self._seen, self._matching = model, seen, matching
        self.examples, self.held_out = len(seen.rows["train"]), len(seen.rows["held_out"])

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of a batch."""
        return self._taught("train", rows, random)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        """The same of held-out pairs, the same words hidden every time."""
        return self._taught("held_out", rows, random)

    def _taught(self, part: Split, rows: Rows, random: torch.Generator) -> Taught:
        import torch
        from torch.nn import functional

        from tools.med_vlm.adapting.losses import NOT_ASKED
        from tools.med_vlm.adapting.mlm.masking import hide
        from tools.med_vlm.adapting.training.loop import Taught
        from tools.med_vlm.backends.matchers.visualbert import ALIGNED

        own = [self._seen.corpus.pairs[part][row] for row in rows]
        told = self._exchanged(part, own, random)
        belongs = torch.tensor([ALIGNED if one is other else 1 - ALIGNED for one, other in zip(own, told, strict=True)])
        shown_tokens, labels = hide(self._fused.tokens([words_of(pair) for pair in told]), self._fused.vocabulary, random)
        words, match = self._fused.read(self._seen.rows[part][rows], shown_tokens)
        labels[belongs != ALIGNED] = NOT_ASKED  # of a report that belongs elsewhere the image says nothing
        asked = (labels != NOT_ASKED).to(words.device)
        wanted, said = labels.to(words.device)[asked], words.float()[asked]
        guessed = functional.cross_entropy(said, wanted, reduction="sum") / max(1, len(wanted))
        parts = {"words": float(guessed.detach()), "words_right": float((said.argmax(1) == wanted).float().sum()) / max(1, len(wanted))}
        total = guessed
        if self._matching:
            matched = functional.cross_entropy(match.float(), belongs.to(match.device))
            total, parts = total + matched, {**parts, "matching": float(matched.detach())}
        return Taught(total * len(rows), len(rows), parts)

    def _exchanged(self, part: Split, own: list[Pair], random: torch.Generator) -> list[Pair]:
        """Each pair itself, or for about half of them, where matching is taught, one that means something else."""
        import torch

        if not self._matching:
            return own
        pairs = self._seen.corpus.pairs[part]
        others = torch.randint(len(pairs), (len(own),), generator=random).tolist()
        swap = (torch.rand(len(own), generator=random) < 0.5).tolist()
        return [
            pairs[other] if swapped and pairs[other].meaning != pair.meaning else pair
            for pair, other, swapped in zip(own, others, swap, strict=True)
        ]


def words_of(pair: Pair) -> str:
    """What a report says was seen."""
    from tools.med_vlm.compact.minilm import sentences

    return " ".join(sentences(pair.report))

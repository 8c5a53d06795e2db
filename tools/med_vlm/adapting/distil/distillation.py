"""Distillation: the compact model learns from any reader's answers about an archive's images, and from the archive's reports.

The loss is the divergence of its findings from the teacher's at a temperature (Hinton et al. 2015), the cosine between its image
vectors, carried into the teacher's space, and the teacher's where it has any, the contrastive loss of the reports, and the view.
Of a finding that the teacher does not speak of nothing is learnt. Answers are asked for first and kept, so that training needs no
teacher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.archive.cases import ReadPicture, read_image
from tools.med_vlm.adapting.distil.teaching import Answers, Teacher, ask
from tools.med_vlm.adapting.examples.corpus import Split
from tools.med_vlm.adapting.examples.meanings import alike, numbered
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Tell, silent
from tools.med_vlm.adapting.training.adapted import MODEL, Adapted, Base, Told
from tools.med_vlm.adapting.training.course import Course
from tools.med_vlm.adapting.training.state import workplace
from tools.med_vlm.errors import TrainingDataRefused

if TYPE_CHECKING:
    import torch

    from tools.med_vlm.adapting.compact_model import CompactBase
    from tools.med_vlm.adapting.training.loop import Rows, Taught

SURE = 1e-3
"""A teacher's probabilities are kept this far from 0 and 1: twenty samples that agree are no certainty."""


@dataclass(frozen=True, kw_only=True)
class DistilPlan(Plan):
    """How to distil."""

    base: str = ""
    """Folder of a compact model to begin with; empty: the one that ships."""
    temperature: float = 2.0
    """By which log-odds are divided, so that what a teacher holds for unlikely counts too."""
    findings: float = 1.0
    embeddings: float = 0.5
    reports: float = 0.3
    views: float = 0.2
    """Weights of the losses."""
    augment: bool = True
    """Whether images are turned, lit and blurred anew each time they are shown."""
    calibration: float = 0.2
    epochs: int = 20
    batch: int = 32
    peak: float = 5e-4


def distil(
    plan: DistilPlan, teacher: Teacher, archive: Path, folder: Path, tell: Tell = silent, *, read: ReadPicture = read_image
) -> Adapted:
    """Teach the compact model on an archive, or go on with a training begun in `folder`. The model is in `folder/model`.

    The arguments are those of `course.Course`; `teacher` is asked first.

    Raises:
        BadArchive, TrainingDataRefused, TrainingStateDamaged: as `course.Course`; or the teacher said nothing.
        ModelMissing, ModelFilesChanged: the base is not as its card says.
        TrainingBusy: another process trains in `folder`.
        TrainingDiverged: the loss stopped being a number.
        MedVlmError: the teacher does not answer; its answers so far are kept.
    """
    from tools.med_vlm.adapting.compact_model import compact_base, kept, write

    with workplace(folder):
        base = compact_base(Path(plan.base) if plan.base else None)
        course = Course("distil", plan, archive, folder, f"{base.fingerprint} {teacher.fingerprint}", tell=tell, read=read)
        if course.done is not None:
            return course.done
        size = base.parts.net.shape.size
        seen = course.shown(lambda image: kept(image, size), f"compact {size}")
        answers = _answers(teacher, seen, folder, read, tell)
        lesson = Distillation(base, seen, answers, plan)
        trained = course.train(lesson)
        write(base, lesson.network.cpu(), seen, Told("distil", plan, trained), folder / MODEL)
        told = Base(name=base.name, fingerprint=base.fingerprint, licence=base.card.licence)
        return course.finish(told, trained, taught_by=f"{teacher.reader.name}, {teacher.reader.profile.licence}")


def _answers(teacher: Teacher, seen: Shown, folder: Path, read: ReadPicture, tell: Tell) -> dict[Split, Answers]:
    """The teacher's answers about the images that train and those that measure. The images that calibrate have reports."""
    answers: dict[Split, Answers] = {}
    for part in ("train", "held_out"):
        mark = f"{seen.corpus.fingerprint} {teacher.fingerprint} {len(seen.rows[part])}"
        answers[part] = ask(teacher, seen.corpus.pairs[part], folder / f"teacher-{part}", mark, read=read, tell=tell)
    if not answers["train"].answered.any():
        raise TrainingDataRefused("the teacher said nothing of any image")
    return answers


class Distillation:
    """Implements `loop.Lesson`."""

    share: int | None = None

    def __init__(self, base: CompactBase, seen: Shown, answers: Mapping[Split, Answers], plan: DistilPlan) -> None:
        """Teach a network like `base`."""
        import torch

        from tools.med_vlm.adapting.compact_model import Reports, labels
        from tools.med_vlm.backends.placing import device_of

        self._seen, self._answers, self._plan = seen, answers, plan
        self._device = device_of(plan.device)
        reports = Reports(base.parts.text_centre)
        parts: tuple[Split, ...] = ("train", "held_out")
        pairs = {part: seen.corpus.pairs[part] for part in parts}
        self._texts = {part: reports.vectors([pair.report for pair in pairs[part]]) for part in parts}
        self._meanings = {part: numbered([pair.meaning for pair in pairs[part]]) for part in parts}
        self._views = {part: labels(pairs[part])["views"] for part in parts}
        self.network = base.parts.net
        modules: dict[str, torch.nn.Module] = {"network": self.network}
        vectors = answers["train"].embeddings
        if vectors is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(plan.seed)
                modules["bridge"] = torch.nn.Linear(self._texts["train"].shape[1], vectors.shape[1], bias=False)
        self.model: torch.nn.Module = torch.nn.ModuleDict(modules).to(self._device)
        for name, each in self.model.named_parameters():
            each.requires_grad = "domain_head" not in name
        self.examples, self.held_out = len(pairs["train"]), len(pairs["held_out"])

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of a batch, its images changed a little."""
        return self._taught("train", rows, random if self._plan.augment else None)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        """The same of held-out images as they are."""
        return self._taught("held_out", rows, None)

    def _taught(self, part: Split, rows: Rows, random: torch.Generator | None) -> Taught:
        import torch
        from torch.nn import functional

        from tools.med_vlm.adapting.training.loop import Taught

        output = self.network(self._images(part, rows, random))
        answers = self._answers[part]
        losses = {
            "findings": divergence(output.logits, torch.from_numpy(answers.probabilities[rows]).to(self._device), self._plan.temperature),
            "reports": self._alignment(part, rows, output.embedding),
            "views": functional.cross_entropy(output.view, torch.from_numpy(self._views[part][rows]).long().to(self._device)),
        }
        if answers.embeddings is not None:
            wanted = torch.from_numpy(answers.embeddings[rows]).to(self._device)
            losses["embeddings"] = apart(self.model.get_submodule("bridge")(output.embedding), wanted)
        total = torch.stack([getattr(self._plan, name) * loss for name, loss in losses.items()]).sum()
        return Taught(total * len(rows), len(rows), {name: float(loss.detach()) for name, loss in losses.items()})

    def _images(self, part: Split, rows: Rows, random: torch.Generator | None) -> torch.Tensor:
        import torch

        from tools.med_vlm.adapting.compact_model import pixels
        from tools.med_vlm.compact.training.augment import augment

        images = pixels(self._seen.rows[part][rows])
        if random is not None:
            images, _ = augment(images, torch.zeros(len(images), 1, 8, 8), random)
        return images.to(self._device)

    def _alignment(self, part: Split, rows: Rows, embedding: torch.Tensor) -> torch.Tensor:
        """InfoNCE against the reports of the batch that say anything."""
        import torch

        from tools.med_vlm.adapting.losses import info_nce, similarities

        texts = torch.from_numpy(self._texts[part][rows])
        said = texts.abs().sum(1) > 0
        if not bool(said.any()):
            return embedding.sum() * 0
        right = torch.from_numpy(alike(self._meanings[part][rows]))[said][:, said].to(self._device)
        scale: torch.Tensor = self.network.log_temperature
        return info_nce(similarities(embedding[said.to(self._device)], texts[said].to(self._device), scale), right)


def apart(carried: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """One less the mean cosine of vectors [n, d] to the teacher's; where it has none (NaN), nothing is learnt."""
    from torch.nn import functional

    known = ~wanted.isnan().any(1)
    return 1 - functional.cosine_similarity(carried[known], wanted[known]).mean() if bool(known.any()) else carried.sum() * 0


def divergence(logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of Bernoulli findings from the teacher's, times the temperature's square.

    Args:
        logits: [n, findings] of the student.
        teacher: [n, findings] probabilities; NaN where it says nothing, which teaches nothing.
        temperature: Divides the log-odds of both.
    """
    import torch
    from torch.nn import functional

    known = ~teacher.isnan()
    if not bool(known.any()):
        return logits.sum() * 0
    wanted = torch.sigmoid(torch.logit(teacher[known].clamp(SURE, 1 - SURE)) / temperature)
    said = logits[known].float() / temperature
    cross = functional.binary_cross_entropy_with_logits(said, wanted)
    entropy = functional.binary_cross_entropy(wanted, wanted)
    return (cross - entropy) * temperature**2

"""One training of any strategy: an archive, a base model and a working folder, from the first start to the record of what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.archive.cases import ReadPicture
from tools.med_vlm.adapting.examples.corpus import read_corpus
from tools.med_vlm.adapting.examples.pictures import Make, Shown, shown
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Tell
from tools.med_vlm.adapting.training.adapted import Adapted, Base, finish, finished
from tools.med_vlm.adapting.training.state import Identity, State

if TYPE_CHECKING:
    from tools.med_vlm.adapting.training.loop import Lesson, Trained


class Course:
    """What all strategies do alike; one held by `state.workplace` while it lasts. `done`: the record, where the training is over."""

    def __init__(self, strategy: str, plan: Plan, archive: Path, folder: Path, base: str, *, tell: Tell, read: ReadPicture) -> None:
        """Begin a training, or go on with the one begun in `folder`.

        Args:
            strategy: Its name, as the record keeps it.
            plan: How.
            archive: Holds `cases.jsonl` and the images.
            folder: Working folder of this training alone.
            base: Fingerprint of the weights that are adapted, and of those that teach or see.
            tell: Told after every block of images and every step.
            read: Decodes an image.

        Raises:
            BadArchive: the archive cannot be read.
            TrainingDataRefused: it holds too little that may be used, or `folder` holds another training.
            TrainingStateDamaged: what `folder` holds is not as this version writes it.
        """
        self.corpus = read_corpus(archive, plan)
        self._plan, self._folder, self._tell, self._read = plan, folder, tell, read
        self._identity = Identity(strategy, plan.told(), self.corpus.fingerprint, base)
        self._state = State(folder, self._identity)
        self.done = finished(folder)

    def shown(self, make: Make, mark: str) -> Shown:
        """The images, decoded once and kept as `make` makes them; those that cannot be decoded are out of the corpus from now on.

        Raises:
            TrainingDataRefused: a part that had cases has none left.
        """
        seen = shown(self.corpus, make, self._folder, mark, read=self._read, tell=self._tell)
        self.corpus = seen.corpus
        return seen

    def train(self, lesson: Lesson) -> Trained:
        """Teach to the end; the lesson's model holds the best weights.

        Raises:
            TrainingDataRefused, TrainingDiverged, TrainingStateDamaged: as `loop.train`.
        """
        from tools.med_vlm.adapting.training.loop import train

        return train(lesson, self._plan, self._state, self._tell)

    def finish(
        self,
        base: Base,
        trained: Trained,
        *,
        measured: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
        taught_by: str | None = None,
    ) -> Adapted:
        """The record of what lies under `folder/model`, written; see `adapted.finish`."""
        return finish(self._folder, base, self.corpus, self._identity, trained, measured=measured, taught_by=taught_by)

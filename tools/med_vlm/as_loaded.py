"""A model in this process is the one whose files were checked, from before they were hashed to its last answer (FAULTS 68).

A file may be exchanged between being hashed and being read. And it may be written to afterwards: weights on a CPU are the file itself,
mapped into memory, so that a file that is copied over changes the model that was loaded long ago.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tools.med_vlm.asked import Asked
from tools.med_vlm.deadline import require_time
from tools.med_vlm.errors import ModelFilesChanged
from tools.med_vlm.identity import places
from tools.med_vlm.vision_model import Answered, Prompt, Question, VisionModel, Written

Given = TypeVar("Given")
Mark = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """The files of a model's folders as they stood: device, inode, size, and the times of the last change of content and of inode."""

    path: Path
    base: Path | None
    marks: Mapping[str, Mark]

    def require(self) -> None:
        """Refuse to go on with files that somebody touched, though they might hold the same again.

        Raises:
            ModelFilesChanged: one was written to, exchanged or taken away, or another one came.
        """
        now = _marks(self.path, self.base)
        touched = next((name for name in (*self.marks, *now) if now.get(name) != self.marks.get(name)), None)
        if touched is not None:
            raise ModelFilesChanged(touched, "it was touched after it was checked; open the model again")


def standing(path: Path, base: Path | None) -> Standing:
    """How the files stand now.

    Raises:
        ModelFormatRefused, ModelFilesChanged: as `tools.med_vlm.identity.places`.
    """
    return Standing(path, base, _marks(path, base))


def _marks(path: Path, base: Path | None) -> dict[str, Mark]:
    return {name: mark for name, place in places(path, base).items() if (mark := _mark(place)) is not None}


def _mark(place: Path) -> Mark | None:
    try:
        told = place.stat()
    except OSError:
        return None
    return (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)


class AsLoaded:
    """Implements `tools.med_vlm.vision_model.VisionModel`: no answer is given that the files may have changed under.

    Nothing is asked either for a reading whose time is over (`tools.med_vlm.deadline`).
    """

    def __init__(self, model: VisionModel, files: Standing) -> None:
        """`files`: as they stood before they were hashed, and still did when the model had been loaded."""
        self.name, self.fingerprint, self.profile, self.writes = model.name, model.fingerprint, model.profile, model.writes
        self._model, self._files = model, files

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """As the model within.

        Raises:
            ModelFilesChanged: a file was touched since the model was loaded.
            ModelTimedOut: the reading's time is over.
            MedVlmError: the model did not answer.
        """
        return self._answer(lambda: self._model.choose(asked, questions))

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """As the model within.

        Raises:
            ModelFilesChanged, ModelTimedOut, MedVlmError: as `choose`.
        """
        return self._answer(lambda: self._model.write(asked, prompt, samples=samples))

    def _answer(self, give: Callable[[], Given]) -> Given:
        require_time()
        given = give()
        self._files.require()
        return given

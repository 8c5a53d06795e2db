"""A teacher's answers about every image, asked once and kept: files of safetensors, so that a kill loses one block of questions.

Any `Reader` teaches: a model in process, a served one over HTTP (`catalogue.open_reader`, or `QuestionedReader` around a back end).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fhir.codes import FINDINGS
from retrieval.archive.cases import ReadPicture
from retrieval.generation.manifest import flush
from tools.med_vlm.adapting.examples.asked import asked_about
from tools.med_vlm.adapting.examples.corpus import Pair
from tools.med_vlm.adapting.progress import Pace, Progress, Tell
from tools.med_vlm.errors import ImageRefused, ModelAnswerUnusable, ModelOutputInvalid, PromptTooLong, TrainingStateDamaged
from tools.med_vlm.reading import Reader

BLOCK = 32
KEYS = tuple(finding.key for finding in FINDINGS)
OF_ONE_IMAGE = (ImageRefused, ModelAnswerUnusable, ModelOutputInvalid, PromptTooLong)
"""What a teacher may have against one image: it teaches nothing of it, and is asked about the next."""

F32 = NDArray[np.float32]
Embed = Callable[[Sequence[F32]], F32]
"""Images [rows, columns] in 0..1 to unit vectors [n, d]."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Who teaches."""

    reader: Reader
    embed: Embed | None = None
    """Its embeddings, where it has any."""
    askers: int = 1
    """Questions asked at once: for a server that answers many."""

    @property
    def fingerprint(self) -> str:
        """Changes when its answers would."""
        return f"{self.reader.fingerprint}{' with embeddings' if self.embed else ''}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a teacher said of n images."""

    probabilities: F32
    """[n, findings] in the vocabulary's order; NaN where it said nothing."""
    embeddings: F32 | None
    """[n, d] unit vectors, NaN where it has none of an image; None where it has none at all."""

    @property
    def answered(self) -> NDArray[np.bool_]:
        """[n]: whether it said anything of an image."""
        return np.asarray(~np.isnan(self.probabilities).all(1))


def ask(teacher: Teacher, pairs: Sequence[Pair], place: Path, mark: str, *, read: ReadPicture, tell: Tell) -> Answers:
    """Ask about the images of `pairs`, or go on behind the answers kept at `place`.

    Args:
        teacher: Who is asked.
        pairs: About what; every image can be decoded.
        place: Beginning of the files' names.
        mark: Changes when the pairs or the teacher do: answers under another mark are asked for again.
        read: Decodes an image.
        tell: Told after every block.

    Raises:
        MedVlmError: the teacher does not answer, and the next image will not help; what it answered before is kept.
        TrainingStateDamaged: a kept file cannot be read.
    """
    blocks: list[dict[str, F32]] = []
    first = next((at for at in range(0, len(pairs), BLOCK) if not _there(place, at, mark)), len(pairs))
    pace = Pace(first, len(pairs))
    with ThreadPoolExecutor(teacher.askers) as pool:
        for at in range(0, len(pairs), BLOCK):
            path = _path(place, at)
            if at < first:
                blocks.append(_load(path))
                continue
            some = pairs[at : at + BLOCK]
            blocks.append(_asked(teacher, some, read, pool))
            _keep(path, blocks[-1], mark)
            done = at + len(some)
            rate, left = pace.at(done)
            tell(Progress("teacher", done, len(pairs), rate, left))
    empty = np.zeros((0, len(KEYS)), dtype=np.float32)
    return Answers(
        np.concatenate([empty, *(block["probabilities"] for block in blocks)]), _joined([block["embeddings"] for block in blocks])
    )


def _joined(blocks: Sequence[F32]) -> F32 | None:
    """The vectors of all blocks; of a block without any, rows of NaN. None where no block has any."""
    width = max((block.shape[1] for block in blocks), default=0)
    whole = [block if block.shape[1] else np.full((len(block), width), np.nan, dtype=np.float32) for block in blocks]
    return np.concatenate(whole) if width else None


def _asked(teacher: Teacher, pairs: Sequence[Pair], read: ReadPicture, pool: ThreadPoolExecutor) -> dict[str, F32]:
    images = [read(pair.image) for pair in pairs]
    rows = pool.map(lambda both: _row(teacher.reader, *both), zip(pairs, images, strict=True))
    return {"probabilities": np.stack(list(rows)), "embeddings": _embedded(teacher.embed, images)}


def _embedded(embed: Embed | None, images: Sequence[F32]) -> F32:
    """Unit vectors [n, d], NaN for an image it refuses; [n, 0] where there are none at all."""
    made: list[F32 | None] = []
    for image in images if embed is not None else ():
        try:
            made.append(None if embed is None else np.asarray(embed([image])[0], dtype=np.float32))
        except OF_ONE_IMAGE:
            made.append(None)
    width = next((len(one) for one in made if one is not None), 0)
    nothing = np.full(width, np.nan, dtype=np.float32)
    return np.stack([nothing if one is None else one for one in made]) if width else np.zeros((len(images), 0), dtype=np.float32)


def _row(reader: Reader, pair: Pair, image: F32) -> F32:
    """Probabilities [findings], NaN for what the teacher does not speak of."""
    try:
        told = reader.probabilities(asked_about(pair, image))
    except OF_ONE_IMAGE:
        told = {}
    return np.array([told.get(key, np.nan) for key in KEYS], dtype=np.float32)


def _path(place: Path, at: int) -> Path:
    return place.with_name(f"{place.name}-{at:07d}.safetensors")


def _there(place: Path, at: int, mark: str) -> bool:
    from safetensors import SafetensorError, safe_open

    path = _path(place, at)
    if not path.is_file():
        return False
    try:
        with safe_open(str(path), framework="np") as opened:
            return bool((opened.metadata() or {}).get("mark") == mark)
    except SafetensorError as error:
        raise TrainingStateDamaged(path.name) from error


def _load(path: Path) -> dict[str, F32]:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _keep(path: Path, block: dict[str, F32], mark: str) -> None:
    from safetensors.numpy import save_file

    aside = path.with_suffix(".new")
    save_file(block, aside, metadata={"mark": mark})
    flush(aside)
    os.replace(aside, path)
    flush(path.parent)

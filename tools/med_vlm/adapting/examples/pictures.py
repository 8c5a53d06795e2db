"""What a model sees of each image, made once and kept beside the training: decoding costs more than a step.

The file goes when the training is done. What cannot be decoded is left out and counted, before anything is trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.archive.cases import ReadPicture
from retrieval.errors import BadCase
from retrieval.generation.manifest import flush, replace_flushed
from tools.med_vlm.adapting.examples.corpus import Corpus, Pair, Split
from tools.med_vlm.adapting.progress import Pace, Progress, Tell
from tools.med_vlm.errors import ImageRefused, TrainingDataRefused

UNREADABLE = "image cannot be decoded"
BLOCK = 64
"""Images between two words on disk."""

Make = Callable[[NDArray[np.float32]], NDArray[Any]]
"""From an image [rows, columns] in 0..1 to what is kept of it, always of one shape and type."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is kept of n images, in the order of the asked files."""

    rows: NDArray[Any]
    """[m, …]: of those that could be decoded, in order."""
    good: NDArray[np.bool_]
    """[n]: whether it could."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A corpus whose images were all decoded, and what is kept of each."""

    corpus: Corpus
    rows: Mapping[Split, NDArray[Any]]
    """[n, …], in the order of the corpus's pairs."""


def shown(corpus: Corpus, make: Make, folder: Path, mark: str, *, read: ReadPicture, tell: Tell) -> Shown:
    """Keep what `make` makes of every image of a corpus, under `folder`, and leave out the cases whose image cannot be decoded.

    Args:
        corpus: Its pairs in each part.
        make: Makes what is kept.
        folder: The training's.
        mark: Changes when `make` does.
        read: Decodes a file.
        tell: Told on the way.

    Raises:
        TrainingDataRefused: a part that had cases has none left.
    """
    pairs: dict[Split, tuple[Pair, ...]] = {}
    rows: dict[Split, NDArray[Any]] = {}
    lost = 0
    for part, some in corpus.pairs.items():
        files, place = [pair.image for pair in some], folder / f"images-{part}"
        found = kept(files, make, place, f"{corpus.fingerprint} {mark} {len(files)}", read=read, tell=tell)
        pairs[part] = tuple(pair for pair, good in zip(some, found.good, strict=True) if good)
        rows[part] = found.rows
        lost += len(some) - len(pairs[part])
        if some and not pairs[part]:
            raise TrainingDataRefused(f"no image for {part} can be decoded")
    left_out = {**corpus.left_out, **({UNREADABLE: lost} if lost else {})}
    return Shown(replace(corpus, pairs=pairs, left_out=left_out), rows)


def kept(files: Sequence[Path], make: Make, place: Path, mark: str, *, read: ReadPicture, tell: Tell) -> Pictures:
    """Decode `files` and keep what `make` makes of them at `place`, or go on with what is there.

    Args:
        files: The images.
        make: Makes what is kept.
        place: Path without ending; `.npy` holds the rows, `.json` how far they are.
        mark: Changes when files or `make` do: what is there of another mark is made anew.
        read: Decodes a file.
        tell: Told after every block.
    """
    first = make(np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64))
    path, note = place.with_suffix(".npy"), place.with_suffix(".json")
    good = _good(note, path, mark)
    done = len(good)
    mode = "r+" if done else "w+"
    rows = np.lib.format.open_memmap(path, mode=mode, dtype=first.dtype, shape=(len(files), *first.shape))
    pace = Pace(done, len(files))
    for start in range(done, len(files), BLOCK):
        for file in files[start : start + BLOCK]:
            good.append(_put(rows, sum(good), file, make, read))
        rows.flush()
        flush(path)
        replace_flushed(note, json.dumps({"mark": mark, "good": "".join("01"[each] for each in good)}).encode())
        rate, left = pace.at(len(good))
        tell(Progress("images", len(good), len(files), rate, left))
    return Pictures(rows[: sum(good)], np.array(good, dtype=np.bool_))


def _good(note: Path, path: Path, mark: str) -> list[bool]:
    if not note.is_file() or not path.is_file():
        return []
    told = json.loads(note.read_bytes())
    return [each == "1" for each in told["good"]] if told["mark"] == mark else []


def _put(rows: NDArray[Any], number: int, file: Path, make: Make, read: ReadPicture) -> bool:
    try:
        rows[number] = make(read(file))
    except (BadCase, ImageRefused):
        return False
    return True

"""The training corpus on disk, rendered once: 8-bit images, coarse masks and labels in memory-mapped arrays.

Only a temporary working copy: it is never shipped. A killed rendering goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.examples.example import DOMAINS, Source, TrainingExample
from tools.med_vlm.compact.heads import KEYS, VIEWS
from tools.med_vlm.compact.preprocess import Frame, prepare, prepare_mask
from tools.med_vlm.errors import TrainingDataRefused

GRID = 48
"""Rows and columns of a stored mask: fine enough to follow an augmentation, three or four cells to one of the network's."""

RIGHT, LEFT = 1, 2
"""Bits of a stored side; 0 says the side is unknown or the finding has none."""

_SIDE_BITS = {"right": RIGHT, "left": LEFT, "bilateral": RIGHT | LEFT, None: 0}


@dataclass(frozen=True, slots=True)
class Store:
    """n examples. `images` uint8 [n, s, s], `masks` uint8 [n, c, 48, 48] coverage, `present` and `sides` uint8 [n, c]."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    present: NDArray[np.uint8]
    sides: NDArray[np.uint8]
    masked: NDArray[np.uint8]
    """[n, c]: whether a mask was given."""
    views: NDArray[np.uint8]
    known: NDArray[np.uint8]
    """[n, c]: whether presence or absence was stated."""
    domains: NDArray[np.uint8]
    """[n] positions in `example.DOMAINS`."""
    sentences: tuple[tuple[str, ...], ...]
    meanings: NDArray[np.int64]
    """[n] equal numbers mean equal findings with equal sides, or equal reports where not every finding is known."""

    def __len__(self) -> int:
        return len(self.images)


def _layout(count: int, size: int) -> dict[str, tuple[int, ...]]:
    heads = len(KEYS)
    return {
        "images": (count, size, size),
        "masks": (count, heads, GRID, GRID),
        "present": (count, heads),
        "sides": (count, heads),
        "masked": (count, heads),
        "views": (count,),
        "known": (count, heads),
        "domains": (count,),
    }


def _open(folder: Path, count: int, size: int) -> dict[str, NDArray[np.uint8]]:
    arrays: dict[str, NDArray[np.uint8]] = {}
    for name, shape in _layout(count, size).items():
        path = folder / f"{name}.npy"
        if path.exists():
            arrays[name] = np.lib.format.open_memmap(path, mode="r+")
        else:
            arrays[name] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        if arrays[name].shape != shape:
            raise TrainingDataRefused(f"the working folder holds {name} of another size; empty it")
    return arrays


def _put(arrays: dict[str, NDArray[np.uint8]], row: int, example: TrainingExample, size: int) -> None:
    frame = Frame(*example.image.shape)
    arrays["images"][row] = (prepare(example.image, size)[0] * 255).round().numpy()
    arrays["views"][row] = VIEWS.index(example.view)
    arrays["domains"][row] = DOMAINS.index(example.domain)
    for head, key in enumerate(KEYS):
        arrays["present"][row, head] = key in example.labels
        arrays["known"][row, head] = key in example.known
        arrays["sides"][row, head] = _SIDE_BITS[example.labels.get(key)]
        arrays["masked"][row, head] = key in example.masks
        if key in example.masks:
            arrays["masks"][row, head] = prepare_mask(example.masks[key], GRID, frame)


def _done(folder: Path) -> list[dict[str, object]]:
    path = folder / "texts.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def render(
    source: Source, numbers: Sequence[int], size: int, folder: Path, progress: Callable[[int, int], None] = lambda done, of: None
) -> Store:
    """Render the examples `numbers` of `source` into `folder` at `size` pixels, or go on with a rendering begun there.

    Raises:
        TrainingDataRefused: the folder holds another corpus, or the source gave other numbers than asked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = _done(folder)
    if [row["number"] for row in rows] != list(numbers[: len(rows)]):
        raise TrainingDataRefused("the working folder holds another corpus; empty it")
    arrays = _open(folder, len(numbers), size)
    left = numbers[len(rows) :]
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as texts:
        texts.writelines(json.dumps(row) + "\n" for row in rows)
        for row, example in zip(range(len(rows), len(numbers)), _checked(source, left), strict=False):
            _put(arrays, row, example, size)
            rows.append({"number": example.number, "sentences": list(example.sentences), "meaning": example.meaning})
            texts.write(json.dumps(rows[-1]) + "\n")
            texts.flush()
            progress(row + 1, len(numbers))
    if len(rows) != len(numbers):
        raise TrainingDataRefused(f"the source gave {len(rows)} of {len(numbers)} examples")
    return _store(arrays, rows)


def _checked(source: Source, numbers: Sequence[int]) -> Iterator[TrainingExample]:
    if not numbers:
        return
    for number, example in zip(numbers, source(numbers), strict=False):
        if example.number != number:
            raise TrainingDataRefused(f"asked for example {number}, got {example.number}")
        yield example


def _store(arrays: dict[str, NDArray[np.uint8]], rows: list[dict[str, object]]) -> Store:
    names: dict[str, int] = {}
    meanings = np.array([names.setdefault(str(row["meaning"]), len(names)) for row in rows], dtype=np.int64)
    sentences = tuple(tuple(str(text) for text in row["sentences"]) for row in rows if isinstance(row["sentences"], list))
    return Store(sentences=sentences, meanings=meanings, **arrays)


def spread_sample(count: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Row numbers of a seeded sample without repeats, in order."""
    random = np.random.default_rng(seed)
    return np.sort(random.permutation(count)[: min(count, wanted)]).astype(np.int64)


def picked(store: Store, rows: NDArray[np.int64]) -> Store:
    """The examples `rows` of `store`, in memory."""
    arrays = {name: np.asarray(getattr(store, name)[rows]) for name in _layout(0, 0)}
    return Store(sentences=tuple(store.sentences[row] for row in rows), meanings=store.meanings[rows], **arrays)


def joined(store: Store, other: Store, repeats: int) -> Store:
    """`store`, then `other` so many times over, in memory; a meaning of one is no meaning of the other."""
    arrays = {name: np.concatenate([getattr(store, name), *[getattr(other, name)] * repeats]) for name in _layout(0, 0)}
    first = int(store.meanings.max(initial=-1)) + 1
    meanings = np.concatenate([store.meanings, *[other.meanings + first] * repeats])
    return Store(sentences=store.sentences + other.sentences * repeats, meanings=meanings, **arrays)

"""Image sets beside the phantoms: pictures that must be refused, and real radiographs with labels of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.examples.radiographs import grey

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of an external set."""

    group: str
    image: F32
    labels: frozenset[str]
    modality: str
    patient: str = ""
    view: str | None = None


def strange(images: NDArray[np.uint8], seed: int) -> dict[str, list[F32]]:
    """Pictures to refuse, made from images [n, s, s]: kinds of noise, and radiographs turned or inverted."""
    random = np.random.default_rng(seed)
    real = [image.astype(np.float32) / 255 for image in images]
    side = images.shape[-1]
    return {
        "uniform noise": [random.random((side, side), dtype=np.float32) for _ in real],
        "smooth noise": [_smooth(random, side) for _ in real],
        "phantoms inverted": [1 - image for image in real],
        "phantoms transposed": [np.ascontiguousarray(image.T) for image in real],
        "phantoms turned by 90 degrees": [np.ascontiguousarray(np.rot90(image)) for image in real],
        "phantoms upside down": [np.ascontiguousarray(image[::-1]) for image in real],
        "phantoms with shuffled quarters": [_shuffled(image) for image in real],
        "natural-picture statistics (1/f noise)": [_pink(random, side) for _ in real],
    }


def _smooth(random: np.random.Generator, side: int) -> F32:
    coarse = random.random((6, 6))
    return np.asarray(np.kron(coarse, np.ones((side // 6 + 1, side // 6 + 1)))[:side, :side], dtype=np.float32)


def _pink(random: np.random.Generator, side: int) -> F32:
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    spectrum = np.fft.fft2(random.standard_normal((side, side))) / np.maximum(frequency, 1 / side)
    picture = np.fft.ifft2(spectrum).real
    return np.asarray((picture - picture.min()) / np.ptp(picture), dtype=np.float32)


def _shuffled(image: F32) -> F32:
    top, bottom = np.array_split(image, 2)
    return np.ascontiguousarray(np.concatenate([np.roll(bottom, image.shape[1] // 2, 1), top]))


def external(index: Path) -> Iterator[LabelledImage]:
    """The images of an index file: JSON lines with `path` (relative to the index), `labels`, `modality`, `patient_id` and `view`.

    The group is the image's folder. Colour images become grey.
    """
    for line in index.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = index.parent / row["path"]
        labels, patient = frozenset(row["labels"]), str(row.get("patient_id", ""))
        yield LabelledImage(path.parent.name, grey(path), labels, str(row["modality"]), patient, row.get("view"))

"""Radiographs of patients as training examples: an index of openly licensed images, split by patient, with what their labels know."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from fhir.codes import Side
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.heads import VIEWS, View
from tools.med_vlm.compact.minilm import sentences
from tools.med_vlm.errors import TrainingDataRefused
from tools.med_vlm.licences import training_refused

Split = Literal["train", "calibration", "test"]

SHARES: tuple[tuple[Split, float], ...] = (("train", 0.6), ("calibration", 0.8), ("test", 1.0))
"""Upper ends of the splits on the line 0..1 on which each patient has a place."""

MODALITIES = frozenset({"CR", "DX"})

REPORTS = frozenset({"radiology_caption", "clinical_notes"})
"""Values of `text_kind` whose text a person wrote; the rest was composed from labels and is no report."""

CHESTXRAY14: Mapping[str, str] = {
    "Effusion": "pleural_effusion",
    "Pneumothorax": "pneumothorax",
    "Consolidation": "consolidation",
    "Cardiomegaly": "cardiomegaly",
    "Edema": "pulmonary_edema",
    "Nodule": "nodule",
    "Atelectasis": "atelectasis",
}
"""Labels of ChestX-ray14 (Wang et al., CVPR 2017) and the findings they state, present or absent."""

DOUBTFUL: Mapping[str, str] = {"Mass": "nodule", "Infiltration": "consolidation", "Pneumonia": "consolidation"}
"""Labels beside which the absence of a finding is not stated: a mass is a nodule over 3 cm, an infiltration may be consolidation."""


class _Row(BaseModel):
    """One line of an index; further keys are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    modality: str
    view: str | None = None
    labels: tuple[str, ...] = ()
    text: str = ""
    text_kind: str = ""
    patient_id: str
    source: str = ""
    license: str
    attribution: str = ""
    license_note: str = ""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One image of the index that can train or measure."""

    number: int
    """From the SHA-256 of its line: the same line always has the same number, a changed one another."""
    path: Path
    group: str
    """The folder of the image: the set it belongs to."""
    patient: str
    view: View
    labels: Mapping[str, Side | None]
    known: frozenset[str]
    sentences: tuple[str, ...]
    credit: str = ""
    """Licence, attribution and source, as the index gives them: open licences ask for it."""

    @property
    def split(self) -> Split:
        """Which of the three sets the patient belongs to."""
        return split(self.patient)


def split(patient: str) -> Split:
    """The set of a patient, from a hash of the identifier alone.

    Not of the source as well: the same patient's image may come twice, at two resolutions from two repositories.
    """
    place = int.from_bytes(hashlib.sha256(f"radiographs-1:{patient}".encode()).digest()[:4], "big") / 2**32
    return next(name for name, end in SHARES if place < end)


def stated(group: str, labels: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What the labels of an image of the set `group` state: the findings that are present, and all that are known.

    ChestX-ray14 states seven findings, and without a pneumothorax there is no tension pneumothorax. PneumoniaMNIST states
    consolidation alone, which its pneumonias are taken for. Of any other set nothing is known but the view.
    """
    if group.startswith("nih"):
        present = {key for label, key in CHESTXRAY14.items() if label in labels}
        doubted = {key for label, key in DOUBTFUL.items() if label in labels} - present
        known = set(CHESTXRAY14.values()) - doubted
        return frozenset(present), frozenset(known if "pneumothorax" in present else known | {"tension_pneumothorax"})
    if group.startswith("pneumoniamnist"):
        return frozenset({"consolidation"} if "pneumonia" in labels else ()), frozenset({"consolidation"})
    return frozenset(), frozenset()


def read_index(index: Path) -> tuple[Radiograph, ...]:
    """The radiographs of an index (JSON lines: path, modality, view, labels, patient_id, license, text and text_kind).

    Rows of other modalities than CR and DX, and rows without a view, are left out: nothing of them is known.

    Raises:
        TrainingDataRefused: a line that is no such row, a licence that is not stated or forbids commercial use, a path that
            leaves the index's folder, or no radiograph at all.
    """
    lines = [line for line in index.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = tuple(one for number, line in enumerate(lines, 1) if (one := _radiograph(index.parent, number, line)))
    if not found:
        raise TrainingDataRefused("the index of radiographs holds none that can train")
    return found


def _radiograph(folder: Path, number: int, line: str) -> Radiograph | None:
    try:
        row = _Row.model_validate(json.loads(line))
    except (ValueError, ValidationError) as refused:
        raise TrainingDataRefused(f"line {number} of the index describes no image") from refused
    if withheld := training_refused(row.license):
        raise TrainingDataRefused(f"line {number} of the index: its {withheld}")
    path = (folder / row.path).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TrainingDataRefused(f"line {number} of the index names a file outside its folder")
    view = next((view for view in VIEWS if view == row.view), None)
    if row.modality not in MODALITIES or view is None:
        return None
    present, known = stated(path.parent.name, frozenset(row.labels))
    return Radiograph(
        number=int.from_bytes(hashlib.sha256(line.encode()).digest()[:6], "big"),
        path=path,
        group=path.parent.name,
        patient=row.patient_id,
        view=view,
        labels=dict.fromkeys(sorted(present)),
        known=known,
        sentences=sentences(row.text) if row.text_kind in REPORTS else (),
        credit="; ".join(dict.fromkeys(part for part in (row.license, row.attribution, row.license_note, row.source) if part)),
    )


def grey(path: Path) -> NDArray[np.float32]:
    """An image file as float32 [rows, columns] in 0..1; colour becomes grey."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("L")).astype(np.float32) / np.float32(255)


class RadiographSource:
    """Gives the examples of an index by their numbers (`example.Source`)."""

    def __init__(self, radiographs: Sequence[Radiograph]) -> None:
        self._by_number = {one.number: one for one in radiographs}

    def __call__(self, numbers: Sequence[int]) -> Iterator[TrainingExample]:
        """The examples in the order asked."""
        for number in numbers:
            one = self._by_number[number]
            yield TrainingExample(
                number=number,
                image=grey(one.path),
                labels=one.labels,
                masks={},
                sentences=one.sentences,
                view=one.view,
                known=one.known,
                domain="radiograph",
            )


def in_split(radiographs: Sequence[Radiograph], name: Split) -> tuple[Radiograph, ...]:
    """Those of one split, in the order of the index."""
    return tuple(one for one in radiographs if one.split == name)


def credits(radiographs: Sequence[Radiograph]) -> tuple[str, ...]:
    """Whom to thank for how many images of which set, in words, each set and licence once."""
    counts = Counter((one.group, one.credit) for one in radiographs)
    return tuple(f"{group}, {count} images: {credit}" for (group, credit), count in sorted(counts.items()))

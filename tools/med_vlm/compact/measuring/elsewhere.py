"""What the card says of images from elsewhere: how many the model refuses, and how well it would read radiographs of patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tools.med_vlm.asked import asked_of
from tools.med_vlm.compact.card import Estimate, ExternalMeasured, Refusals, ViewMeasured
from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage
from tools.med_vlm.compact.examples.radiographs import CHESTXRAY14, MODALITIES, Radiograph, split, stated
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.measuring.evaluate import estimate
from tools.med_vlm.compact.measuring.measure import auroc_by_patient, proportion
from tools.med_vlm.compact.reader import CompactReader

MINIMUM = 5
"""Fewer images of a class than this give no estimate."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Everything that was measured on images from elsewhere."""

    findings: tuple[ExternalMeasured, ...]
    views: tuple[ViewMeasured, ...]
    refusals: tuple[Refusals, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    one: LabelledImage
    scores: dict[str, float]
    view: str
    abstained: bool


def untaught(images: Iterable[LabelledImage], radiographs: Sequence[Radiograph]) -> Iterator[LabelledImage]:
    """The images of patients who neither trained nor calibrated the model: those of the test set, and those it never met."""
    taught = {one.patient for one in radiographs if split(one.patient) != "test"}
    return (one for one in images if one.patient not in taught)


def measure_elsewhere(reader: CompactReader, images: Iterable[LabelledImage]) -> Elsewhere:
    """AUROC by finding and set, the view, and refusals; the first two as if the model had not abstained."""
    groups: dict[str, list[_Answer]] = {}
    for one in images:
        name = one.group if one.modality in MODALITIES else f"{one.group} ({one.modality})"
        scores, view = reader.measured(one.image)
        groups.setdefault(name, []).append(_Answer(one, scores, view, reader.read(asked_of(one.image)).abstained))
    every = sorted(groups.items())
    return Elsewhere(
        tuple(found for name, rows in every for found in _findings(name, rows)),
        tuple(found for name, rows in every for found in _views(name, rows)),
        tuple(Refusals(images=name, refused=sum(row.abstained for row in rows), total=len(rows)) for name, rows in every),
    )


def _findings(name: str, rows: Sequence[_Answer]) -> Iterator[ExternalMeasured]:
    said = [stated(row.one.group, row.one.labels) for row in rows]
    for key in KEYS:
        known = [index for index, (_, spoken) in enumerate(said) if key in spoken]
        labels = np.array([key in said[index][0] for index in known], dtype=np.bool_)
        if min(int(labels.sum()), int((~labels).sum())) < MINIMUM or key == "tension_pneumothorax":
            continue
        patients = [rows[index].one.patient for index in known]
        interval = auroc_by_patient(np.array([rows[index].scores[key] for index in known]), labels, patients)
        named = next((label for label, of in CHESTXRAY14.items() if of == key), key) if name.startswith("nih") else "pneumonia"
        yield ExternalMeasured(images=name, finding=key, labelled=named, auroc=estimate(interval), patients=len(set(patients)))


def _views(name: str, rows: Sequence[_Answer]) -> Iterator[ViewMeasured]:
    known = [row for row in rows if row.one.modality in MODALITIES and row.one.view in ("PA", "AP")]
    if len(known) >= MINIMUM:
        yield ViewMeasured(images=name, accuracy=_share([row.view == row.one.view for row in known]))


def _share(right: Sequence[bool]) -> Estimate:
    return estimate(proportion(sum(right), len(right)))

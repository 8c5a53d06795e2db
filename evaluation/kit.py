"""The shared kit of openly licensed data as case sets: see its README for sources, licences and what each set lacks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.case_sets import Caption, CaptionSet, CaseSet
from evaluation.errors import KitUnreadable
from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.keys import Keyring, age_band, difference_hash, report_sketch
from tools.med_vlm.compact.examples.radiographs import CHESTXRAY14

_RING = Keyring(b"sidenote kit: public data, hides nobody", b"sidenote evaluation")
_FIRST_DAY = date(2015, 1, 1)
_COMMON = 0.05
"""A concept that more captions than this share carry, such as "radiograph", tells nothing apart."""
_NO_FINDING = "No Finding"
_LABELS = {**CHESTXRAY14, "pneumonia": "consolidation"}
"""Labels of ChestX-ray14 and PneumoniaMNIST by our finding."""


def kit_sets(folder: Path) -> tuple[CaseSet, ...]:
    """NIH ChestX-ray14 at 64 px, Hannover and VQA-RAD, those of them that the kit in `folder` holds.

    Raises:
        KitUnreadable: when its index or an image cannot be read.
    """
    rows = list(_rows(folder / "images.jsonl"))
    made = (make(folder, rows) for make in (_nih, _hannover, _vqa_rad))
    return tuple(one for one in made if one.cases)


def captions(folder: Path, most: int) -> CaptionSet:
    """At most `most` ROCO figure captions with their uncommon UMLS concepts; captions without any are left out.

    Raises:
        KitUnreadable: when the file cannot be read.
    """
    rows = list(_rows(folder / "texts" / "roco_captions_ccby.jsonl"))
    carried = Counter(concept for row in rows for concept in set(row["cuis"]))
    made = [
        Caption(str(row["caption"]), frozenset(one for one in row["cuis"] if carried[one] <= _COMMON * len(rows)), _paper(row))
        for row in rows
    ]
    usable = [caption for caption in made if caption.concepts and caption.text.strip()]
    chosen = np.sort(np.random.default_rng(0).permutation(len(usable))[:most]).tolist()
    words = "captions of radiology figures in papers, their images not included; relevance: UMLS concepts in common"
    return CaptionSet("ROCO captions", words, tuple(usable[number] for number in chosen))


def _paper(row: Mapping[str, Any]) -> str:
    return str(row["pmc_figure"]).split("_", 1)[0]


def _nih(folder: Path, rows: list[dict[str, Any]]) -> CaseSet:
    words = "chest radiographs at 64 x 64 px with labels mined from reports; the text repeats the labels, so only images are asked with"
    return CaseSet("NIH ChestX-ray14, 64 px", words, _RING, _cases(folder, rows, "nih64", _labelled), reports="labels")


def _hannover(folder: Path, rows: list[dict[str, Any]]) -> CaseSet:
    words = "chest radiographs of patients with COVID-19; nothing else is named, and the text was composed from projection and dates"
    mine = _cases(folder, rows, "hannover_covid", lambda row: ("covid_19",))
    return CaseSet("Hannover COVID-19", words, _RING, mine, reports="composed")


def _vqa_rad(folder: Path, rows: list[dict[str, Any]]) -> CaseSet:
    words = "a few teaching cases (CT, MR, radiographs of all body parts) with captions, and questions that clinicians asked of them"
    mine = [row for row in rows if _subset(row) == "vqa_rad"]
    questions = tuple((f"{one['question']} {one['answer']}", _RING.case(row["id"])) for row in mine for one in row["qa"])
    return CaseSet("VQA-RAD", words, _RING, _cases(folder, rows, "vqa_rad", _labelled), questions=questions)


def _labelled(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Finding keys of the labels: ours where there is one, else the label in the same form."""
    labels = (label for label in row["labels"] if label != _NO_FINDING)
    return tuple(_LABELS.get(label, "_".join(label.lower().replace(",", " ").split())) for label in labels)


def _cases(
    folder: Path, rows: list[dict[str, Any]], subset: str, keys: Callable[[Mapping[str, Any]], tuple[str, ...]]
) -> tuple[SourceCase, ...]:
    return tuple(_case(row, _pixels(folder / row["path"]), keys(row)) for row in rows if _subset(row) == subset)


def _subset(row: Mapping[str, Any]) -> str:
    return str(row["path"]).split("/")[-2]


def _case(row: Mapping[str, Any], pixels: NDArray[np.float32], keys: tuple[str, ...]) -> SourceCase:
    text = str(row["text"])
    card = CaseCard(
        key=_RING.case(row["id"]),
        person=_RING.person(row["patient_id"]),
        study=_RING.study(row["id"]),
        as_of=_FIRST_DAY + timedelta(days=30 * int(row.get("follow_up") or 0)),
        modality=str(row["modality"]),
        body_part="CHEST",
        view=str(row["view"] or "unknown"),
        age_band=age_band(row["age"] if row["age"] is None else int(row["age"])),
        sex=str(row["sex"] or "unknown"),
        findings=tuple(CaseFinding(key) for key in keys),
        report=text,
        report_hash=_RING.report(text),
        report_sketch=report_sketch(text),
        image_hash=difference_hash(pixels),
        consent="published openly",
        licence=str(row["license"]),
    )
    return SourceCase(card, pixels)


def _pixels(path: Path) -> NDArray[np.float32]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L")).astype(np.float32) / np.float32(255)
    except OSError as error:
        raise KitUnreadable("an image of the kit cannot be read", where=path.parent.name) from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)
    except (OSError, ValueError) as error:
        raise KitUnreadable("a file of the kit cannot be read", where=path.name) from error

"""Labelled images: phantoms whose truth is known, and an archive that knows what its reports say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from fhir.codes import FINDING
from retrieval.errors import BadArchive
from sidenote.commands.model.images import archived, phantoms


def test_a_phantoms_findings_are_all_known() -> None:
    (one,) = phantoms(1)
    assert one.known == frozenset(FINDING)
    assert one.present <= one.known
    assert (one.asked.focal.modality, one.asked.focal.body_part) == ("DX", "chest")


def archive(folder: Path, *reports: str) -> Path:
    lines = []
    for number, report in enumerate(reports):
        grey = np.random.default_rng(number).integers(0, 255, (96, 96), dtype=np.uint8)
        Pictures.fromarray(grey).save(folder / f"{number}.png")
        line = {
            "key": f"k{number}",
            "person": f"p{number}",
            "study": f"s{number}",
            "image": f"{number}.png",
            "report": report,
            "as_of": "2024-01-02",
            "modality": "DX",
            "body_part": "CHEST",
            "view": "PA",
            "age": 61,
            "sex": "female",
            "consent": "research",
            "licence": "CC-BY-4.0",
        }
        lines.append(json.dumps(line))
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_an_archive_teaches_what_its_reports_state_and_nothing_that_they_leave_open(tmp_path: Path) -> None:
    (one,) = archived(archive(tmp_path, "Left pleural effusion. No pneumothorax. Possible consolidation."))
    assert one.present == {"pleural_effusion"}
    assert {"pleural_effusion", "pneumothorax"} <= one.known
    assert not {"consolidation", "nodule"} & one.known
    assert (one.asked.focal.view, one.asked.focal.modality, one.asked.focal.body_part) == ("PA", "DX", "chest")


def test_each_person_is_a_group_and_an_image_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    folder = archive(tmp_path, "Cardiomegaly.", "No cardiomegaly.", "Normal heart.")
    (folder / "2.png").write_bytes(b"no picture")
    found = list(archived(folder))
    assert len(found) == 2
    assert len({one.group for one in found}) == 2


def test_a_folder_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        list(archived(tmp_path))

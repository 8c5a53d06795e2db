"""An archive is read strictly, line by line; a bad line is named, a good one is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.archive import LONGEST_LINE, case_schema, count_cases, read_cases
from retrieval.cards import Rejected, SourceCase
from retrieval.errors import BadArchive
from retrieval.keys import Keyring

GOOD: dict[str, Any] = {
    "key": "case-1",
    "person": "MRN 4711",
    "study": "1.2.3",
    "as_of": "2020-05-06",
    "modality": "CR",
    "view": "PA",
    "age": 63,
    "sex": "female",
    "findings": [{"key": "pleural_effusion", "side": "left"}, {"key": "cardiomegaly"}],
    "report": "Left pleural effusion. Cardiomegaly.",
    "image": "images/one.png",
    "consent": "broad consent 2019",
    "licence": "CC0-1.0",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archive = tmp_path / "archive"
    (archive / "images").mkdir(parents=True)
    grey = np.linspace(0, 65535, 64 * 48).reshape(64, 48).astype(np.uint16)
    Image.fromarray(grey).save(archive / "images" / "one.png")
    Image.fromarray((grey >> 8).astype(np.uint8)).save(archive / "images" / "two.jpg")
    (archive / "images" / "text.png").write_text("no image")
    (archive / "images" / "cut.png").write_bytes((archive / "images" / "one.png").read_bytes()[:200])
    (tmp_path / "outside.png").write_bytes((archive / "images" / "one.png").read_bytes())
    (archive / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    return archive


def _read(folder: Path, keyring: Keyring, *lines: str | bytes) -> list[SourceCase | Rejected]:
    (folder / "cases.jsonl").write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return list(read_cases(folder, keyring))


def test_a_good_line_becomes_a_case_without_an_identity(folder: Path, keyring: Keyring) -> None:
    (case,) = _read(folder, keyring, json.dumps(GOOD))
    assert isinstance(case, SourceCase)
    card = case.card
    assert (card.person, card.study) == (keyring.person("MRN 4711"), keyring.study("1.2.3"))
    assert (card.age_band, card.sex, card.modality, card.body_part, card.view) == ("60-69", "female", "CR", "CHEST", "PA")
    assert [(finding.key, finding.side) for finding in card.findings] == [("pleural_effusion", "left"), ("cardiomegaly", None)]
    assert "4711" not in repr(card)
    assert "63" not in card.age_band
    assert case.image.shape == (64, 48)
    assert (float(case.image.min()), float(case.image.max())) == (0.0, 1.0)


def test_eight_and_sixteen_bit_images_read_alike(folder: Path, keyring: Keyring) -> None:
    wide, narrow = _read(folder, keyring, json.dumps(GOOD), json.dumps({**GOOD, "key": "case-2", "image": "images/two.jpg"}))
    assert isinstance(wide, SourceCase)
    assert isinstance(narrow, SourceCase)
    assert np.abs(wide.image - narrow.image).max() < 0.05


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"age": 131}, "not a case: age"),
        ({"age": "63"}, "not a case: age"),
        ({"age": True}, "not a case: age"),
        ({"as_of": "2020-05"}, "not a case: as_of"),
        ({"as_of": "2020-02-30"}, "not a case: as_of"),
        ({"as_of": 1588723200}, "not a case: as_of"),
        ({"sex": "F"}, "not a case: sex"),
        ({"modality": ""}, "not a case: modality"),
        ({"findings": [{"key": "Pleural Effusion"}]}, "not a case: findings"),
        ({"findings": [{"key": "nodule", "side": "up"}]}, "not a case: findings"),
        ({"findings": "nodule"}, "not a case: findings"),
        ({"report": ""}, "not a case: report"),
        ({"consent": ""}, "not a case: consent"),
        ({"patient_name": "Jane Doe"}, "not a case: unknown key"),
        ({"image": "../outside.png"}, "image path leaves the folder"),
        ({"image": "/etc/hostname"}, "image path leaves the folder"),
        ({"image": "images/link.png"}, "image path leaves the folder"),
        ({"image": "images\\one.png"}, "image path leaves the folder"),
        ({"image": "images/none.png"}, "image file is missing"),
        ({"image": "images"}, "image file is missing"),
        ({"image": "images/text.png"}, "image cannot be decoded"),
        ({"image": "images/cut.png"}, "image cannot be decoded"),
    ],
)
def test_a_bad_line_is_named_with_its_reason_and_the_next_is_read(
    folder: Path, keyring: Keyring, change: dict[str, Any], reason: str
) -> None:
    bad, good = _read(folder, keyring, json.dumps({**GOOD, **change}), json.dumps(GOOD))
    assert bad == Rejected(reason, "line 1")
    assert isinstance(good, SourceCase)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_every_key_is_needed(folder: Path, keyring: Keyring, missing: str) -> None:
    (bad,) = _read(folder, keyring, json.dumps({key: value for key, value in GOOD.items() if key != missing}))
    assert bad == Rejected(f"not a case: {missing}", "line 1")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"text"',
        json.dumps(GOOD)[:-1] + ', "person": "another"}',
        json.dumps(GOOD).replace("63", "NaN"),
        json.dumps(GOOD).encode().replace(b"Left", b"L\xff"),
        "[" * 5_000,
    ],
)
def test_a_line_that_is_no_strict_json_object_is_rejected(folder: Path, keyring: Keyring, line: str | bytes) -> None:
    bad, good = _read(folder, keyring, line, json.dumps(GOOD))
    assert isinstance(bad, Rejected)
    assert isinstance(good, SourceCase)


def test_a_line_without_end_is_not_read_into_memory(folder: Path, keyring: Keyring) -> None:
    (bad,) = _read(folder, keyring, b" " + b"x" * (LONGEST_LINE + 10), json.dumps(GOOD))
    assert isinstance(bad, Rejected)
    assert "too long" in bad.reason


def test_blank_lines_are_passed_over_and_lines_keep_their_numbers(folder: Path, keyring: Keyring) -> None:
    (bad,) = _read(folder, keyring, "", "  ", "{}")
    assert isinstance(bad, Rejected)
    assert bad.where == "line 3"
    assert count_cases(folder) == 1


def test_a_folder_without_cases_is_refused(tmp_path: Path, keyring: Keyring) -> None:
    with pytest.raises(BadArchive):
        list(read_cases(tmp_path, keyring))


def test_the_schema_names_every_field() -> None:
    assert set(GOOD) <= set(case_schema()["properties"])

"""An archive is read strictly, line by line; a bad line is named, a good one is kept."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.archive.cases import LONGEST_LINE, count_cases, note_archive, read_cases
from retrieval.cards import CaseFinding, Rejected, SourceCase
from retrieval.errors import BadArchive
from retrieval.keys import Keyring, report_sketch

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
    (archive / "images" / "film.dcm").write_bytes(b"\0" * 128 + b"DICM")
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
        ({"identifiers": "MRN 1"}, "not a case: identifiers"),
        ({"identifiers": [""]}, "not a case: identifiers"),
        ({"site": "../north"}, "not a case: site"),
        ({"findings": [{"key": "nodule", "location": "Jane Doe, room 5"}]}, "not a case: findings"),
        ({"report": "half a \ud800 character"}, "not a case: report"),
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
        ({"image": "images/" + "x" * 300}, "image file is missing"),
        ({"image": "images/film.dcm"}, "image cannot be decoded"),
    ],
)
def test_a_bad_line_is_named_with_its_reason_and_the_next_is_read(
    folder: Path, keyring: Keyring, change: dict[str, Any], reason: str
) -> None:
    bad, good = _read(folder, keyring, json.dumps({**GOOD, **change}), json.dumps(GOOD))
    assert bad == Rejected(reason, "line 1")
    assert isinstance(good, SourceCase)


@pytest.mark.parametrize("missing", sorted(set(GOOD) - {"findings"}))
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
    for act in (lambda: list(read_cases(tmp_path, keyring)), lambda: count_cases(tmp_path), lambda: note_archive(tmp_path)):
        with pytest.raises(BadArchive):
            act()


@pytest.mark.fault(84)
def test_every_identifier_of_a_person_becomes_a_key(folder: Path, keyring: Keyring) -> None:
    (case,) = _read(folder, keyring, json.dumps({**GOOD, "identifiers": ["urn:a|7", "urn:b|8", "urn:a|7", "MRN 4711"]}))
    assert isinstance(case, SourceCase)
    assert case.card.linked == tuple(sorted(map(keyring.person, ("urn:a|7", "|7", "urn:b|8", "|8", "|MRN 4711", "|MRN4711"))))


def test_a_report_is_kept_without_identifiers_and_they_are_counted(folder: Path, keyring: Keyring) -> None:
    report = "Dr. Okafor: left pleural effusion of 5 mm. Compared with 12 March 2021. Reported by Ann Okafor."
    lines = [json.dumps({**GOOD, "key": key, "report": report, "outcome": "seen by Dr. Okafor"}) for key in "ab"]
    redactions = Counter[str]()
    (folder / "cases.jsonl").write_text("\n".join(lines))
    for case in read_cases(folder, keyring, redactions=redactions):
        assert isinstance(case, SourceCase)
        assert case.card.report == "Dr. [NAME]: left pleural effusion of 5 mm. Compared with [DATE]. Reported by [NAME]."
        assert case.card.outcome == "seen by Dr. [NAME]"
        assert case.card.report_hash == keyring.report(report)
        assert case.card.report_sketch == report_sketch(case.card.report)
        assert case.card.site == "unknown"
    assert redactions == {"NAME": 6, "DATE": 2}


def test_findings_that_are_not_given_come_from_the_labeler_or_not_at_all(folder: Path, keyring: Keyring) -> None:
    seen = []

    def label(report: str) -> tuple[CaseFinding, ...]:
        seen.append(report)
        return (CaseFinding("pleural_effusion", "left", "lower lobe"),)

    silent = json.dumps({key: value for key, value in GOOD.items() if key != "findings"})
    (rejected,) = _read(folder, keyring, silent)
    assert rejected == Rejected("findings are missing, and there is no labeler", "line 1")
    labelled, given = read_cases(_written(folder, silent, json.dumps({**GOOD, "findings": []})), keyring, label=label)
    assert isinstance(labelled, SourceCase)
    assert isinstance(given, SourceCase)
    assert labelled.card.findings == (CaseFinding("pleural_effusion", "left", "lower lobe"),)
    assert given.card.findings == ()
    assert seen == [GOOD["report"]]


def test_another_decoder_reads_what_pillow_does_not(folder: Path, keyring: Keyring) -> None:
    pixels = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    asked: list[str] = []

    def read_picture(path: Path) -> np.ndarray:
        asked.append(path.name)
        return pixels

    line = json.dumps({**GOOD, "image": "images/film.dcm"})
    (case,) = read_cases(_written(folder, line), keyring, read_picture=read_picture)
    assert isinstance(case, SourceCase)
    assert case.image is pixels
    assert asked == ["film.dcm"]


def _written(folder: Path, *lines: str) -> Path:
    (folder / "cases.jsonl").write_text("\n".join(lines))
    return folder


def test_the_fingerprint_changes_with_any_line_or_image_and_with_nothing_else(folder: Path) -> None:
    _written(folder, json.dumps(GOOD), "{}")
    note = note_archive(folder)
    assert (note.total, note.signed, note.words) == (2, False, "an archive of 2 lines")
    (folder / "images" / "unnamed.png").write_bytes(b"new")
    assert note_archive(folder) == note
    image = folder / "images" / "one.png"
    changed = image.read_bytes()[:-1]
    image.write_bytes(changed)
    fingerprints = {note.fingerprint, note_archive(folder).fingerprint}
    os.utime(image, ns=(1, 1))
    fingerprints.add(note_archive(folder).fingerprint)
    _written(folder, json.dumps({**GOOD, "age": 64}), "{}")
    fingerprints.add(note_archive(folder).fingerprint)
    image.unlink()
    fingerprints.add(note_archive(folder).fingerprint)
    assert len(fingerprints) == 5

"""What a command names is opened: with its signature checked, its reports labelled, and its redactions counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.archive.signing import sign
from retrieval.building.build import build
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import NotSigned, SignatureWrong
from retrieval.keys import Keyring
from sidenote.archives import Given, open_archive
from sidenote.settings import Settings

SECRET = b"a secret of the site, long enough"


def _archive(folder: Path, made: Any) -> Path:
    line = {
        "person": "p",
        "study": "1.2",
        "as_of": "2020-05-06",
        "modality": "CR",
        "view": "PA",
        "age": 63,
        "sex": "female",
        "report": "Dr. Okafor: left pleural effusion.",
        "consent": "broad",
        "licence": "CC0-1.0",
    }
    folder.mkdir()
    Image.fromarray(np.linspace(0, 255, 900).reshape(30, 30).astype(np.uint8)).save(folder / "a.png")
    (folder / "b").write_bytes(made.radiograph(7))
    (folder / "cases.jsonl").write_text("\n".join(json.dumps({**line, "key": name, "image": name}) for name in ("a.png", "b")))
    return folder


def test_a_folder_of_cases_is_read_with_dicom_images_and_labelled_reports(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    folder = _archive(tmp_path / "in", made)
    with pytest.raises(NotSigned):
        open_archive(Given(cases=folder), Settings(), SECRET)
    sign(folder, SECRET)
    opened = open_archive(Given(cases=folder), Settings(), SECRET)
    assert (opened.note.total, opened.note.signed) == (2, True)
    cases = [case for case in opened.cases(keyring) if isinstance(case, SourceCase)]
    assert [[(one.key, one.side) for one in case.card.findings] for case in cases] == [[("pleural_effusion", "left")]] * 2
    assert opened.redactions == {"NAME": 2}
    (folder / "b").write_bytes(made.radiograph(8))
    with pytest.raises(SignatureWrong):
        open_archive(Given(cases=folder), Settings(), SECRET)
    assert open_archive(Given(cases=folder), Settings(), None).note.signed is False


@pytest.mark.fault(87)
def test_an_image_exchanged_after_the_signature_was_checked_ends_the_build_and_nothing_of_it_is_kept(
    tmp_path: Path, made: Any, keyring: Keyring
) -> None:
    folder, library = _archive(tmp_path / "in", made), tmp_path / "library"
    sign(folder, SECRET)
    opened = open_archive(Given(cases=folder), Settings(), SECRET)
    (folder / "b").write_bytes(made.radiograph(8))
    with pytest.raises(SignatureWrong):
        build(opened.cases(keyring), HashEncoder(), library, keyring=keyring, source_fingerprint=opened.note.fingerprint)
    assert [path.name for path in library.iterdir()] == ["LOCK"]


def test_a_folder_of_dicom_files_and_a_fhir_source_are_opened_on_the_terms_that_were_given(
    tmp_path: Path, made: Any, keyring: Keyring
) -> None:
    folder = made.folder(tmp_path / "dicom", {"a": made.radiograph(7), "2.25.7.txt": "Left pleural effusion."})
    bundle = tmp_path / "bundle.json"
    bundle.write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]})
    )
    opened = open_archive(Given(dicom=folder, consent="broad", licence="CC0-1.0", site="north"), Settings(), SECRET)
    (case,) = opened.cases(keyring)
    assert isinstance(case, SourceCase)
    assert (case.card.consent, case.card.licence, case.card.site) == ("broad", "CC0-1.0", "north")
    assert [one.key for one in case.card.findings] == ["pleural_effusion"]
    assert list(open_archive(Given(fhir=str(bundle), licence="x"), Settings(), SECRET).cases(keyring)) == []


def test_nothing_named_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no archive"):
        open_archive(Given(), Settings(), None)


def test_opening_loads_no_heavy_library() -> None:
    heavy = ("torch", "transformers", "faiss", "langgraph", "httpx", "pydicom")
    code = f"import sys, sidenote.archives, sidenote.archives.dicom; print([n for n in {heavy!r} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

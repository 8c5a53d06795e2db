"""A folder of DICOM files and reports becomes cases without identities, and what cannot be one is named."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from fhir.pixels import decode
from retrieval.cards import CaseFinding, Rejected, SourceCase
from retrieval.errors import BadArchive
from retrieval.keys import Keyring, difference_hash
from sidenote.archives.consent import FolderTerms
from sidenote.archives.dicom import DicomArchive

TERMS = FolderTerms("broad consent 2019", "CC-BY-4.0", "north")


def _label(report: str) -> tuple[CaseFinding, ...]:
    return (CaseFinding("pleural_effusion", "left"),) if "effusion" in report else ()


def _cases(folder: Path, keyring: Keyring, terms: FolderTerms = TERMS) -> list[SourceCase | Rejected]:
    return list(DicomArchive(folder, terms).cases(keyring, label=_label))


def test_a_study_with_a_report_is_a_case_without_an_identity(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    line = {"study_instance_uid": "2.25.7", "report": "Patient: Jane Doe. Left pleural effusion.", "outcome": "drained", "site": "south"}
    folder = made.folder(tmp_path / "in", {"any/name": made.radiograph(7, OtherPatientIDs=["P-9"])}, line)
    (case,) = _cases(folder, keyring)
    assert isinstance(case, SourceCase)
    card = case.card
    assert (card.key, card.study, card.person) == (keyring.case("2.25.7"), keyring.study("2.25.7"), keyring.person("SITE|P-1"))
    assert set(card.linked) == {keyring.person(name) for name in ("|P-1", "|P1", "|P-9", "|P9")}
    assert (card.as_of, card.modality, card.body_part, card.view) == (date(2023, 5, 8), "DX", "CHEST", "PA")
    assert (card.age_band, card.sex, card.site, card.outcome) == ("60-69", "female", "south", "drained")
    assert (card.consent, card.licence) == ("broad consent 2019", "CC-BY-4.0")
    assert card.findings == (CaseFinding("pleural_effusion", "left"),)
    assert card.report == "Patient: [NAME]. Left pleural effusion."
    assert card.image_hash == difference_hash(decode(made.radiograph(7)).pixels)
    assert [word for word in ("Doe", "P-1", "P-9", "2.25.7", "ACC7") if word in repr(card)] == []


def test_the_number_is_known_under_the_system_of_the_record_too(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    folder = made.folder(tmp_path / "in", {"a": made.radiograph(7), "2.25.7.txt": "Normal."})
    (case,) = _cases(folder, keyring, FolderTerms("c", "l", system="urn:oid:1.2.3"))
    assert isinstance(case, SourceCase)
    assert {case.card.person, *case.card.linked} == {keyring.person(name) for name in ("urn:oid:1.2.3|P-1", "SITE|P-1", "|P-1", "|P1")}


def test_reports_come_from_lines_before_text_files_before_structured_reports(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    files = {f"{number}.dcm": made.radiograph(number) for number in (1, 2, 3, 4)}
    files |= {f"sr{number}": made.structured_report(number, "From a structured report.") for number in (1, 2, 3)}
    files |= {"sr3new": made.structured_report(3, "The newer one.", ContentDate="20240101", SOPInstanceUID="2.25.3.9.2")}
    files |= {"texts/ACC1.txt": "From a text file.", "2.25.2.txt": "From a text file.", "ACC4.TXT": "By accession number."}
    folder = made.folder(tmp_path / "in", files, {"accession_number": "ACC1", "report": "From a line."})
    reports = [case.card.report for case in _cases(folder, keyring) if isinstance(case, SourceCase)]
    assert reports == ["From a line.", "From a text file.", "FINDINGS:\nThe newer one.", "By accession number."]


def test_the_frontal_image_of_a_study_is_taken(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    def image(number: int, view: str | None, **more: Any) -> bytes:
        pixels = np.full((32, 24), 100 * number, dtype=np.uint16)
        pixels[0, 0] = 0
        return bytes(made.radiograph(7, ViewPosition=view, SOPInstanceUID=f"2.25.7.1.{number}", PixelData=pixels.tobytes(), **more))

    lateral, silent, frontal = image(1, "LL"), image(2, None), image(3, "AP")
    burnt = image(4, "PA", BurnedInAnnotation="YES")
    for name, files, taken in (
        ("said", {"1": lateral, "2": silent, "3": frontal, "4": burnt}, frontal),
        ("silent", {"1": lateral, "2": silent, "4": burnt}, silent),
    ):
        (case,) = _cases(made.folder(tmp_path / name, {**files, "2.25.7.txt": "Normal."}), keyring)
        assert isinstance(case, SourceCase)
        assert np.array_equal(case.image, decode(taken).pixels)
    for name, files, reason in (
        ("lateral", {"1": lateral}, "study has no frontal image"),
        ("burnt", {"4": burnt, "1": lateral}, "text is burnt into the image"),
    ):
        assert _cases(made.folder(tmp_path / name, {**files, "2.25.7.txt": "Normal."}), keyring) == [Rejected(reason, "study 1")]


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"StudyDate": ""}, "study date is missing"),
    ({"PatientID": ""}, "patient id is missing"),
    ({"BurnedInAnnotation": "YES"}, "text is burnt into the image"),
    ({"ViewPosition": "LL"}, "study has no frontal image"),
    ({"PixelData": None}, "image cannot be decoded"),
    ({"Modality": "KO"}, "study has no image"),
    ({"PixelData": bytes(2 * 32 * 24)}, "image is all one grey"),
    ({"StudyInstanceUID": "1.2.3"}, "study has no report"),
)


def test_a_study_that_cannot_be_a_case_is_rejected_and_the_next_is_read(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    files = {f"2.25.{number}.txt": "Normal." for number in range(1, len(BAD))} | {"2.25.9.txt": "Normal.", "9": made.radiograph(9)}
    files |= {str(number): made.radiograph(number, **changes) for number, (changes, _) in enumerate(BAD, start=1)}
    *rejected, good = _cases(made.folder(tmp_path / "in", files), keyring)
    reasons = [BAD[-1][1], *(reason for _, reason in BAD[:-1])]  # its UID comes first
    assert rejected == [Rejected(reason, f"study {number}") for number, reason in enumerate(reasons, start=1)]
    assert isinstance(good, SourceCase)


def test_the_day_of_a_study_may_come_from_its_report_line(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    line = {"study_instance_uid": "2.25.1", "report": "Normal.", "as_of": "2021-02-03"}
    (case,) = _cases(made.folder(tmp_path / "in", {"a": made.radiograph(1, StudyDate="")}, line), keyring)
    assert isinstance(case, SourceCase)
    assert case.card.as_of == date(2021, 2, 3)


def test_without_consent_and_licence_there_is_no_case(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    own = {"consent": "signed form 7", "licence": "site use"}
    lines = [{"study_instance_uid": f"2.25.{n}", "report": "Normal.", **more} for n, more in ((1, own), (2, {"consent": "x"}), (3, {}))]
    folder = made.folder(tmp_path / "in", {str(n): made.radiograph(n) for n in (1, 2, 3)}, *lines)
    case, *rest = _cases(folder, keyring, FolderTerms())
    assert isinstance(case, SourceCase)
    assert (case.card.consent, case.card.licence, case.card.site) == ("signed form 7", "site use", "unknown")
    assert rest == [Rejected("consent or licence is not stated", f"study {n}") for n in (2, 3)]


@pytest.mark.fault(84)
def test_a_study_whose_files_name_two_patients_is_rejected(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    other = made.radiograph(1, patient="P-2", SOPInstanceUID="2.25.1.1.2")
    folder = made.folder(tmp_path / "in", {"a": made.radiograph(1), "b": other, "2.25.1.txt": "Normal."})
    assert _cases(folder, keyring) == [Rejected("files of the study name different patients", "study 1")]


def test_reports_of_no_study_and_studies_without_report_are_named(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    files = {"a": made.radiograph(1, AccessionNumber="SAME"), "b": made.radiograph(2, AccessionNumber="SAME"), "Jane Doe.txt": "Normal."}
    lines = [{"accession_number": "SAME", "report": "x"}, {"report": "x"}, {"study_instance_uid": "2.25.1", "report": ""}]
    found = _cases(made.folder(tmp_path / "in", files, *lines), keyring)
    assert found == [
        Rejected("report names several studies", "reports.jsonl line 1"),
        Rejected("report names no study", "reports.jsonl line 2"),
        Rejected("not a case: report", "reports.jsonl line 3"),
        Rejected("report names no study of the folder", "file 1"),
        Rejected("study has no report", "study 1"),
        Rejected("study has no report", "study 2"),
    ]


@pytest.mark.fault(54)
def test_broken_files_are_named_by_number_and_stop_nobody(tmp_path: Path, made: Any, keyring: Keyring, kit: Path) -> None:
    folder = made.folder(tmp_path / "in", {"z/good.dcm": made.radiograph(1), "ACC1.txt": "Normal.", "m/cut.dcm": made.radiograph(2)[:300]})
    for name in ("image_dfl.dcm", "no_meta.dcm", "reportsi.dcm", "CT_small.dcm"):
        shutil.copy(kit / "dicom" / "pydicom" / name, folder / name)
    (folder / "out").symlink_to(kit / "dicom")
    found = _cases(folder, keyring)
    rejected = [(one.reason, one.where) for one in found if isinstance(one, Rejected)]
    assert ("file is deflated, which is not accepted", "file 3") in rejected
    assert ("study has no report", "study 1") in rejected  # the CT
    assert sum(isinstance(one, SourceCase) for one in found) == 1
    assert not any("dcm" in where or "1.3.6" in reason for reason, where in rejected)


def test_the_kit_s_radiographs_become_cases(tmp_path: Path, kit: Path, keyring: Keyring, made: Any) -> None:
    paths = sorted((kit / "dicom" / "hannover").glob("*.dcm"))
    files, lines = {}, []
    for number, path in enumerate(paths):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        files[str(number)] = path.read_bytes()
        lines.append({"study_instance_uid": header.StudyInstanceUID, "report": "Opacities in both lungs.", "as_of": "2020-04-01"})
    found = _cases(made.folder(tmp_path / "in", files, *lines), keyring)
    cases = [one for one in found if isinstance(one, SourceCase)]
    assert len(cases) == len(paths) == 12
    assert Counter(case.card.view for case in cases) == {"AP": 8, "PA": 4}
    assert {case.card.sex for case in cases} == {"female", "male"}
    assert len({case.card.person for case in cases}) == 9  # some people have two studies
    assert {case.card.age_band for case in cases} == {"unknown"}


def test_a_progress_bar_expects_what_cannot_be_read_and_reports_of_nobody_too(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    """Three studies, one of them without a report, a file that is cut short, and a report that names no study."""
    files = {name: made.radiograph(number) for name, number in (("a", 1), ("b", 2), ("c", 3))}
    reports = {f"2.25.{number}.txt": f"Report {number}" for number in (1, 2, 9)}
    folder = made.folder(tmp_path / "in", {**files, **reports, "broken": files["a"][:200]})
    archive = DicomArchive(folder, TERMS)
    assert archive.note.total == len(list(archive.cases(keyring, label=_label))) == 5


def test_cases_come_in_one_order_and_the_fingerprint_tells_a_change(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    files = {name: made.radiograph(number) for name, number in (("c", 1), ("a", 3), ("b", 2))}
    folder = made.folder(tmp_path / "in", {**files, **{f"2.25.{n}.txt": f"Report {n}" for n in (1, 2, 3)}})
    archive = DicomArchive(folder, TERMS)
    assert (archive.note.words, archive.note.total, archive.note.signed) == ("a DICOM folder of 3 studies", 3, False)
    found = [case.card.report for case in archive.cases(keyring, label=_label) if isinstance(case, SourceCase)]
    assert found == ["Report 1", "Report 2", "Report 3"]
    assert DicomArchive(folder, TERMS).note == archive.note
    fingerprints = {archive.note.fingerprint, DicomArchive(folder, FolderTerms("other", "CC-BY-4.0", "north")).note.fingerprint}
    (folder / "2.25.1.txt").write_text("Report 1, changed")
    fingerprints.add(DicomArchive(folder, TERMS).note.fingerprint)
    assert len(fingerprints) == 3


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image here")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadArchive):
            _ = DicomArchive(folder).note

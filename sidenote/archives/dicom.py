"""A folder of DICOM files and reports as cases: one a study that has a report and a frontal image.

Files have any names and lie anywhere in the folder. Headers are read and pixels decoded in child processes with limits. Who the
person is, is read of the header and hashed; a study whose files disagree on it is rejected, since a wrong "same person" leaks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from retrieval.archive.case_line import CaseFields, read_strictly
from retrieval.archive.cases import CaseMaker, Labeler, SourceNote
from retrieval.cards import Rejected, SourceCase
from retrieval.errors import BadArchive, BadCase
from retrieval.keys import Keyring
from sidenote.archives.consent import FolderTerms
from sidenote.archives.dicom_header import age, day, names, sex, term
from sidenote.archives.headers import Header, Unread, is_dicom, read_headers
from sidenote.archives.pictures import BURNT_IN, burnt_in, picture_of
from sidenote.archives.reports import Named, ReportLine, Wrong, read_reports

MOST_FILES = 2_000_000
_FRONTAL = ("PA", "AP")
_NO_PICTURES = frozenset({"SR", "PR", "KO", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "AU", "ECG"})
"""Modalities that accompany images, and have none a reader would look at."""


@dataclass(frozen=True)
class DicomArchive:
    """A folder of DICOM files and reports. What is in it is looked at once, when it is first asked for."""

    folder: Path
    terms: FolderTerms = field(default_factory=FolderTerms)

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        """The folder's files, sorted; links that lead out of it and hidden ones are passed over."""
        if not self.folder.is_dir():
            raise BadArchive("there is no such folder")
        root = self.folder.resolve()
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.resolve().is_relative_to(root)]
        if len(found) > MOST_FILES:
            raise BadArchive(f"more than {MOST_FILES} files in the folder")
        return tuple(path for path in found if not any(part.startswith(".") for part in path.relative_to(self.folder).parts))

    @cached_property
    def _read(self) -> tuple[tuple[Header, ...], tuple[Rejected, ...]]:
        """Headers of the DICOM files, and which were not read."""
        numbers = {path: number for number, path in enumerate(self._files, start=1)}
        headers, rejected = [], []
        for found in read_headers(path for path in self._files if is_dicom(path)):
            if isinstance(found, Unread):
                rejected.append(Rejected(found.reason, f"file {numbers[found.path]}"))
            elif not found.tag("StudyInstanceUID"):
                rejected.append(Rejected("file names no study", f"file {numbers[found.path]}"))
            else:
                headers.append(found)
        return tuple(headers), tuple(rejected)

    @cached_property
    def _studies(self) -> Mapping[str, tuple[Header, ...]]:
        """Study Instance UID -> the headers of its files, by UID."""
        grouped: dict[str, list[Header]] = {}
        for header in self._read[0]:
            grouped.setdefault(header.tag("StudyInstanceUID"), []).append(header)
        return {uid: tuple(sorted(grouped[uid], key=lambda one: one.tag("SOPInstanceUID"))) for uid in sorted(grouped)}

    @cached_property
    def note(self) -> SourceNote:
        """What is to be indexed. The fingerprint is over name, size and time of every file, and over the folder's terms.

        Raises:
            BadArchive: no such folder, no DICOM file in it, or too many files.
        """
        digest = hashlib.sha256(f"sidenote dicom folder 1\n{self.terms!r}\n".encode())
        for path in self._files:
            state = path.stat()
            digest.update(f"{path.relative_to(self.folder)!s}\0{state.st_size}\0{state.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        if not self._studies and not self._read[1]:
            raise BadArchive("there is no DICOM file in the folder")
        expected = len(self._studies) + len(self._read[1]) + len(self._reports[1])
        return SourceNote(f"a DICOM folder of {len(self._studies)} studies", digest.hexdigest(), expected)

    def cases(
        self, keyring: Keyring, *, label: Labeler | None = None, redactions: Counter[str] | None = None
    ) -> Iterator[SourceCase | Rejected]:
        """What cannot be read, in the order of the files; then the studies in the order of their UIDs, a case or rejected each.

        `Rejected.where` counts files by path and studies by UID: neither path nor UID is repeated, since both may name a person.

        Raises:
            BadArchive: as `note`.
        """
        yield from self._read[1]
        reports, unused = self._reports
        yield from unused
        maker = CaseMaker(keyring, label, redactions)
        for number, (uid, headers) in enumerate(self._studies.items(), start=1):
            try:
                yield self._case(uid, headers, reports.get(uid), maker)
            except BadCase as error:
                yield Rejected(error.reason, f"study {number}")

    @cached_property
    def _reports(self) -> tuple[dict[str, ReportLine], list[Rejected]]:
        """Study Instance UID -> its report; and reports that are nobody's."""
        numbered = ((number, path) for number, path in enumerate(self._files, start=1) if not is_dicom(path))
        found: dict[str, ReportLine] = {}
        unused = []
        for one in read_reports(numbered, self._read[0]):
            if isinstance(one, Wrong):
                unused.append(Rejected(one.reason, one.where))
                continue
            uids = self._named(one)
            if len(uids) == 1:
                found.setdefault(uids[0], one.line)
            else:
                unused.append(Rejected("report names several studies" if uids else "report names no study of the folder", one.where))
        return found, unused

    def _named(self, report: Named) -> tuple[str, ...]:
        """The studies that a report's name may mean: a UID, else an accession number."""
        name = report.names[0]
        return (name,) if name in self._studies else self._by_accession.get(name, ())

    @cached_property
    def _by_accession(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for uid, headers in self._studies.items():
            for header in headers:
                if number := header.tag("AccessionNumber"):
                    found.setdefault(number, {})[uid] = None
        return {number: tuple(uids) for number, uids in found.items()}

    def _case(self, uid: str, headers: Sequence[Header], report: ReportLine | None, maker: CaseMaker) -> SourceCase:
        if report is None:
            raise BadCase("study has no report")
        consent, licence = report.consent or self.terms.consent, report.licence or self.terms.licence
        if not consent or not licence:
            raise BadCase("consent or licence is not stated")
        person, *others = person_of(headers, self.terms.system)
        header = frontal(headers)
        taken = day(header.tag("StudyDate")) or report.as_of
        given = {
            "key": uid,
            "person": person,
            "identifiers": others,
            "study": uid,
            "as_of": taken,
            "modality": term(header.tag("Modality")),
            "body_part": term(header.tag("BodyPartExamined")),
            "view": term(header.tag("ViewPosition")),
            "age": age(header, taken),
            "sex": sex(header.tag("PatientSex")),
            "site": report.site or self.terms.site,
            "findings": report.findings,
            "report": report.report,
            "consent": consent,
            "licence": licence,
            "outcome": report.outcome,
        }
        if taken is None:
            raise BadCase("study date is missing")
        return maker.make(read_strictly(CaseFields, given), picture_of(header.path).pixels)


def person_of(headers: Sequence[Header], system: str | None) -> tuple[str, ...]:
    """Every name of the person of a study, as an index keys them: see `sidenote.archives.dicom_header.names`.

    Raises:
        BadCase: no file names a patient, or they name different ones.
    """
    numbers, issuers = ({one.tag(name) for one in headers} - {""} for name in ("PatientID", "IssuerOfPatientID"))
    if not numbers:
        raise BadCase("patient id is missing")
    if len(numbers) > 1 or len(issuers) > 1:
        raise BadCase("files of the study name different patients")
    return tuple(dict.fromkeys(name for header in headers for name in names(header, system)))


def frontal(headers: Sequence[Header]) -> Header:
    """The image of a study that says it is frontal, else the first that does not say its view; never another view.

    Raises:
        BadCase: there is none, or text is burnt into each.
    """
    pictures = [one for one in headers if one.image and one.tag("Modality") not in _NO_PICTURES]
    facing = [one for one in pictures if one.tag("ViewPosition") in (*_FRONTAL, "")]
    if not facing:
        raise BadCase("study has no frontal image" if pictures else "study has no image")
    clean = [one for one in facing if not burnt_in(one.tag("BurnedInAnnotation"))]
    if not clean:
        raise BadCase(BURNT_IN)
    return min(clean, key=lambda one: one.tag("ViewPosition") not in _FRONTAL)

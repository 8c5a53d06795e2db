"""Opens the archive that a command names: a folder of cases, a folder of DICOM files, or a FHIR source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.archives.consent import FolderTerms
from sidenote.settings import Settings

if TYPE_CHECKING:
    from retrieval.archive.cases import SourceNote
    from retrieval.cards import Rejected, SourceCase
    from retrieval.keys import Keyring

    Cases = Iterator[SourceCase | Rejected]


@dataclass(frozen=True)
class Given:
    """What was named: one of `cases`, `dicom` and `fhir`, and on what terms the last two may be used."""

    cases: Path | None = None
    dicom: Path | None = None
    fhir: str | None = None
    consent: str | None = None
    licence: str | None = None
    site: str = "unknown"
    system: str | None = None
    """`Identifier.system` of the numbers that DICOM files carry as Patient ID."""

    @property
    def terms(self) -> FolderTerms:
        """For cases that do not say it themselves."""
        return FolderTerms(self.consent, self.licence, self.site, self.system)


@dataclass(frozen=True)
class Opened:
    """An archive, looked at and not yet read."""

    note: SourceNote
    read: Callable[[Keyring, Counter[str]], Cases]
    redactions: Counter[str] = field(default_factory=Counter)
    """Grows while cases are read: how many identifiers of which kind were taken out of reports."""

    def cases(self, keyring: Keyring) -> Cases:
        """The cases, identities hashed with `keyring`; findings that the archive does not give are read of the reports."""
        return self.read(keyring, self.redactions)


def open_archive(given: Given, settings: Settings, secret: bytes | None) -> Opened:
    """Open what was named.

    Args:
        given: What was named.
        settings: Says how a FHIR server is asked.
        secret: The site's, to check the signature of a folder of cases; None takes it unsigned.

    Raises:
        retrieval.errors.BuildRefused: it cannot be read, or its signature is missing or wrong.
        fhir.errors.SourceError: a FHIR source cannot be opened.
        sidenote.errors.SettingsInvalid: the settings of its server cannot be used.
    """
    if given.cases is not None:
        return _cases(given.cases, secret)
    if given.dicom is not None:
        return _dicom(given.dicom, given.terms)
    if given.fhir is not None:
        return _fhir(given.fhir, given.terms, settings)
    raise ValueError("no archive was named")


def _cases(folder: Path, secret: bytes | None) -> Opened:
    from retrieval.archive.cases import note_archive, read_cases
    from retrieval.archive.signing import verify_signature
    from sidenote.archives.pictures import read_any_picture
    from tools.labeler import label

    if secret is not None:
        verify_signature(folder, secret)
    note = note_archive(folder, signed=secret is not None)

    def read(keyring: Keyring, redactions: Counter[str]) -> Cases:
        yield from read_cases(folder, keyring, label=label, read_picture=read_any_picture, redactions=redactions)
        if secret is not None:
            verify_signature(folder, secret)  # once more: reading takes hours, in which an image may be exchanged

    return Opened(note, read)


def _dicom(folder: Path, terms: FolderTerms) -> Opened:
    from sidenote.archives.dicom import DicomArchive
    from tools.labeler import label

    archive = DicomArchive(folder, terms)
    return Opened(archive.note, lambda ring, redactions: archive.cases(ring, label=label, redactions=redactions))


def _fhir(source: str, terms: FolderTerms, settings: Settings) -> Opened:
    from sidenote.archives.fhir import FhirArchive
    from sidenote.servers import access_of
    from tools.labeler import label

    archive = FhirArchive(source, terms, lambda base: access_of(settings.server, base))
    return Opened(archive.note, lambda ring, redactions: archive.cases(ring, label=label, redactions=redactions))

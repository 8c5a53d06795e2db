"""What is to be indexed: phantoms, or an archive of cases, with the keyring that hides who they were."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.commands.index.options import secret_of
from sidenote.settings import Settings

if TYPE_CHECKING:
    from retrieval.cards import Rejected, SourceCase
    from retrieval.keys import Keyring


@dataclass(frozen=True)
class Asked:
    """What the command line named."""

    phantoms: int | None = None
    cases: Path | None = None
    dicom: Path | None = None
    fhir: str | None = None
    seed: int | None = None
    consent: str | None = None
    licence: str | None = None
    site: str = "unknown"
    system: str | None = None
    unsigned: bool = False
    secret_file: Path | None = None

    @property
    def wrong(self) -> str:
        """What is wrong with it, in words; empty when nothing is."""
        named = [source for source in (self.phantoms, self.cases, self.dicom, self.fhir) if source is not None]
        if len(named) != 1:
            return "give one of --phantoms N, --cases FOLDER, --dicom FOLDER, --fhir SOURCE"
        if self.phantoms is not None and self.secret_file is not None:
            return "--secret-file goes with an archive: phantoms are nobody"
        if self.phantoms is None and self.seed is not None:
            return "--seed goes with --phantoms"
        if self.cases is None and self.unsigned:
            return "--unsigned goes with --cases"
        if (self.phantoms is not None or self.cases is not None) and (self.consent or self.licence):
            return "--consent and --licence go with --dicom and --fhir: each line of --cases says its own"
        return ""


Keyed = Callable[[Path, str], tuple["Keyring", "Iterable[SourceCase | Rejected]"]]
"""For the library in a folder and an encoder's fingerprint: the keyring, and the cases whose identities it hides."""


@dataclass(frozen=True)
class Source:
    """Cases on their way into an index."""

    keyed: Keyed
    total: int | None
    """How many, where it is known."""
    words: str
    fingerprint: str
    """Of what is read: a build that was killed goes on only with the same."""
    signed: bool = False
    notes: Mapping[str, int] = field(default_factory=dict)
    """What is counted while it is read, such as names that were taken out of reports."""


def phantoms(count: int, seed: int | None) -> Source:
    """Phantom studies, who are nobody."""
    from sidenote.library import PHANTOM_SEED, phantom_cases, phantom_keyring

    chosen = PHANTOM_SEED if seed is None else seed
    words = f"{count} phantom studies, seed {chosen}"
    return Source(lambda folder, encoder: (phantom_keyring(), phantom_cases(count, seed=chosen)), count, words, words)


def archive(asked: Asked, settings: Settings) -> Source:
    """The archive that was named, its identities hashed with the site's secret and the salt of the library they go to.

    Raises:
        SettingsInvalid: there is no secret.
        retrieval.errors.BuildRefused: the archive cannot be read, or its signature is missing or wrong.
        fhir.errors.SourceError: the FHIR source cannot be opened.
    """
    from retrieval.keys import Keyring
    from sidenote.archives import Given, open_archive

    secret = secret_of(asked.secret_file)
    given = Given(asked.cases, asked.dicom, asked.fhir, asked.consent, asked.licence, asked.site, asked.system)
    opened = open_archive(given, settings, None if asked.unsigned else secret)
    note = opened.note

    def keyed(folder: Path, encoder: str) -> tuple[Keyring, Iterable[SourceCase | Rejected]]:
        keyring = Keyring(secret, _salt(folder, note.fingerprint, encoder))
        return keyring, opened.cases(keyring)

    return Source(keyed, note.total, note.words, note.fingerprint, note.signed, opened.redactions)


def _salt(folder: Path, archive: str, encoder: str) -> bytes:
    """Of a build that was killed, so that it goes on; of the library in use, so that reviews keep recognising; else a new one."""
    from retrieval.building.build import salt_of, unfinished

    return unfinished(folder, archive, encoder) or salt_of(folder) or secrets.token_bytes(16)

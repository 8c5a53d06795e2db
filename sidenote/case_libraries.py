"""The case libraries of a process: the site's, and one of its own for each EHR that has one.

Nothing within a library tells tenants apart, so no two tenants share one; the phantoms, who are nobody, are shown to all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.milvus_place import MilvusPlace, milvus_place
from sidenote.servers import secret_in
from sidenote.settings import Settings, cards_url_of, site_secret

if TYPE_CHECKING:
    from agent.parts import Library
    from retrieval.cards import Encoder


@dataclass(frozen=True, slots=True)
class CaseLibraries:
    """Which library answers whom."""

    site: Library | None
    by_ehr: Mapping[str, Library]

    def of(self, ehr: str | None) -> Library | None:
        """The library of an EHR's users by its name; of whoever has none of its own, the site's."""
        return self.by_ehr.get(ehr or "", self.site)


@contextmanager
def case_libraries(settings: Settings, encoder: Encoder) -> Iterator[CaseLibraries]:
    """Every configured library, open while the context lasts. Each follows its folder to newer generations.

    Raises:
        retrieval.errors.IndexUnusable: a library is damaged, another encoder's or keyed with another secret.
        SettingsInvalid: a secret cannot be read.
    """
    with ExitStack() as stack:
        site = _site(settings, encoder, stack)
        own = {
            ehr.name: _followed(ehr.library, encoder, _secret_of(ehr.name, ehr.library_secret_file), settings, stack)
            for ehr in settings.ehr
            if ehr.library is not None and ehr.library_secret_file is not None
        }
        yield CaseLibraries(site, own)


def _secret_of(ehr: str, path: Path) -> bytes:
    return secret_in(path, f"{ehr}.library_secret_file")


def _site(settings: Settings, encoder: Encoder, stack: ExitStack) -> Library | None:
    """The site's library, or None where none was built: a review then says so."""
    from sidenote.library import PHANTOM_SECRET

    configured = site_secret(settings)
    secret = PHANTOM_SECRET if configured is None else configured  # an empty file is a mistake, not the phantoms'
    if (place := milvus_place(settings)) is not None:
        return _at_milvus(place, settings, encoder, secret, stack)
    return _followed(settings.library_folder, encoder, secret, settings, stack) if settings.library_folder.exists() else None


def _followed(folder: Path, encoder: Encoder, secret: bytes, settings: Settings, stack: ExitStack) -> Library:
    from agent.parts import Library
    from retrieval.following import Following

    cases = Following(folder, encoder.fingerprint, last_good_instead=True, cards_url=cards_url_of(settings))
    stack.callback(cases.close)
    return Library(cases, encoder, cases.keyring(secret), settings.similar_cases)


def _at_milvus(place: MilvusPlace, settings: Settings, encoder: Encoder, secret: bytes, stack: ExitStack) -> Library:
    from agent.parts import Library

    cases = place.open(encoder.fingerprint)
    stack.callback(cases.close)
    return Library(cases, encoder, cases.keyring(secret), settings.similar_cases)

"""An open index that follows its folder: when a new generation is put in place, searches go on with it, and none is dropped.

The new generation is opened and verified beside the one in use, in a thread of its own; then the two are swapped. Every search
runs from its beginning to its end on the generation it began with, which is closed when the last such search has ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.cards import Query, SearchResult
from retrieval.errors import IndexCorrupt, IndexUnusable, RetrievalError
from retrieval.generation.generations import pointer
from retrieval.generation.manifest import Manifest
from retrieval.info import IndexInfo
from retrieval.keys import Keyring
from retrieval.library import Library, open_library

EVERY = 1.0
"""Seconds between two looks at the folder."""
AGAIN = 30.0
"""Seconds after which a generation that could not be opened is tried again."""


@dataclass(slots=True)
class _Held:
    """An open generation and how many searches run on it. Changed under the lock of its `Following` alone."""

    library: Library
    users: int = 0
    retired: bool = False


class Following:
    """The library in a folder, whichever generation is in use. Safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        encoder_fingerprint: str,
        *,
        last_good_instead: bool = False,
        cards_url: str | None = None,
        every: float = EVERY,
    ) -> None:
        """Open the index in `folder` and look at it `every` so many seconds; see `retrieval.library.open_library` for the rest."""
        self._folder, self._fingerprint, self._cards_url, self._every = folder, encoder_fingerprint, cards_url, every
        library = open_library(folder, encoder_fingerprint, last_good_instead=last_good_instead, cards_url=cards_url)
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._held = _Held(library)
        self._looked = time.monotonic()
        self._refused: tuple[object, float] | None = (self._place(), self._looked) if library.notice else None
        self._closed = False

    def search(self, query: Query) -> SearchResult:
        """The cases most similar to `query` in one generation; see `retrieval.searching.search.search`.

        Cards in a database go with their generation, however open it is here: then the one that replaced it answers.
        """
        with self.lease() as library:
            try:
                return library.search(query)
            except IndexCorrupt:
                if self._place() == (library.info.folder, library.info.sha256):
                    raise
        self.look()
        with self.lease() as library:
            return library.search(query)

    def keyring(self, secret: bytes) -> Keyring:
        """See `retrieval.library.Library.keyring`. It stays the same from one generation to the next."""
        with self.lease() as library:
            return library.keyring(secret)

    @property
    def info(self) -> IndexInfo:
        """Of the generation in use."""
        return self._held.library.info

    @property
    def manifest(self) -> Manifest:
        """Of the generation in use."""
        return self._held.library.manifest

    @property
    def notice(self) -> str:
        """Set when another generation than the one put in place answers: show it."""
        return self._held.library.notice

    @contextmanager
    def lease(self) -> Iterator[Library]:
        """The generation in use, which stays open until the block ends, whatever replaces it meanwhile."""
        self._look_now_and_then()
        with self._lock:
            held = self._held
            held.users += 1
        try:
            yield held.library
        finally:
            with self._lock:
                held.users -= 1
                last = held.retired and not held.users
            if last:
                held.library.close()

    def look(self) -> None:
        """Look at the folder now, and go on with the generation it points to. One that cannot be opened changes the notice alone."""
        with self._opening:
            place = self._place()
            if self._closed:
                return
            if place == self._in_use():
                self._refused = None
                self._note("")
                return
            try:
                library = open_library(self._folder, self._fingerprint, cards_url=self._cards_url)
            except (RetrievalError, OSError) as error:
                self._keep(place, error)
            else:
                self._refused = None
                self._hold(library)

    def close(self) -> None:
        """Close the index's files once the last search has ended. No search may begin after this."""
        with self._opening:
            self._closed = True
            with self._lock:
                held = self._held
                held.retired = True
                last = not held.users
            if last:
                held.library.close()

    def _look_now_and_then(self) -> None:
        """Look at the folder in a thread, when it is time and what it points to is not what answers."""
        now = time.monotonic()
        with self._lock:
            if now - self._looked < self._every or self._closed:
                return
            self._looked = now
        place, refused = self._place(), self._refused
        wait = place == self._in_use() if refused is None else refused[0] == place and now - refused[1] < AGAIN
        if not wait and not self._opening.locked():
            threading.Thread(target=self.look, name="index generation", daemon=True).start()

    def _place(self) -> tuple[Path, str] | str:
        """(folder, hash) of the generation put in place, or the code of why that cannot be read."""
        try:
            return pointer(self._folder)
        except IndexUnusable as error:
            return error.code
        except OSError:
            return "index_storage"

    def _in_use(self) -> tuple[Path, str]:
        info = self._held.library.info
        return info.folder, info.sha256

    def _keep(self, place: object, error: Exception) -> None:
        """Go on with the generation in use, and say that the one put in place was refused."""
        self._refused = place, time.monotonic()
        code = getattr(error, "code", "index_storage")
        self._note(f"the index put in place was refused ({code}); the one of {self.manifest.built_at} answers")

    def _note(self, notice: str) -> None:
        with self._lock:
            if self._held.library.notice != notice:
                self._held.library = replace(self._held.library, notice=notice)

    def _hold(self, library: Library) -> None:
        with self._lock:
            old, self._held = self._held, _Held(library)
            old.retired = True
            last = not old.users
        if last:
            old.library.close()

"""A library that is built for one study and thrown away: by the real build, opened as a review opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluation.case_sets import CaseSet, Divided
from retrieval.building.build import build
from retrieval.cards import Encoder
from retrieval.library import Library, open_library


@contextmanager
def built(case_set: CaseSet, parts: Divided, encoder: Encoder, seen: Callable[[int], None]) -> Iterator[Library]:
    """The open library of `parts.library`; its folder is gone when the context ends. `seen` hears how many cases were taken in."""
    with TemporaryDirectory(prefix="sidenote-evaluation-") as place:
        folder = Path(place) / "library"
        build(parts.library, encoder, folder, keyring=case_set.keyring, total=len(parts.library), progress=seen, source=case_set.name)
        opened = open_library(folder, encoder.fingerprint)
        try:
            yield opened
        finally:
            opened.close()

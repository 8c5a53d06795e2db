"""A source on disk: a file or folder of bundles and NDJSON. An index says which file speaks of whom, so a chart reads few."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fhir.assemble import bare_id, chart_from
from fhir.attachments import BINARY, binary_content, inline_content, local_file, verified
from fhir.bulk.state import pulled_of
from fhir.bundles import Document, read_document
from fhir.chart import Chart
from fhir.errors import ElsewhereRefused, EmptySource, FileRejected, NotFhir, SourceError, SourceMissing, UnknownPatient
from fhir.study import IMAGE_LIMIT, ImageSource, Listed, Study

LINES = frozenset({".ndjson", ".jsonl"})
SUFFIXES = LINES | {".json"}
MAX_FILE_BYTES = 1 << 30
MAX_FILES = 100_000
_IS_FHIR = re.compile(rb'"resourceType"\s*:')
_PERSON = re.compile(rb"Patient/([A-Za-z0-9\-.]{1,64})")


@dataclass(frozen=True, slots=True)
class _Indexed:
    """One file: the patients whose own resource it holds, and everyone it speaks of; None when it cannot be read."""

    path: Path
    people: frozenset[str]
    mentioned: frozenset[str] | None


class FileSource:
    """Files and folders read as one source; a later one adds to an earlier one. Nothing is cached but the index."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        """Look that the places exist; nothing is read yet.

        Raises:
            SourceMissing: one of them does not exist.
        """
        if not all(place.exists() for place in places):
            raise SourceMissing("no such file or folder")
        self._places = places
        self._index: tuple[_Indexed, ...] | None = None

    async def patients(self) -> tuple[str, ...]:
        """See `fhir.source.Source`. A file that cannot be read is passed over here, and refused when its patient is asked for."""
        index = await asyncio.to_thread(self._indexed)
        return tuple(sorted({person for file in index for person in file.people}))

    async def chart(self, patient: str) -> Chart:
        """See `fhir.source.Source`."""
        return await asyncio.to_thread(self.read_chart, patient)

    async def images_of(self, study: Study, most: int) -> Listed:
        """See `fhir.source.Source`: those the record itself holds. What is on an image server, a file cannot ask for, and says so."""
        if study.endpoints and not study.images:
            return Listed((), ("the images are on an image server, which a file cannot ask",), (ElsewhereRefused.code,))
        return study.out_of_reach or Listed(study.images)

    async def fetch(self, image: ImageSource, limit: int = IMAGE_LIMIT) -> bytes:
        """See `fhir.source.Source`."""
        return await asyncio.to_thread(self._fetch, image, limit)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def read_chart(self, patient: str) -> Chart:
        """The chart of one patient, in this thread. Raises as `Source.chart` does."""
        wanted = bare_id(patient)
        if len(self._places) == 1 and self._places[0].is_file():
            return chart_from([_read(self._places[0])], wanted)
        index = self._indexed()
        documents = [_read(file.path) for file in index if _speaks_of(file, wanted)]
        if not documents:
            raise UnknownPatient("the source has no such patient")
        people = {person for file in index for person in file.people}
        return chart_from(documents, wanted, sole=people == {wanted}, pulled=pulled_of(self._places))

    def _indexed(self) -> tuple[_Indexed, ...]:
        if self._index is None:
            self._index = tuple(_index(path) for path in self._files())
        if not self._index:
            raise EmptySource("no FHIR file in the folder")
        return self._index

    def _files(self) -> Iterator[Path]:
        for place in self._places:
            if place.is_file():
                yield place
            else:
                yield from _fhir_files(place)

    def _fetch(self, image: ImageSource, limit: int) -> bytes:
        inline = inline_content(image, limit)
        if inline is not None:
            return verified(inline, image)
        binary = BINARY.search(image.url or "")
        if binary:
            return verified(self._binary(binary[1], limit, image), image)
        return verified(local_file(image.url or "", self._places, limit), image)

    def _binary(self, wanted: str, limit: int, image: ImageSource) -> bytes:
        for path in self._files():
            text = path.read_bytes()
            if b'"Binary"' not in text or wanted.encode() not in text:
                continue
            for item in _document(path, text).items:
                if item.local == f"Binary/{wanted}":
                    return binary_content(item.raw, limit, image)
        raise FileRejected("the source does not hold the attachment's Binary")


def _fhir_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders that can be FHIR, sorted; links that lead out of it are passed over."""
    root = folder.resolve()
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(found) > MAX_FILES:
        raise SourceError(f"more than {MAX_FILES} files in the folder")
    for path in found:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.resolve().is_relative_to(root) and _looks_like_fhir(path):
            yield path


def _looks_like_fhir(path: Path) -> bool:
    """Whether `resourceType` stands near the start: other JSON may lie beside the bundles."""
    with path.open("rb") as file:
        return _IS_FHIR.search(file.read(65536)) is not None


def _index(path: Path) -> _Indexed:
    text = path.read_bytes()
    mentioned = frozenset(match.decode() for match in _PERSON.findall(text))
    try:
        people = frozenset(item.id for item in _document(path, text, strict=False).items if item.header.resourceType == "Patient")
    except SourceError:
        return _Indexed(path, frozenset(), None)
    return _Indexed(path, people, mentioned | people)


def _speaks_of(file: _Indexed, patient: str) -> bool:
    return patient.encode() in file.path.read_bytes() if file.mentioned is None else patient in file.mentioned


def _read(path: Path) -> Document:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise SourceError("the file is larger than 1 GB", where=path.name)
    return _document(path, path.read_bytes())


def _document(path: Path, text: bytes, *, strict: bool = True) -> Document:
    lines = path.suffix.lower() in LINES
    if not lines and path.suffix.lower() not in SUFFIXES and not text.lstrip()[:1] == b"{":
        raise NotFhir("neither JSON nor NDJSON", where=path.name)
    return read_document(text, name=path.name, lines=lines, strict=strict)


def read_chart(source: Path | str | Sequence[Path | str], patient: str) -> Chart:
    """The chart of one patient from files or folders, without an event loop: for tests, benches and scripts.

    Raises as `fhir.source.Source.chart` does.
    """
    places = [source] if isinstance(source, (str, Path)) else list(source)
    return FileSource(tuple(Path(place) for place in places)).read_chart(patient)


def chart_from_bytes(text: bytes, patient: str) -> Chart:
    """Bytes of one bundle to the Chart of one patient, the path that is measured. Raises as `read_document` and `chart_from` do."""
    return chart_from([read_document(text)], patient)

"""Where charts come from: a FHIR base URL, a bundle or NDJSON file, or a folder of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from fhir.chart import Chart
from fhir.errors import SourceMissing
from fhir.study import IMAGE_LIMIT, ImageSource, Listed, Study

if TYPE_CHECKING:
    from fhir.access import Access


class Source(Protocol):
    """A place to read charts and images from. Implementations: `fhir.files.FileSource`, `fhir.server.ServerSource`."""

    async def patients(self) -> tuple[str, ...]:
        """Bare ids of the patients of the source, sorted.

        Raises:
            SourceError: the source cannot be read.
        """
        ...

    async def chart(self, patient: str) -> Chart:
        """The chart of one patient, by bare id or `Patient/id`.

        Raises:
            SourceError: the source cannot be read as FHIR R4.
            PatientError: it has no such patient, or mixes another into this one's facts.
        """
        ...

    async def images_of(self, study: Study, most: int) -> Listed:
        """Where the images of a study of this source are that are worth looking at, at most `most`; what is left out is said.

        An image server is asked when the record names one and does not list the instances itself.
        """
        ...

    async def fetch(self, image: ImageSource, limit: int = IMAGE_LIMIT) -> bytes:
        """The bytes of an attachment, at most `limit`, checked against its size and hash.

        Raises:
            FileRejected: it lies outside the source, is missing, too large, or not what size and hash say.
        """
        ...

    async def aclose(self) -> None:
        """Give back what is held open."""
        ...


def _is_base(text: str) -> bool:
    """Whether a text is a URL that can be asked: http or https, a host, a port that exists, and nothing that no URL holds."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.isascii() and text.isprintable() and " " not in text and not parts.query and not parts.fragment


def open_source(*sources: str | Path, access: Callable[[str], Access] | None = None) -> Source:
    """Open a source: one base URL, or files and folders of which a later one adds to an earlier one.

    Args:
        sources: Where the record is.
        access: How a server of this base URL is asked, when it is not asked plainly: its token, image servers, quirks, limits.

    Raises:
        SourceMissing: no such file or folder, a URL mixed with others, or one that is no base URL.
    """
    if not sources:
        raise SourceMissing("no source given")
    texts = [str(source) for source in sources]
    if not all(texts):
        raise SourceMissing("an empty text names no source")
    if any("://" in text for text in texts):
        if len(texts) > 1:
            raise SourceMissing("a server cannot be mixed with other sources")
        if not _is_base(texts[0]):
            raise SourceMissing("not the base URL of a server: http://host/path or https://host/path")
        from fhir.server import ServerSource

        return ServerSource(texts[0], access(texts[0]) if access is not None else None)
    from fhir.files import FileSource

    return FileSource(tuple(Path(text) for text in texts))

"""A source that is a FHIR server: search by type, page by page, on one origin, for one patient.

FHIR R4 http.html and search.html: `next` links are opaque, `total` may be absent, unknown parameters may be ignored in silence,
and a search may answer with more than was asked. So every answer is checked against what was asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from fhir.assemble import bare_id, chart_from
from fhir.attachments import binary_content, inline_content, verified
from fhir.bundles import Document, read_document
from fhir.chart import Chart, Pulled
from fhir.errors import AccessRefused, FileRejected, NotFhir, SourceError, UnknownPatient, Unreachable
from fhir.jsontext import loads
from fhir.release import refuse_version
from fhir.study import IMAGE_LIMIT, ImageSource
from fhir.types import PULLED_TYPES

if TYPE_CHECKING:
    import httpx

MAX_PAGES = 200
MAX_PATIENTS = 10_000
PAGE_BYTES = 64 * 1024 * 1024
_AT_ONCE = 4
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ABSENT = frozenset({400, 404, 405, 410, 501})
"""The resource is not there, or the server does not know the type or the search."""
_RELEASE = re.compile(r"fhirVersion=([\w.]+)")


@dataclass(frozen=True, slots=True)
class _Pull:
    resource_type: str
    state: Pulled
    pages: tuple[Document, ...]


class ServerSource:
    """A FHIR R4 base URL. One connection pool; `aclose` gives it back."""

    def __init__(self, base: str, *, headers: Mapping[str, str] | None = None, timeout: float = 10.0, max_pages: int = MAX_PAGES) -> None:
        """Nothing is asked yet. `headers` go to this origin only; redirects are not followed; `timeout` is in seconds."""
        import httpx

        self.base = base.rstrip("/")
        self._max_pages = max_pages
        self._client = httpx.AsyncClient(headers={"Accept": "application/fhir+json", **(headers or {})}, timeout=timeout)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._known_r4 = False

    async def aclose(self) -> None:
        """See `fhir.source.Source`."""
        await self._client.aclose()

    async def patients(self) -> tuple[str, ...]:
        """See `fhir.source.Source`. At most 10,000 patients are listed; more raise SourceError."""
        await self._require_r4()
        pull = await self._pull("Patient", f"{self.base}/Patient?_count=200")
        if pull.state != "complete":
            raise SourceError("the server does not list its patients completely")
        found = {item.id for page in pull.pages for item in page.items if item.header.resourceType == "Patient"}
        return tuple(sorted(found))

    async def chart(self, patient: str) -> Chart:
        """See `fhir.source.Source`. A type the server refuses or cuts short is marked so in the manifest."""
        wanted = bare_id(patient)
        if not _ID.fullmatch(wanted):
            raise UnknownPatient("the asked id is not a FHIR id")
        await self._require_r4()
        person = await self._read(f"{self.base}/Patient/{wanted}")
        if person is None:
            raise UnknownPatient("the server has no such patient")
        pulls = await self._pull_all(wanted)
        if not any(page.items for pull in pulls for page in pull.pages):
            pulls = await self._pull_all(f"Patient/{wanted}")
        pages = [person, *(page for pull in pulls for page in pull.pages)]
        pulled = tuple((pull.resource_type, pull.state) for pull in pulls)
        return await asyncio.to_thread(chart_from, pages, wanted, sole=True, source="server", pulled=pulled, base=self.base)

    async def fetch(self, image: ImageSource, limit: int = IMAGE_LIMIT) -> bytes:
        """See `fhir.source.Source`. Only this origin is asked."""
        inline = inline_content(image, limit)
        if inline is not None:
            return verified(inline, image)
        url = urljoin(self.base + "/", image.url or "")
        if not self._same_origin(url):
            raise FileRejected("the attachment's URL leads out of the source")
        accept = image.content_type or "*/*"
        answer = await self._get(url, limit, accept)
        if answer is None:
            raise FileRejected("the source does not hold the attachment")
        kind, data = answer
        return verified(binary_content(data, limit) if kind == "application/fhir+json" else data, image)

    async def _require_r4(self) -> None:
        if self._known_r4:
            return
        answer = await self._get(f"{self.base}/metadata", PAGE_BYTES)
        if answer is None:
            raise NotFhir("the base URL has no CapabilityStatement")
        read_document(answer[1])
        statement = loads(answer[1])
        if statement.get("resourceType") != "CapabilityStatement":
            raise NotFhir("the base URL does not answer with a CapabilityStatement")
        refuse_version(str(statement.get("fhirVersion")))
        self._known_r4 = True

    async def _pull_all(self, patient: str) -> list[_Pull]:
        """Every type; some servers want `patient=Patient/id` and find nothing, without a word, for the bare id."""
        urls = {name: f"{self.base}/{name}?patient={patient}&_count=200" for name in PULLED_TYPES}
        pulls = [asyncio.create_task(self._pull(name, url)) for name, url in urls.items()]
        try:
            return list(await asyncio.gather(*pulls))
        finally:  # one fault ends the pull: what else is under way must not outlive it
            for pull in pulls:
                pull.cancel()
            await asyncio.gather(*pulls, return_exceptions=True)

    async def _pull(self, resource_type: str, url: str) -> _Pull:
        """Every page of one search; what went wrong is its state, and only a fault of the answer itself is raised."""
        pages: list[Document] = []
        seen: set[str] = set()
        following: str | None = url
        try:
            while following is not None:
                if following in seen or len(pages) >= self._max_pages or not self._same_origin(following):
                    return _Pull(resource_type, "truncated", tuple(pages))
                seen.add(following)
                page = await self._read(following)
                if page is None:
                    return _Pull(resource_type, "failed", tuple(pages))
                pages.append(page)
                following = urljoin(following, page.next_url) if page.next_url else None
        except AccessRefused:
            return _Pull(resource_type, "refused", tuple(pages))
        except Unreachable:
            return _Pull(resource_type, "truncated" if pages else "failed", tuple(pages))
        return _Pull(resource_type, "complete", tuple(pages))

    async def _read(self, url: str) -> Document | None:
        answer = await self._get(url, PAGE_BYTES)
        return None if answer is None else await asyncio.to_thread(read_document, answer[1])

    async def _get(self, url: str, limit: int, accept: str | None = None) -> tuple[str, bytes] | None:
        """Media type and body of an answer; None for a resource or a type the server does not have.

        Raises:
            AccessRefused: 401 or 403.
            Unreachable: no answer, an answer cut off, 429 or 5xx.
            NotFhir: HTML, a redirect or another odd status.
            WrongRelease: the media type names another release.
            SourceError: more than `limit` bytes.
        """
        import httpx

        headers = {"Accept": accept} if accept else {}
        try:
            async with self._slots, self._client.stream("GET", url, headers=headers) as response:
                if response.status_code in _ABSENT:
                    return None
                _require_answer(response)
                data = bytearray()
                async for part in response.aiter_bytes():
                    data += part
                    if len(data) > limit:
                        raise SourceError("the server's answer is larger than allowed")
                return response.headers.get("content-type", "").partition(";")[0].strip(), bytes(data)
        except httpx.HTTPError as error:
            raise Unreachable("the server did not answer in time, or cut its answer off") from error

    def _same_origin(self, url: str) -> bool:
        ours, theirs = urlsplit(self.base), urlsplit(url)
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


def _require_answer(response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        raise AccessRefused("the server refused access")
    if status == 429 or status >= 500:
        raise Unreachable("the server is busy or broken")
    if status != 200:
        raise NotFhir("the server answered with a redirect or another status that is no answer")
    media_type = response.headers.get("content-type", "")
    if media_type.startswith(("text/html", "application/xhtml")):
        raise NotFhir("the server answered with an HTML page")
    release = _RELEASE.search(media_type)
    refuse_version(release[1] if release else None)

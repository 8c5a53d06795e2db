"""A source that is a FHIR server: the pull of one patient, its images from the same server or from a DICOMweb server it names.

Every answer is checked against what was asked; whose is what is decided by `fhir.assemble`, as for files.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from fhir.access import Access
from fhir.assemble import bare_id, chart_from
from fhir.attachments import binary_content, inline_content, verified
from fhir.chart import Chart
from fhir.errors import ElsewhereRefused, FileRejected, NotThere, SourceError, UnknownPatient
from fhir.jsontext import check
from fhir.rest.client import FhirClient
from fhir.rest.outcome import require_success
from fhir.rest.pull import pull
from fhir.rest.query import Query
from fhir.rest.walk import Walk
from fhir.study import IMAGE_LIMIT, ImageSource, Listed, Study
from fhir.types import ID
from fhir.wire.exchange import Ask
from fhir.wire.origins import joined, origins
from fhir.wire.wire import Wire

if TYPE_CHECKING:
    from fhir.dicomweb.client import DicomwebClient

MAX_PATIENTS = 10_000
_MEDIA_TYPE = re.compile(r"[\w.+\-]+/[\w.+*\-]+", re.ASCII)
_FHIR_JSON = ("application/fhir+json", "application/json+fhir")


class ServerSource:
    """A FHIR R4 base URL. One pool of connections; `aclose` gives it back."""

    def __init__(self, base: str, access: Access | None = None) -> None:
        """Nothing is asked yet. Only the base's own origin is asked, and the image servers that `access` names.

        Raises:
            ElsewhereRefused: the base or an image server is no URL of a plain host.
        """
        self.base = base.rstrip("/")
        self.access = access or Access()
        allowed = origins(self.base, *self.access.images, plain=self.access.plain_images)
        self.wire = Wire(
            allowed,
            authorization=self.access.authorization,
            limits=self.access.limits,
            tls=self.access.tls,
            witness=self.access.witness,
        )
        self.client = FhirClient(self.wire, self.base, quirks=self.access.quirks, max_pages=self.access.max_pages)

    async def aclose(self) -> None:
        """See `fhir.source.Source`."""
        await self.wire.aclose()
        if self.access.authorization is not None:
            await self.access.authorization.aclose()

    async def patients(self) -> tuple[str, ...]:
        """See `fhir.source.Source`. At most 10,000 patients are listed; more, or a list that may not be whole, raise SourceError."""
        await self.client.capability()
        walk, query = Walk("Patient"), Query("Patient", (("_count", str(self.access.plan.page)),))
        await walk.take(query, self.client.search(query, private=False), MAX_PATIENTS)
        if walk.state != "complete":
            raise SourceError("the server does not list its patients completely")
        return tuple(sorted({item.id for page in walk.pages for item in page.items}))

    async def chart(self, patient: str) -> Chart:
        """See `fhir.source.Source`. A type the server refuses, cuts short or does not offer is marked so in the manifest."""
        wanted = bare_id(patient)
        if not ID.fullmatch(wanted):
            raise UnknownPatient("the asked id is not a FHIR id")
        try:
            pulled = await pull(self.client, wanted, self.access.plan)
        except NotThere:
            raise UnknownPatient("the server has no such patient") from None
        return await asyncio.to_thread(
            chart_from,
            pulled.documents,
            wanted,
            sole=True,
            source="server",
            pulled=tuple((one.resource_type, one.state) for one in pulled.asked),
            asks=pulled.asked,
            base=self.base,
            notes=pulled.notes,
        )

    async def images_of(self, study: Study, most: int) -> Listed:
        """See `fhir.source.Source`."""
        from fhir.dicomweb.listing import listed

        return study.out_of_reach or await listed(self._images_at, study, most)

    async def fetch(self, image: ImageSource, limit: int = IMAGE_LIMIT) -> bytes:
        """See `fhir.source.Source`. Only allowed origins are asked, and what comes is checked against size and hash."""
        inline = inline_content(image, limit)
        if inline is not None:
            return verified(inline, image)
        try:
            if image.instance is not None:
                return verified(await self._images_at(image.instance.address).fetch(image.instance, limit), image)
            return verified(await self._attachment(image, limit), image)
        except ElsewhereRefused:
            raise FileRejected("the attachment's URL leads out of the source") from None

    def _images_at(self, address: str) -> DicomwebClient:
        """A client of the DICOMweb service at an address of the record.

        Raises:
            ElsewhereRefused: its origin is not on the list.
        """
        from fhir.dicomweb.client import DicomwebClient

        self.wire.origins.require(address)
        return DicomwebClient(self.wire, address)

    async def _attachment(self, image: ImageSource, limit: int) -> bytes:
        url = joined(self.base + "/", image.url or "")
        # unpacked text of a Binary in JSON is a third longer than what it holds
        declared = (image.content_type or "").partition(";")[0].strip()
        accept = declared if _MEDIA_TYPE.fullmatch(declared) else "*/*"
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        try:
            answer = require_success(await self.wire.ask(Ask("GET", url, headers, limit=limit + limit // 2 + 4096)))
        except NotThere:
            raise FileRejected("the source does not hold the attachment") from None
        if answer.media_type in _FHIR_JSON:
            check(answer.body)
            return binary_content(answer.body, limit, image)
        if len(answer.body) > limit:
            raise FileRejected("the attachment is larger than allowed")
        return answer.body

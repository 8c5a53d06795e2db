"""A DICOMweb server, asked through a `fhir.wire.Wire`.

Every URL is made here from the server's base. What an answer gives as RetrieveURL or BulkDataURI is never asked: servers behind a
proxy write their inner name into it, and a hostile one could write any. Every question says what it accepts: servers differ in
what they send to those who do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fhir.dicomweb.attributes import Attributes, read_attributes
from fhir.dicomweb.multipart import parts_of
from fhir.dicomweb.query import StudyQuery, answers, query_string, uid_of
from fhir.errors import AccessRefused, FileRejected, NotDicomweb, NotThere, RequestRefused, SourceError
from fhir.study import IMAGE_LIMIT, Instance
from fhir.wire.exchange import Answer, Ask
from fhir.wire.wire import Wire

DICOM_JSON = "application/dicom+json"
STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""As it was stored: nothing is transcoded on the way (PS3.18 8.7.3.5.2)."""
ANY_SYNTAX = 'multipart/related; type="application/dicom"'
FRAMES = 'multipart/related; type="application/octet-stream"'
PAGE = 200
MOST_FOUND = 5_000
METADATA_BYTES = 32 * 1024 * 1024
_REFUSED = {
    400: "the image server does not understand the question",
    406: "the image server does not have it in a form that can be read here",
    409: "the image server does not take the question now",
    413: "the image server finds its own answer too large",
    414: "the image server finds the question too long",
    415: "the image server does not take the form of the question",
    501: "the image server cannot do that",
}
_DICOM = frozenset({"application/dicom", "application/octet-stream", ""})

Picture = Literal["image/jpeg", "image/png"]


@dataclass(frozen=True, slots=True)
class Found:
    """Matches of a query, and whether there are more than could be had."""

    matches: tuple[Attributes, ...]
    truncated: bool = False
    """The server holds more (status 206, Warning 299, or more than is taken) and would not show them."""
    foreign: int = 0
    """Answers left out because they do not fit the question."""


class DicomwebClient:
    """One server. It holds no connection of its own: the wire does, and closes it."""

    def __init__(self, wire: Wire, base: str) -> None:
        """`base` is the address under which `/studies` stands."""
        self._wire, self._base = wire, base.rstrip("/")

    async def studies(self, query: StudyQuery) -> Found:
        """The studies that fit (QIDO-RS, PS3.18 10.6).

        `PatientID` and `AccessionNumber` stand in the query of a URL, and so in the server's log: DICOMweb has no other place.

        Raises:
            RequestRefused: the server does not take the question, or a UID is none.
            AccessRefused, NotDicomweb, Unreachable, ElsewhereRefused: see `fhir.errors`.
        """
        return await self._search("studies", "/studies", query.parameters())

    async def series(self, study_uid: str, modality: str | None = None) -> Found:
        """The series of a study, those of one modality when it is given. Raises as `studies` does."""
        path = f"/studies/{uid_of(study_uid)}/series"
        return await self._search("series", path, {} if modality is None else {"Modality": modality})

    async def instances(self, study_uid: str, series_uid: str | None = None) -> Found:
        """The instances of a study, or of one of its series. Raises as `studies` does."""
        inner = f"/series/{uid_of(series_uid)}" if series_uid is not None else ""
        return await self._search("instances", f"/studies/{uid_of(study_uid)}{inner}/instances", {})

    async def metadata(
        self, study_uid: str, series_uid: str | None = None, instance_uid: str | None = None, limit: int = METADATA_BYTES
    ) -> tuple[Attributes, ...]:
        """Everything but the pixels of a study, a series or an instance, one data set an instance (PS3.18 10.4).

        Raises:
            NotThere: the server does not hold it.
            RequestRefused, AccessRefused, NotDicomweb, Unreachable, ElsewhereRefused: see `fhir.errors`.
        """
        path = _path(study_uid, series_uid, instance_uid) + "/metadata"
        answer = _require(await self._wire.ask(Ask("GET", self._base + path, {"Accept": DICOM_JSON}, limit=limit)))
        return read_attributes(answer.body) if answer.status != 204 else ()

    async def instance(self, study_uid: str, series_uid: str, instance_uid: str, limit: int = IMAGE_LIMIT) -> bytes:
        """The DICOM file of one instance, as it was stored, or as the server sends it when it cannot send it so.

        Raises:
            NotThere: the server does not hold it.
            FileRejected: more than `limit` bytes.
            RequestRefused, AccessRefused, NotDicomweb, Unreachable, ElsewhereRefused: see `fhir.errors`.
        """
        path = _path(study_uid, series_uid, instance_uid)
        answer = await self._get(path, STORED, limit)
        if answer.status in (400, 406):
            answer = await self._get(path, ANY_SYNTAX, limit)
        (data,) = _bodies(answer, 1, _DICOM)
        return data

    async def fetch(self, instance: Instance, limit: int = IMAGE_LIMIT) -> bytes:
        """As `instance` does. Its address is not looked at: this client has one server."""
        return await self.instance(instance.study_uid, instance.series_uid, instance.instance_uid, limit)

    async def frames(
        self, study_uid: str, series_uid: str, instance_uid: str, numbers: Sequence[int], limit: int = IMAGE_LIMIT
    ) -> tuple[bytes, ...]:
        """The pixels of frames, counted from 1, uncompressed little endian as PS3.18 8.7.3.3.2 has them, in the order asked.

        Raises as `instance` does.
        """
        path = f"{_path(study_uid, series_uid, instance_uid)}/frames/{','.join(str(_whole(number)) for number in numbers)}"
        return _bodies(await self._get(path, FRAMES, limit), len(numbers), _DICOM)

    async def rendered(
        self,
        study_uid: str,
        series_uid: str,
        instance_uid: str,
        *,
        form: Picture = "image/png",
        viewport: tuple[int, int] | None = None,
        frame: int | None = None,
        limit: int = IMAGE_LIMIT,
    ) -> bytes:
        """A picture as the server draws it: its windowing, not ours, and no identity in it (PS3.18 10.4.1.1.3).

        Args:
            study_uid: Of the study.
            series_uid: Of the series.
            instance_uid: Of the instance.
            form: What is accepted.
            viewport: (width, height) in pixels that it must fit into.
            frame: Which of several, counted from 1; None: as the server chooses.
            limit: Bytes at most.

        Raises as `instance` does; FileRejected also when the picture is none of the asked form.
        """
        inner = f"/frames/{_whole(frame)}" if frame is not None else ""
        size = f"?viewport={_whole(viewport[0])},{_whole(viewport[1])}" if viewport else ""
        path = f"{_path(study_uid, series_uid, instance_uid)}{inner}/rendered{size}"
        (data,) = _bodies(await self._get(path, form, limit), 1, frozenset({form}))
        if not data.startswith(b"\xff\xd8\xff" if form == "image/jpeg" else b"\x89PNG\r\n\x1a\n"):
            raise FileRejected("the image server's picture is not of the form it says")
        return data

    async def _get(self, path: str, accept: str, limit: int) -> Answer:
        # the limit is of the file: the lines of a multipart answer come on top of it
        headers = {"Accept": accept, "Accept-Encoding": "identity"}  # a server packs pixels slower than a network carries them
        ask = Ask("GET", self._base + path, headers, limit=limit + 64 * 1024)
        try:
            return await self._wire.ask(ask)
        except SourceError as error:
            if type(error) is SourceError:
                raise FileRejected("the image is larger than allowed") from error
            raise

    async def _search(self, level: str, path: str, parameters: Mapping[str, str]) -> Found:
        """Page by page, until a page is empty or short. Servers cap pages on their own, and some do not know `offset`."""
        seen: dict[tuple[str, ...], Attributes] = {}
        offset, truncated = 0, False
        while True:
            page, warned = await self._page(f"{path}?{query_string(level, parameters, PAGE, offset)}")
            before, offset = len(seen), offset + len(page)
            seen.update((_key(one), one) for one in page)
            if not page or (len(page) < PAGE and not warned):
                break
            if len(seen) == before or offset >= MOST_FOUND:
                truncated = True
                break
        matches = tuple(one for one in seen.values() if answers(one, parameters))
        return Found(matches, truncated, len(seen) - len(matches))

    async def _page(self, path_and_query: str) -> tuple[tuple[Attributes, ...], bool]:
        """One page, and whether the server says that there is more: by status 206 or a Warning of 299 (PS3.18 8.3.4.4)."""
        answer = await self._wire.ask(Ask("GET", self._base + path_and_query, {"Accept": DICOM_JSON}, limit=METADATA_BYTES))
        if answer.status == 204:
            return (), False
        warned = answer.status == 206 or answer.headers.get("warning", "").lstrip().startswith("299")
        return read_attributes(_require(answer).body), warned


def _key(found: Attributes) -> tuple[str, ...]:
    return tuple(found.text(keyword) for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))


def _path(study_uid: str, series_uid: str | None, instance_uid: str | None) -> str:
    inner = f"/series/{uid_of(series_uid)}" if series_uid is not None else ""
    innermost = f"/instances/{uid_of(instance_uid)}" if instance_uid is not None else ""
    return f"/studies/{uid_of(study_uid)}{inner}{innermost}"


def _whole(number: int) -> int:
    if number < 1:
        raise RequestRefused("frames and sizes are counted from 1")
    return int(number)


def _bodies(answer: Answer, number: int, types: frozenset[str]) -> tuple[bytes, ...]:
    """The bodies of exactly so many parts of these media types."""
    parts = parts_of(_require(answer), most=number)
    if len(parts) != number or answer.status == 204:
        raise NotThere("the image server sent less than it was asked for")
    if any(part.media_type not in types for part in parts):
        raise NotDicomweb("the image server answered with something else than was asked for")
    return tuple(part.body for part in parts)


def _require(answer: Answer) -> Answer:
    """The answer when it is one.

    Raises:
        AccessRefused: 401, 403.
        NotThere: 404, 410.
        RequestRefused: 400, 406, 413 and their kin: the server does not take the question.
        NotDicomweb: a redirect, an HTML page, any other status.
    """
    status = answer.status
    if status in (401, 403):
        raise AccessRefused("the image server refused access")
    if status in (404, 410):
        raise NotThere("the image server does not have it")
    if status in _REFUSED:
        raise RequestRefused(_REFUSED[status])
    if status not in (200, 204, 206):
        raise NotDicomweb("the image server answered with a redirect or another status that is no answer")
    if answer.media_type in ("text/html", "application/xhtml+xml"):
        raise NotDicomweb("the image server answered with an HTML page")
    return answer

"""The image server over HTTP: QIDO-RS and WADO-RS under `/dicomweb`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from pydicom.dataset import Dataset
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.ehr.access import SEARCH, Access
from sandbox.ehr.dicomweb.accepting import parts_or_one, picture_type, require_json
from sandbox.ehr.dicomweb.images import Image
from sandbox.ehr.dicomweb.multipart import multipart
from sandbox.ehr.dicomweb.pixels import frame_bytes, frame_numbers, read_view, rendered
from sandbox.ehr.dicomweb.query import Level, matches, read_question
from sandbox.ehr.dicomweb.reach import reached, require_images
from sandbox.ehr.hospital import Handler, Hospital, guarded
from sandbox.ehr.outcome import Refusal

_DICOM, _PIXELS = "application/dicom", "application/octet-stream"
_STUDY = "/studies/{study}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"


def dicomweb_routes(hospital: Hospital) -> list[BaseRoute]:
    """All resources; a more particular path stands before a more general one."""
    handlers: dict[str, Handler] = {
        "/studies": search,
        "/series": search,
        "/instances": search,
        f"{_STUDY}/series": search,
        f"{_STUDY}/instances": search,
        f"{_SERIES}/instances": search,
        f"{_STUDY}/metadata": metadata,
        f"{_SERIES}/metadata": metadata,
        f"{_INSTANCE}/metadata": metadata,
        f"{_INSTANCE}/rendered": picture,
        f"{_INSTANCE}/frames/{{frames}}": frames,
        f"{_INSTANCE}/frames/{{frames}}/rendered": picture,
        _STUDY: files,
        _SERIES: files,
        _INSTANCE: files,
    }
    return [Route(f"/dicomweb{path}", guarded(hospital, handler, negotiates=False), methods=["GET"]) for path, handler in handlers.items()]


async def search(hospital: Hospital, request: Request, access: Access) -> Response:
    """QIDO-RS: 200 with the matches, 204 with none; a Warning where there are more than one answer holds (PS3.18, 8.3.4.4)."""
    level = cast(Level, request.url.path.rpartition("/")[2])
    within = reached(hospital.images, hospital.store, access, SEARCH)
    require_json(request)
    asked = read_question(level, request.query_params.multi_items())
    place = request.path_params
    held = [image for image in hospital.images if image.study in within and _at(image, place)]
    found, total = matches(held, asked)
    more = total - asked.offset - len(found)
    warnings = [f'299 {hospital.dicomweb} "There are {more} additional results that can be requested"'] if found and more > 0 else []
    if asked.fuzzy:
        warnings.append(
            f'299 {hospital.dicomweb} "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
        )
    headers = {"Warning": ", ".join(warnings)} if warnings else {}
    if not found:
        return Response(status_code=204, headers=headers)
    for each in found:
        each.RetrieveURL = _address(hospital, each)
    return _json(found, headers)


def _at(image: Image, place: Mapping[str, str]) -> bool:
    return place.get("study") in (None, image.study) and place.get("series") in (None, image.series)


def _address(hospital: Hospital, told: Dataset) -> str:
    named = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}
    return hospital.dicomweb + "".join(f"/{part}/{told[keyword].value}" for part, keyword in named.items() if keyword in told)


async def metadata(hospital: Hospital, request: Request, access: Access) -> Response:
    """Everything but the pixels, one data set an instance (PS3.18, 10.4.1.1.2)."""
    found = require_images(hospital.images, hospital.store, access, request.path_params)
    require_json(request)
    return _json([image.header for image in found])


async def files(hospital: Hospital, request: Request, access: Access) -> Response:
    """The files of a study, a series or an instance, to the byte as they came."""
    found = require_images(hospital.images, hospital.store, access, request.path_params)
    syntaxes = frozenset(image.transfer_syntax for image in found)
    if parts_or_one(request, _DICOM, syntaxes):
        return multipart(_DICOM, (image.data for image in found))
    if len(found) > 1:
        raise Refusal(406, "several instances come as multipart/related")
    return Response(found[0].data, media_type=_DICOM, headers={"Cache-Control": "no-store"})


async def frames(hospital: Hospital, request: Request, access: Access) -> Response:
    """Frames, uncompressed."""
    (image,) = require_images(hospital.images, hospital.store, access, request.path_params)
    numbers = frame_numbers(request.path_params["frames"], image)
    bodies = frame_bytes(image, numbers)
    if parts_or_one(request, _PIXELS, frozenset((image.transfer_syntax,))):
        return multipart(_PIXELS, bodies, f"{_PIXELS}; transfer-syntax={image.transfer_syntax}")
    if len(bodies) > 1:
        raise Refusal(406, "several frames come as multipart/related")
    return Response(bodies[0], media_type=_PIXELS, headers={"Cache-Control": "no-store"})


async def picture(hospital: Hospital, request: Request, access: Access) -> Response:
    """A frame as JPEG or PNG: of an instance the first."""
    (image,) = require_images(hospital.images, hospital.store, access, request.path_params)
    type_ = picture_type(request)
    view = read_view(request.query_params)
    numbers = frame_numbers(request.path_params.get("frames", "1"), image)
    if len(numbers) > 1:
        raise Refusal(406, "one frame makes one picture")
    return Response(rendered(image, view, type_, numbers[0]), media_type=type_, headers={"Cache-Control": "no-store"})


def _json(found: list[Dataset], headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps([each.to_json_dict() for each in found])
    return Response(content, media_type="application/dicom+json", headers={"Cache-Control": "no-store", **(headers or {})})

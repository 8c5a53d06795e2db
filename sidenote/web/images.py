"""Pixels for the viewer: of the study that was reviewed, and of earlier ones, fetched when they are asked for.

A body holds rows * columns unsigned 16-bit numbers, little endian, row by row, 0 black and 65535 white. Their number is in the
headers `Image-Rows` and `Image-Columns`; the longer side has at most 1,024. `Image-Identity` says of an earlier image whether it carries
the patient's identity: `match`, or `unknown` where it does not say whose it is. (What is said of the study's own is in the review.)
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from agent.asking import frontal
from agent.nodes.study import pictures_of
from fhir.errors import WrongPatientImage
from fhir.study import Picture
from sidenote.render.picture import fitted
from sidenote.web.bearer import RunOf, SessionOf
from sidenote.web.encoding import takes_gzip
from sidenote.web.errors import ImageUnavailable, NotFound
from sidenote.web.running import Run
from sidenote.web.view.study import priors_of

router = APIRouter(prefix="/api/reviews/{review_id}", tags=["images"])
MEDIA_TYPE = "application/octet-stream"
_LEVEL = 1
"""Of gzip: pixels of 16 bits hardly shrink further with more, and a page waits for them."""
_PIXELS: dict[int | str, Any] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}
Accepted = Annotated[str, Header(alias="Accept-Encoding")]


@router.get("/images/{sha256}", response_class=Response, responses=_PIXELS)
async def image(run: RunOf, sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], accept_encoding: Accepted = "") -> Response:
    """An image of the study, once the review was shown. Of an image of somebody else there are no pixels."""
    pictures = run.require_shown().finished.pictures
    found = next((picture for picture in pictures if picture.sha256 == sha256), None)
    if found is None:
        raise NotFound
    return await _sent(run, found, accept_encoding)


@router.get("/priors/{number}", response_class=Response, responses=_PIXELS)
async def prior(run: RunOf, session: SessionOf, number: Annotated[int, Path(ge=1, le=99)], accept_encoding: Accepted = "") -> Response:
    """The frontal image of an earlier study, else its first. It is fetched with the session's token and compared with the patient."""
    finished = run.require_shown().finished
    studies = priors_of(finished)
    if number > len(studies):
        raise NotFound
    seen = await pictures_of(finished.snapshot.chart, studies[number - 1], session.source)
    if WrongPatientImage.code in seen.facts.refused:
        raise WrongPatientImage("the image of the earlier study carries another patient's identity")
    found = frontal(seen.pictures) or next(iter(seen.pictures), None)
    if found is None:
        raise ImageUnavailable("the image of the earlier study cannot be had")
    identity = "unknown" if seen.facts.identity is None else seen.facts.identity.outcome
    return await _sent(run, found, accept_encoding, {"Image-Identity": identity})


async def _sent(run: Run, picture: Picture, accept_encoding: str, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    squeezed = takes_gzip(accept_encoding)
    rows, columns, body = await asyncio.to_thread(encoded, picture, squeezed=squeezed)
    run.require_shown()  # it may have ended meanwhile, and then nothing of it is sent
    headers = {"Image-Rows": str(rows), "Image-Columns": str(columns), "Vary": "Accept-Encoding", **more}
    return Response(body, headers=headers | ({"Content-Encoding": "gzip"} if squeezed else {}), media_type=MEDIA_TYPE)


def encoded(picture: Picture, *, squeezed: bool) -> tuple[int, int, bytes]:
    """Rows, columns and the body. Takes tens of milliseconds: call it in a thread."""
    pixels = fitted(picture.pixels)
    body = np.round(pixels * 65_535).astype("<u2").tobytes()
    rows, columns = pixels.shape
    return rows, columns, gzip.compress(body, _LEVEL, mtime=0) if squeezed else body

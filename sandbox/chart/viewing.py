"""The endpoints that show: the entrance, the patient list, a chart, its images, and the files of the pages."""

from __future__ import annotations

import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from fhir.errors import RecordError
from sandbox.chart.desk import Desk, NotHere
from sandbox.chart.files import file
from sandbox.chart.imaging import picture
from sandbox.chart.pictures import SIDES


class Viewing:
    """Show what a desk has."""

    def __init__(self, desk: Desk) -> None:
        """Of `desk`."""
        self.desk = desk

    async def entrance(self, request: Request) -> Response:
        """The page where people sign in."""
        return HTMLResponse(self.desk.pages.entrance(self.desk.users))

    async def patients(self, request: Request) -> Response:
        """The patient list."""
        frame = self.desk.frame(self.desk.signed_in(request))
        return HTMLResponse(self.desk.pages.patients(frame, self.desk.rows()))

    async def chart(self, request: Request) -> Response:
        """One patient's chart."""
        frame = self.desk.frame(self.desk.signed_in(request))
        return HTMLResponse(self.desk.pages.chart(frame, self.desk.chart(request), self.desk.rows()))

    async def image(self, request: Request) -> Response:
        """An image of a study, small or large."""
        self.desk.signed_in(request)
        size, number = request.path_params["size"], int(request.path_params["number"])
        source = picture(self.desk.chart(request), str(request.path_params["study"]), number)
        held = self.desk.held(source) if source is not None and size in SIDES else None
        if held is None:
            raise NotHere
        try:
            png = await run_in_threadpool(self.desk.pictures.png, held, size)
        except RecordError as error:
            raise NotHere from error
        return Response(png, media_type="image/png")

    async def server(self, request: Request) -> Response:
        """How the server misbehaves at present."""
        self.desk.signed_in(request)
        return JSONResponse({"sentences": list(self.desk.misbehaviour.plan.sentences)})

    async def file(self, request: Request) -> Response:
        """A script or style. Nothing in it is of a patient, so that no session is needed."""
        found = file(str(request.path_params["name"]))
        if found is None:
            raise NotHere
        content, kind = found
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

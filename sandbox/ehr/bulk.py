"""Bulk Data over HTTP: kick-off, status, files, abort (Bulk Data Access 2.0, export)."""

from __future__ import annotations

import gzip
import secrets
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.ehr.access import READ, Access
from sandbox.ehr.export import ExportFile, export_files, read_kickoff
from sandbox.ehr.hospital import Hospital, guarded
from sandbox.ehr.negotiation import media_type
from sandbox.ehr.operation import operation_input
from sandbox.ehr.outcome import Refusal, refused
from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.references import local, values
from sandbox.ehr.searching import preference
from sandbox.ehr.store import instant

_NDJSON = "application/fhir+ndjson"
_FILE_TYPES = frozenset((_NDJSON, "application/ndjson", "application/*", "*/*"))
_DAY = 86_400


@dataclass
class Job:
    """An export that was kicked off."""

    holder: str
    request_url: str
    transaction_time: str
    files: tuple[ExportFile, ...]
    polls_left: int
    polls: int
    last_poll: float = float("-inf")


class Exports:
    """The jobs of a hospital and their endpoints."""

    def __init__(self, hospital: Hospital) -> None:
        """Export from `hospital`."""
        self.hospital = hospital
        self.jobs: dict[str, Job] = {}

    async def system(self, hospital: Hospital, request: Request, access: Access) -> Response:
        """Kick off the export of everything."""
        return await self._kick_off(request, access, None)

    async def patient(self, hospital: Hospital, request: Request, access: Access) -> Response:
        """Kick off the export of all patients' compartments."""
        return await self._kick_off(request, access, frozenset(each.id for each in hospital.store.of_type("Patient")))

    async def group(self, hospital: Hospital, request: Request, access: Access) -> Response:
        """Kick off the export of a group's members."""
        group = hospital.store.current(f"Group/{request.path_params['id']}")
        if group is None:
            raise Refusal(404, "no such group")
        access.require_sight(READ, group)
        members = [local(str(each), hospital.base) or "" for each in values(group.body, "member.entity.reference")]
        return await self._kick_off(request, access, frozenset(each.removeprefix("Patient/") for each in members))

    async def _kick_off(self, request: Request, access: Access, patients: frozenset[str] | None) -> Response:
        if preference(request, "respond-async") is None:
            raise Refusal(400, "an export needs Prefer: respond-async")
        pairs = await operation_input(request)
        if request.method == "GET" and any(name == "patient" for name, _ in pairs):
            raise Refusal(400, "the parameter patient goes with POST only")
        store, config = self.hospital.store, self.hospital.config
        offered = frozenset(PARAMETERS) - config.without
        lenient = preference(request, "handling") == "lenient"
        asked = read_kickoff(pairs, access, patients=patients, offered=offered, lenient=lenient)
        moment = instant(store.clock())
        files = export_files(store, asked, access, config.bulk.resources_a_file)
        name = secrets.token_urlsafe(16)
        url = f"{self.hospital.origin}{request.url.path}" + (f"?{request.url.query}" if request.url.query else "")
        self.jobs[name] = Job(access.holder, url, moment, files, config.bulk.polls, config.bulk.polls)
        return Response(status_code=202, headers={"Content-Location": f"{self.hospital.base}/_export/{name}"})

    def _job(self, request: Request, holder: str | None) -> Job:
        job = self.jobs.get(request.path_params["job"])
        if job is None or holder not in (None, job.holder):
            raise Refusal(404, "no such export")
        return job

    async def status(self, hospital: Hospital, request: Request, access: Access) -> Response:
        """202 until the export is ready, then its manifest; 429 for a client that cannot wait."""
        job, config = self._job(request, access.holder), self.hospital.config.bulk
        now = time.monotonic()
        waited, job.last_poll = now - job.last_poll, now
        if waited < config.least_seconds_between_polls:
            raise Refusal(429, "polled too soon", {"Retry-After": str(config.retry_after)})
        if job.polls_left > 0:
            job.polls_left -= 1
            done = f"{job.polls - job.polls_left} of {job.polls + 1} steps"
            return Response(status_code=202, headers={"X-Progress": done, "Retry-After": str(config.retry_after)})
        return JSONResponse(self._manifest(request, job), headers={"Expires": formatdate(time.time() + _DAY, usegmt=True)})

    def _manifest(self, request: Request, job: Job) -> dict[str, Any]:
        listed: dict[str, list[dict[str, Any]]] = {"output": [], "deleted": [], "error": []}
        for each in job.files:
            url = f"{self.hospital.base}/_export/{request.path_params['job']}/{each.name}"
            listed[each.kind].append({"type": each.type, "url": url, "count": each.count})
        return {
            "transactionTime": job.transaction_time,
            "request": job.request_url,
            "requiresAccessToken": self._files_need_token(),
            **listed,
        }

    def _files_need_token(self) -> bool:
        return self.hospital.config.requires_token and self.hospital.config.bulk.needs_token

    async def abort(self, hospital: Hospital, request: Request, access: Access) -> Response:
        """Forget an export and its files: 202, and 404 from then on."""
        self._job(request, access.holder)
        del self.jobs[request.path_params["job"]]
        return Response(status_code=202)

    async def file(self, request: Request) -> Response:
        """One NDJSON file, compressed if the client can read that.

        Where no token is needed one is refused, as stores with signed URLs do: a client that sends it anywhere gives it away.
        """
        try:
            return self._file(request)
        except Refusal as refusal:
            return refused(refusal)

    def _file(self, request: Request) -> Response:
        holder = None
        if self._files_need_token():
            holder = self.hospital.access(request).holder
        elif self.hospital.config.requires_token and "authorization" in request.headers:
            raise Refusal(400, "files are fetched without a token: see requiresAccessToken")
        if not any(media_type(each) in _FILE_TYPES for each in request.headers.get("accept", "*/*").split(",")):
            raise Refusal(406, f"files are {_NDJSON}")
        found = next((each for each in self._job(request, holder).files if each.name == request.path_params["name"]), None)
        if found is None:
            raise Refusal(404, "no such file")
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(found.text, media_type=_NDJSON)
        return Response(gzip.compress(found.text, 1), media_type=_NDJSON, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


def bulk_routes(hospital: Hospital) -> list[BaseRoute]:
    """The endpoints of Bulk Data under the FHIR base."""
    exports = Exports(hospital)
    kick_offs = {"/$export": exports.system, "/Patient/$export": exports.patient, "/Group/{id}/$export": exports.group}
    return [
        *(Route(f"/fhir{path}", guarded(hospital, handler), methods=["GET", "POST"]) for path, handler in kick_offs.items()),
        Route("/fhir/_export/{job}", guarded(hospital, exports.status, negotiates=False), methods=["GET"]),
        Route("/fhir/_export/{job}", guarded(hospital, exports.abort, negotiates=False), methods=["DELETE"]),
        Route("/fhir/_export/{job}/{name}", exports.file, methods=["GET"]),
    ]

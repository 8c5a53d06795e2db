"""The demo's server: the pretend hospital, its chart and Sidenote at one address of this machine, launched by SMART and by nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.chart.routes import chart_routes
from sandbox.chart.staff import CLINICIANS
from sandbox.chart.ward import ward
from sandbox.ehr.app import hospital_routes
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.config import Config
from sandbox.ehr.hospital import Hospital
from sandbox.patients.story import CLOCK, Story
from sidenote.decisions.write_back import needed_scopes
from sidenote.ehrs import READ_SCOPES, Ehr
from sidenote.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from sidenote.web.parts import WebParts

EHR_NAME = "pretend"
CLIENT_ID = "sidenote"
MOUNT = "/sidenote"
SCOPES = f"{READ_SCOPES} {needed_scopes()}"
"""To read the one patient that is open, and to write what an approved draft consists of."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is ready to be served at `origin`."""

    app: Starlette
    hospital: Hospital
    parts: WebParts


def demo_settings(home: Path, origin: str) -> Settings:
    """The configuration of the demo's Sidenote; what the user has configured elsewhere says nothing here but for its models."""
    ehr = Ehr(
        name=EHR_NAME,
        title="Pretend hospital",
        iss=f"{origin}/fhir",
        client_id=CLIENT_ID,
        scopes=SCOPES,
        images=(f"{origin}/dicomweb",),
        write_back=True,
    )
    return Settings(home=home, ehr=(ehr,), public_url=f"{origin}{MOUNT}", serve_image_model=True)


def demo_hospital(told: tuple[Story, ...], files: Path, origin: str) -> Hospital:
    """The hospital at `origin`, with the images of `files`, that has registered Sidenote as a public client.

    `$everything` is not offered, as in most hospitals to an app of one patient: so that a type that is refused is refused.
    """
    client = Client(CLIENT_ID, "public", SCOPES, (f"{origin}{MOUNT}/callback/{EHR_NAME}",), name="Sidenote", trusted=True)
    config = Config(requires_token=True, everything=False, clients=(client,), users=CLINICIANS)
    return ward(told, origin, config, file_of=lambda image: (files / image.path).read_bytes())


@asynccontextmanager
async def demo_app(settings: Settings, told: tuple[Story, ...], files: Path, origin: str) -> AsyncIterator[Demo]:
    """Hospital, chart and Sidenote as one application, ready while the context lasts.

    Args:
        settings: Of `demo_settings`.
        told: The stories whose patients are in the hospital.
        files: The folder of their images.
        origin: Scheme, host and port where it will be served.

    Raises:
        As `sidenote.web.serving.web_parts`.
    """
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from sidenote.web.app import create_app
    from sidenote.web.serving import web_parts

    hospital = demo_hospital(told, files, origin)
    titles = {story.person.id: story.title for story in told}
    async with web_parts(settings, now=lambda: CLOCK) as parts:
        chart = chart_routes(hospital, launch_url=lambda: f"{origin}{MOUNT}/launch", now=lambda: CLOCK, stories=titles)
        app = Starlette(routes=[*chart, Mount(MOUNT, create_app(parts)), *hospital_routes(hospital)])
        app.router.redirect_slashes = False
        yield Demo(app, hospital, parts)

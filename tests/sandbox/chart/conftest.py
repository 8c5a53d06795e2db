"""A small ward with a chart page in front of it, served on loopback, and a browser's client that is signed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from sandbox.chart.documents import is_image_file
from sandbox.chart.routes import chart_routes
from sandbox.chart.staff import CLINICIANS, practitioners
from sandbox.ehr.app import hospital_routes
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.config import Config
from sandbox.ehr.dicomweb.endpoint import name_images
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients import chests, contrast
from sandbox.patients.hospital import image_file
from sandbox.patients.story import CLOCK

Body = dict[str, Any]
APP = "http://127.0.0.1:9"
"""Where the app would be: nothing answers there."""


def told() -> tuple[Body, ...]:
    """Two stories: one with a course of results, one with an image, a preliminary report and an open visit."""
    return tuple(dict(resource) for story in (contrast.metformin_egfr_35(), chests.tension_pneumothorax()) for resource in story.resources)


@pytest.fixture(scope="session")
def resources() -> tuple[Body, ...]:
    return told()


@dataclass
class Browser:
    """Somebody at the chart's pages: cookies, and the token of the page that was looked at last."""

    http: httpx.Client
    ward: Running
    token: str = ""

    def look(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        found = re.search(r'name="csrf-token" content="([^"]+)"', answer.text)
        self.token = found[1] if found else ""
        return answer.text

    def sign_in(self, user: str = "dr-osei") -> httpx.Response:
        return self.http.post("/chart/_/sign-in", data={"user": user}, headers={"Origin": self.ward.origin})

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Origin": self.ward.origin, "X-CSRF-Token": self.token, **headers})


def composed(hospital: Hospital) -> ASGIApp:
    for story in (chests.tension_pneumothorax(),):
        for image in story.images:
            hospital.images.add(image_file(image))
    name_images(hospital)
    chart = chart_routes(hospital, launch_url=lambda: f"{APP}/launch", now=lambda: CLOCK, stories={"tension-ptx": "A story"})
    return Starlette(routes=[*chart, *hospital_routes(hospital)])


@pytest.fixture(scope="module")
def ward() -> Iterator[Running]:
    """The ward, with one registered app; the images lie on its image server alone."""
    kept = [each for each in told() if not is_image_file(each)]
    scopes = "launch openid fhirUser online_access patient/*.rs"
    client = Client("app", "public", scopes, (f"{APP}/callback",), name="The app", trusted=True)
    config = Config(requires_token=True, everything=False, clients=(client,), users=CLINICIANS)
    with running(Store([*practitioners(), *kept]), config, compose=composed) as server:
        yield server


@pytest.fixture
def visitor(ward: Running) -> Iterator[Browser]:
    """Nobody yet."""
    with httpx.Client(timeout=60, base_url=ward.origin, verify=False) as http:
        yield Browser(http, ward)


@pytest.fixture
def browser(visitor: Browser) -> Iterator[Browser]:
    """Dr Osei, before whom a chart lies; the server behaves again afterwards."""
    assert visitor.sign_in().status_code == 303
    visitor.look("/chart/tension-ptx")
    yield visitor
    visitor.look("/chart")
    assert visitor.post("/chart/_/server", {}).status_code == 200


@pytest.fixture
def chart_with() -> Callable[..., Any]:
    """Makes a chart of the Patient p and what is given."""
    from sandbox.chart.record import record_of

    def make(*given: Body, **patient: Any) -> Any:
        subject = {"reference": "Patient/p"}
        named = {"AllergyIntolerance": "patient", "Device": "patient"}
        whole = [{"id": f"r{number}", named.get(each["resourceType"], "subject"): subject, **each} for number, each in enumerate(given)]
        return record_of(Store([{"resourceType": "Patient", "id": "p", **patient}, *whole]), "p")

    return make

"""Every route of the OpenAPI document x four clinicians x two hospitals: what is not theirs cannot be told from nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pytest

from sandbox.ehr.auth.clients import User
from sandbox.patients.story import CLOCK

HOSPITALS = ("lindenhof", "seeblick")
USERS = tuple(User(f"dr-{name}", f"Practitioner/dr-{name}") for name in ("amira", "bruno", "chidi", "dana"))
PATIENTS = ("tension-ptx", "heart-failure", "pneumonia-prior", "metformin-egfr35")
NOBODYS = "3f2b8c1e-0000-4000-8000-000000000000"

Request = Callable[["Opened"], tuple[str, str, Any]]

OPEN: dict[str, str] = {
    "GET /health": "says that the process lives",
    "GET /ready": "says which parts are ready",
    "GET /metrics": "counts, for this machine alone",
    "GET /api/ehrs": "the hospitals that a person may begin at",
    "POST /api/launch": "begins a launch; tests/sidenote/web/test_launching.py",
    "POST /api/session": "ends a launch; tests/sidenote/web/test_launching.py",
}
"""Routes without a handle, and what they tell anybody."""

OWN: dict[str, str] = {
    "DELETE /api/session": "ends the session whose handle it is",
    "POST /api/reviews": "begins a review of the session's own patient",
    "GET /api/model-card": "the same for everybody",
}
"""Routes that name nothing: with a handle they reach that session, without one nothing."""

OF_A_REVIEW: dict[str, Request] = {
    "GET /api/reviews/{review_id}": lambda one: ("GET", one.place, None),
    "GET /api/reviews/{review_id}/events": lambda one: ("GET", f"{one.place}/events", None),
    "GET /api/reviews/{review_id}/images/{sha256}": lambda one: ("GET", f"{one.place}/images/{one.image}", None),
    "GET /api/reviews/{review_id}/priors/{number}": lambda one: ("GET", f"{one.place}/priors/1", None),
    "POST /api/reviews/{review_id}/questions": lambda one: ("POST", f"{one.place}/questions", {"text": "What about the kidneys?"}),
    "GET /api/reviews/{review_id}/decisions": lambda one: ("GET", f"{one.place}/decisions", None),
    "POST /api/reviews/{review_id}/decisions": lambda one: ("POST", f"{one.place}/decisions", one.approval),
    "DELETE /api/reviews/{review_id}": lambda one: ("DELETE", one.place, None),
}
"""Routes that name a review, with a request for one that is there. The one that ends it comes last."""


@dataclass(frozen=True)
class Opened:
    """A clinician with a session and its finished review."""

    ehr: str
    user: str
    handle: str
    review_id: str
    shown: bytes

    @property
    def place(self) -> str:
        return f"/api/reviews/{self.review_id}"

    @property
    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = json.loads(self.shown)
        return view

    @property
    def image(self) -> str:
        images = self.view["study"]["images"] if self.view["study"] else []
        return str(images[0]["sha256"]) if images else "0" * 64

    @property
    def decidable(self) -> list[str]:
        return [card["claim"] for part in ("first", "consider", "seen") for card in self.view[part] if card["decidable"]]

    @property
    def approval(self) -> dict[str, str]:
        return {"claim": self.decidable[0] if self.decidable else "C1", "action": "approve", "shown_sha256": sha256(self.shown).hexdigest()}

    def asked(self, client: httpx.Client, request: tuple[str, str, Any]) -> tuple[int, bytes]:
        """Status and body; of a stream that opens, the status alone."""
        method, path, body = request
        headers = {"Authorization": f"Bearer {self.handle}"}
        if path.endswith("/events"):
            with client.stream(method, path, headers=headers) as answer:
                return (answer.status_code, b"") if answer.status_code == 200 else (answer.status_code, answer.read())
        whole = client.request(method, path, headers=headers, **({} if body is None else {"json": body}))
        return whole.status_code, whole.content


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("home")
    with open_door(home, *HOSPITALS, now=lambda: CLOCK, hospital={"users": USERS}) as opened:
        yield opened


@pytest.fixture(scope="module")
def everybody(door: Any) -> list[Opened]:
    return [opened(door, ehr, user, patient) for ehr in HOSPITALS for user, patient in zip(USERS, PATIENTS, strict=True)]


def opened(door: Any, ehr: str, user: User, patient: str) -> Opened:
    """A launch by this user for this patient, and the review to its end."""
    window = f"{ehr}-{user.sub}-".ljust(43, "w")
    body = door.session(ehr=ehr, window=window, patient=patient, user=user)
    with (
        door.client() as client,
        client.stream("GET", f"/api/reviews/{body['review_id']}/events", headers={"Authorization": f"Bearer {body['handle']}"}) as stream,
    ):
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: ") and name in ("review", "failed"):
                break
    assert name == "review", line
    return Opened(ehr, user.sub, body["handle"], body["review_id"], line.removeprefix("data: ").encode())


def declared(door: Any) -> set[str]:
    """Every operation of the OpenAPI document as it is served."""
    with door.client() as client:
        document = client.get("/api/openapi.json").json()
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item if method != "parameters"}


@pytest.mark.fault(104)
def test_every_route_stands_in_the_matrix_and_a_new_one_fails_until_it_does(door: Any) -> None:
    assert declared(door) == {*OPEN, *OWN, *OF_A_REVIEW}


@pytest.mark.fault(104)
@pytest.mark.parametrize("route", OF_A_REVIEW)
def test_a_review_of_somebody_else_cannot_be_told_from_one_that_never_was(route: str, door: Any, everybody: list[Opened]) -> None:
    with door.client() as client:
        for mine in everybody:
            nobodys = Opened(mine.ehr, mine.user, mine.handle, NOBODYS, mine.shown)
            nothing = mine.asked(client, OF_A_REVIEW[route](nobodys))
            assert nothing[0] == 404
            for theirs in everybody:
                if theirs is not mine:
                    assert mine.asked(client, OF_A_REVIEW[route](theirs)) == nothing, (route, mine.user, theirs.user)


@pytest.mark.fault(104)
@pytest.mark.parametrize("route", [*OF_A_REVIEW, *OWN])
@pytest.mark.parametrize("handle", [None, "x", "A" * 43], ids=["none", "short", "another"])
def test_without_a_handle_that_is_one_nothing_is_there(route: str, handle: str | None, door: Any, everybody: list[Opened]) -> None:
    method, path = route.split()
    body: Any = {}
    if route in OF_A_REVIEW:
        method, path, body = OF_A_REVIEW[route](everybody[0])
    with door.client() as client:
        headers = {} if handle is None else {"Authorization": f"Bearer {handle}"}
        answer = client.request(method, path, headers=headers, **({"json": body} if method == "POST" else {}))
    assert (answer.status_code, answer.json()["code"]) == (401, "session_over")


@pytest.mark.fault(104)
def test_what_is_theirs_is_there(door: Any, everybody: list[Opened]) -> None:
    """After the tests above, which have left everything as it was: 404 is no answer to everything."""
    assert any(card["decidable"] for card in everybody[-1].view["consider"])
    for one in (everybody[0], everybody[-1]):
        with door.client() as client:
            answers = {route: one.asked(client, request(one))[0] for route, request in OF_A_REVIEW.items()}
        has_prior = bool(one.view["study"] and one.view["study"]["priors"])
        has_image = bool(one.view["study"] and one.view["study"]["images"])
        assert answers == {
            "GET /api/reviews/{review_id}": 200,
            "GET /api/reviews/{review_id}/events": 200,
            "GET /api/reviews/{review_id}/images/{sha256}": 200 if has_image else 404,
            "GET /api/reviews/{review_id}/priors/{number}": 200 if has_prior else 404,
            "POST /api/reviews/{review_id}/questions": 200,
            "GET /api/reviews/{review_id}/decisions": 200,
            "POST /api/reviews/{review_id}/decisions": 201 if one.decidable else 404,
            "DELETE /api/reviews/{review_id}": 204,
        }, one.user


def test_the_matrix_names_a_patient_nowhere_else_than_in_their_own_review(everybody: list[Opened]) -> None:
    names = {one.view["patient"]["name"] for one in everybody}
    assert len(names) == len(PATIENTS)
    for one in everybody:
        others = names - {one.view["patient"]["name"]}
        assert [name for name in others if name.encode() in one.shown] == []

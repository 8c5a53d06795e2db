"""Launches that name a server nobody configured: refused before a name is looked up or a packet is sent (STANDARDS A2, FAULTS 21)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

WINDOW = "w" * 43
GOOD = "GOOD"
"""Stands for the base of the hospital that is configured."""
VARIANTS = [
    "http://127.0.0.1",
    "http://127.0.0.1:22/fhir",
    "http://[::1]/fhir",
    "http://[::ffff:127.0.0.1]/fhir",
    "http://[0:0:0:0:0:0:0:1]/fhir",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://metadata.google.internal/",
    "http://2130706433/fhir",
    "http://0177.0.0.1/fhir",
    "http://0x7f.0.0.1/fhir",
    "http://0x7f000001/fhir",
    "http://127.1/fhir",
    "http://0/fhir",
    "http://localhost/fhir",
    "http://localtest.me/fhir",
    "http://127.0.0.1.nip.io/fhir",
    "http://rebind.example/fhir",
    "file:///etc/passwd",
    "ftp://127.0.0.1/fhir",
    "gopher://127.0.0.1:6379/_INFO",
    "data:application/json,{}",
    "javascript:alert(1)",
    "//127.0.0.1/fhir",
    "fhir",
    " ",
    f"{GOOD}.evil.example",
    f"{GOOD}@evil.example",
    f"https://evil.example/?{GOOD}",
    f"https://evil.example/#{GOOD}",
    f"{GOOD}/../fhir",
    f"{GOOD}/..",
    f"{GOOD}//",
    f"{GOOD}?x=1",
    f"{GOOD}#x",
    f"{GOOD}/Patient",
    f"{GOOD}%2f",
    f" {GOOD}",
    f"{GOOD} ",
    f"{GOOD}\n",
    f"{GOOD}\x00",
    f"{GOOD}\u200b",
    "http://user:pass@127.0.0.1/fhir",
    "https://good@evil.example/fhir",
    "http://evil.example\\@127.0.0.1/fhir",
    "http://①②⑦.0.0.1/fhir",
    "x" * 2000,
]


class Ear:
    """Hears every name looked up and every socket connected in this process, by Python's own audit events."""

    EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"})

    def __init__(self) -> None:
        self.listens = False
        self.heard: list[tuple[str, str]] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.listens and event in self.EVENTS:
            self.heard.append((event, str(args[1:] or args)))

    def beside(self, port: int) -> list[tuple[str, str]]:
        """What was heard but for connections to our own door."""
        return [one for one in self.heard if str(port) not in one[1]]


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    """One for the module: an audit hook cannot be taken away again, only told to listen no longer."""
    one = Ear()
    yield one
    one.listens = False


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), stores={"lindenhof": [{"resourceType": "Patient", "id": "p1"}]}) as opened:
        yield opened


@pytest.mark.fault(21)
@pytest.mark.std("A2")
def test_an_iss_that_nobody_configured_is_refused_and_nobody_is_asked(door: Any, ear: Ear) -> None:
    hospital = door.hospitals["lindenhof"]
    before, asked = list(hospital.faults.log), [variant.replace(GOOD, hospital.base) for variant in VARIANTS]
    assert len(set(asked)) >= 40
    ear.heard.clear()
    ear.listens = True
    with door.client() as client:
        pages = [client.get("/launch", params={"iss": iss, "launch": "x"}).status_code for iss in asked]
        launches = [client.post("/api/launch", json={"iss": iss, "launch": "x", "window": WINDOW}) for iss in asked]
    ear.listens = False
    assert set(pages) == {400}
    assert {(one.status_code, one.json()["code"]) for one in launches} == {(400, "issuer_unknown")}
    assert ear.heard, "the ear heard the client itself: it is not deaf"
    assert ear.beside(urlsplit(door.url).port or 0) == []
    assert list(hospital.faults.log) == before


@pytest.mark.fault(21)
def test_the_ear_would_hear_a_hospital_being_asked(door: Any, ear: Ear) -> None:
    ear.heard.clear()
    ear.listens = True
    door.query(patient="p1")
    ear.listens = False
    assert ear.beside(urlsplit(door.url).port or 0) != []


@pytest.mark.parametrize(
    "body",
    [
        {"iss": "", "window": WINDOW},
        {"iss": "x" * 2001, "window": WINDOW},
        {"iss": "x", "window": "short"},
        {"iss": "x", "window": "w" * 87},
        {"iss": "x", "window": "ü" * 43},
        {"iss": "x", "window": None},
        {"iss": "x", "window": WINDOW, "launch": "l" * 8001},
        {"iss": "x", "window": WINDOW, "patient": "p1"},
        {"iss": ["x"], "window": WINDOW},
        {},
        [],
        None,
    ],
)
def test_a_question_that_is_none_is_refused_by_its_shape(door: Any, body: object) -> None:
    with door.client() as client:
        answer = client.post("/api/launch", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "input_invalid")


def test_a_launch_parameter_that_cannot_be_is_refused(door: Any, tmp_path: Path) -> None:
    for launch in ("", "l" * 4097):
        with door.client() as client:
            answer = client.post("/api/launch", json={"iss": door.hospitals["lindenhof"].base, "launch": launch, "window": WINDOW})
        assert (answer.status_code, answer.json()["code"]) == (400, "launch_invalid")

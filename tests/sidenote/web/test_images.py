"""Pixels: as they were decoded, small enough to send, of this run alone, and none of anybody else."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest

from fhir.study import Picture
from sandbox.patients.story import CLOCK
from sidenote.web.images import encoded


def shown_view(door: Any, session: dict[str, Any]) -> dict[str, Any]:
    """The review of the session, once it was shown."""
    headers = {"Authorization": f"Bearer {session['handle']}"}
    with door.client() as client:
        with client.stream("GET", f"/api/reviews/{session['review_id']}/events", headers=headers) as answer:
            for line in answer.iter_lines():
                if line in ("event: review", "event: failed"):
                    break
        view = client.get(f"/api/reviews/{session['review_id']}", headers=headers)
    assert view.status_code == 200, view.text
    return dict(view.json())


def asked(door: Any, session: dict[str, Any], path: str, **headers: str) -> httpx.Response:
    with door.client() as client:
        sent = {"Authorization": f"Bearer {session['handle']}", **headers}
        answer: httpx.Response = client.get(f"/api/reviews/{session['review_id']}/{path}", headers=sent)
    return answer


@pytest.fixture(scope="module")
def opened(pictured_door: Any) -> dict[str, Any]:
    """A session with a review that has an image and an earlier study."""
    session = pictured_door.session(patient="pneumonia-prior", window="i" * 43)
    return {**session, "view": shown_view(pictured_door, session)}


def pixels(answer: httpx.Response) -> np.ndarray[Any, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    rows, columns = int(answer.headers["image-rows"]), int(answer.headers["image-columns"])
    assert len(answer.content) == rows * columns * 2
    return np.frombuffer(answer.content, "<u2").reshape(rows, columns)


@pytest.mark.parametrize(("accepts", "coding"), [("gzip, deflate", "gzip"), ("identity", None), ("gzip;q=0", None)])
def test_an_image_of_the_review_comes_as_its_view_says(
    pictured_door: Any, opened: dict[str, Any], accepts: str, coding: str | None
) -> None:
    (told,) = opened["view"]["study"]["images"]
    answer = asked(pictured_door, opened, f"images/{told['sha256']}", **{"Accept-Encoding": accepts})
    found = pixels(answer)
    assert (answer.headers.get("content-encoding"), answer.headers["cache-control"]) == (coding, "no-store")
    assert found.shape == (told["rows"], told["columns"])
    session = pictured_door.on_loop(lambda: pictured_door.parts.sessions.of(opened["handle"]))
    (picture,) = session.runs[opened["review_id"]].finished.pictures
    assert np.array_equal(found, np.round(picture.pixels * 65_535).astype("<u2"))


def test_an_earlier_study_is_fetched_when_it_is_asked_for(pictured_door: Any, opened: dict[str, Any]) -> None:
    (prior,) = opened["view"]["study"]["priors"]
    earlier = pixels(asked(pictured_door, opened, f"priors/{prior['number']}"))
    now = pixels(asked(pictured_door, opened, f"images/{opened['view']['study']['images'][0]['sha256']}"))
    assert earlier.std() > 1_000
    assert not np.array_equal(earlier, now)


@pytest.mark.parametrize("path", [f"images/{'0' * 64}", "priors/2", "priors/99"])
def test_what_the_review_does_not_have_is_not_there(pictured_door: Any, opened: dict[str, Any], path: str) -> None:
    answer = asked(pictured_door, opened, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["images/..%2f..%2fetc", "images/ABC", "priors/0", "priors/-1", "priors/x", "priors/100000000000"])
def test_what_names_no_image_is_refused(pictured_door: Any, opened: dict[str, Any], path: str) -> None:
    assert asked(pictured_door, opened, path).status_code in (404, 422)


@pytest.mark.fault(104)
def test_an_image_of_another_session_is_not_there(pictured_door: Any, opened: dict[str, Any]) -> None:
    other = pictured_door.session(patient="tension-ptx", window="j" * 43)
    shown_view(pictured_door, other)
    sha256 = opened["view"]["study"]["images"][0]["sha256"]
    theirs = asked(pictured_door, {**other, "review_id": opened["review_id"]}, f"images/{sha256}")
    through_own = asked(pictured_door, other, f"images/{sha256}")
    assert (theirs.status_code, theirs.content) == (through_own.status_code, through_own.content) == (404, theirs.content)


def test_of_an_image_of_somebody_else_there_are_no_pixels(pictured_door: Any) -> None:
    session = pictured_door.session(patient="wrong-patient", window="k" * 43)
    view = shown_view(pictured_door, session)
    assert (view["status"], view["study"]["images"], view["study"]["priors"]) == ("withheld", [], [])
    run = pictured_door.on_loop(lambda: pictured_door.parts.sessions.of(session["handle"])).runs[session["review_id"]]
    (quarantined,) = [image.sha256 for image in run.finished.review.study.images]
    assert asked(pictured_door, session, f"images/{quarantined}").json()["code"] == "not_found"
    assert asked(pictured_door, session, "priors/1").json()["code"] == "not_found"


@pytest.fixture(scope="module")
def swapped_door(open_door: Callable[..., Any], pictured: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A door where the picture of the earlier study is another patient's, and of another patient's earlier study is broken."""
    binary = {one["id"]: one for one in pictured if one["resourceType"] == "Binary"}
    earlier = next(name for name in binary if name in _earlier_pictures(pictured, "pneumonia-prior"))
    broken = next(name for name in binary if name in _earlier_pictures(pictured, "heart-failure"))
    alien = next(one["data"] for name, one in binary.items() if "tension-ptx" in name)
    changed = {earlier: alien, broken: base64.b64encode(b"no image at all").decode()}
    store = [{**one, "data": changed.get(one["id"], one.get("data"))} if one["resourceType"] == "Binary" else one for one in pictured]
    with open_door(tmp_path_factory.mktemp("swapped"), stores={"lindenhof": store}, now=lambda: CLOCK) as door:
        yield door


def _earlier_pictures(pictured: list[dict[str, Any]], patient: str) -> set[str]:
    """Ids of the Binary resources that hold pictures of the patient's first study."""
    theirs = [one for one in pictured if f"Patient/{patient}" in json.dumps(one)]
    first = min((one for one in theirs if one["resourceType"] == "ImagingStudy"), key=lambda one: one["started"])
    named = [one for one in theirs if f"ImagingStudy/{first['id']}" in json.dumps(one)]
    text = json.dumps(named)
    return {one["id"] for one in pictured if one["resourceType"] == "Binary" and f'Binary/{one["id"]}"' in text}


@pytest.mark.parametrize(("patient", "code"), [("pneumonia-prior", "image_wrong_patient"), ("heart-failure", "image_unavailable")])
def test_an_earlier_image_of_somebody_else_or_of_nothing_is_refused_by_name(swapped_door: Any, patient: str, code: str) -> None:
    session = swapped_door.session(patient=patient, window=f"{patient:_<43}")
    view = shown_view(swapped_door, session)
    assert len(view["study"]["priors"]) == 1
    answer = asked(swapped_door, session, "priors/1")
    assert (answer.status_code >= 400, answer.json()["code"]) == (True, code)
    assert patient not in answer.text


def test_of_an_earlier_image_it_is_told_whether_it_says_whose_it_is(
    pictured_door: Any, opened: dict[str, Any], pictured: list[dict[str, Any]], open_door: Callable[..., Any], tmp_path: Path
) -> None:
    assert asked(pictured_door, opened, "priors/1").headers["image-identity"] == "match"
    earlier = _earlier_pictures(pictured, "pneumonia-prior")
    nameless = [{**one, "data": _nameless(one["data"])} if one["id"] in earlier else one for one in pictured]
    with open_door(tmp_path, stores={"lindenhof": nameless}, now=lambda: CLOCK) as door:
        session = door.session(patient="pneumonia-prior")
        shown_view(door, session)
        answer = asked(door, session, "priors/1")
    assert (answer.status_code, answer.headers["image-identity"]) == (200, "unknown")


def _nameless(data: str) -> str:
    """A DICOM file without what names the patient."""
    file = pydicom.dcmread(io.BytesIO(base64.b64decode(data)))
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID", "OtherPatientIDs", "AccessionNumber"):
        if name in file:
            delattr(file, name)
    file.save_as(out := io.BytesIO())
    return base64.b64encode(out.getvalue()).decode()


def test_a_large_image_is_made_smaller_and_squeezed() -> None:
    picture = Picture(np.linspace(0, 1, 3000 * 2000, dtype=np.float32).reshape(3000, 2000), "0" * 64, "png", {})
    rows, columns, body = encoded(picture, squeezed=True)
    assert (rows, columns) == (1024, 683)
    plain = np.frombuffer(gzip.decompress(body), "<u2")
    assert (plain.size, int(plain[0]) < 200, int(plain[-1]) > 65_335) == (rows * columns, True, True)
    assert encoded(picture, squeezed=False)[2] == plain.tobytes()

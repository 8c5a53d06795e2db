"""The pages and their files: of known EHRs alone, from a table, and without anything that came in the question."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from sidenote.web.shell import FILES

PATIENTS = [{"resourceType": "Patient", "id": "p1"}]
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["iss", "launch", "code", "state", "next", "redirect_uri"]), st.text(max_size=20) | st.just("https://evil.example")
    ),
    max_size=4,
)
CANARY = "canary<script>alert(1)</script>"


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    stores = dict.fromkeys(("lindenhof", "seeblick"), PATIENTS)
    with open_door(tmp_path_factory.mktemp("home"), *stores, stores=stores) as opened:
        yield opened


@pytest.mark.std("H6")
@pytest.mark.parametrize(
    "path", ["/", "/standalone", "/launch?iss=BASE&launch=x", "/launch?iss=BASE/&launch=x", "/callback/lindenhof?code=x"]
)
def test_each_page_is_the_shell_and_says_what_it_is_not(door: Any, path: str) -> None:
    with door.client() as client:
        answer = client.get(path.replace("BASE", door.hospitals["lindenhof"].base))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    up = "../" if path.startswith("/callback") else "./"
    assert f'src="{up}static/main.js"' in answer.text
    assert "Research software, not a medical device" in answer.text
    assert "Not for time-critical decisions" in answer.text


@pytest.mark.std("H6")
@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        (f"/launch?iss=https://{CANARY}&launch=x", 400, "This EHR is not known here"),
        ("/launch?iss=https://evil.example/fhir&launch=x", 400, "This EHR is not known here"),
        ("/launch?launch=x", 400, "This launch cannot be used"),
        ("/launch?iss=BASE", 400, "This launch cannot be used"),
        ("/launch?iss=BASE&iss=BASE&launch=x", 400, "This launch cannot be used"),
        ("/launch?iss=BASE&launch=x&launch=y", 400, "This launch cannot be used"),
        (f"/callback/{CANARY.replace('/', '')}", 404, "This EHR is not known here"),
        ("/callback/nobody?code=canary&state=canary", 404, "This EHR is not known here"),
    ],
)
def test_a_launch_that_cannot_be_is_told_in_words_of_ours(door: Any, path: str, status: int, title: str) -> None:
    with door.client() as client:
        answer = client.get(path.replace("BASE", door.hospitals["lindenhof"].base))
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in answer.text
    assert "canary" not in answer.text
    assert "<script" not in answer.text
    assert "Research software, not a medical device" in answer.text
    assert "location" not in answer.headers


@pytest.mark.fault(25)
@pytest.mark.std("A20")
@pytest.mark.parametrize("name", ["redirect_uri", "next", "returnTo", "url", "RelayState", "iss"])
def test_nothing_that_comes_in_a_query_sends_the_browser_anywhere(door: Any, name: str) -> None:
    with door.client() as client:
        for path in ("/", "/standalone", "/callback/lindenhof", "/launch"):
            answer = client.get(path, params={name: "https://evil.example/canary"})
            assert answer.status_code in (200, 400)
            assert "location" not in answer.headers
            assert "refresh" not in answer.headers
            assert "evil.example" not in answer.text


@pytest.mark.fault(25)
@pytest.mark.std("A20")
@settings(max_examples=25)
@given(st.sampled_from(["/", "/standalone", "/launch", "/callback/lindenhof", "/callback/", "/static/"]), st.text(max_size=20), QUERIES)
def test_whatever_is_asked_no_page_sends_the_browser_away_or_breaks(door: Any, path: str, more: str, query: list[tuple[str, str]]) -> None:
    with door.client() as client:
        answer = client.get(path + quote(more, safe="/."), params=query)
    assert answer.status_code in (200, 400, 404)
    assert "location" not in answer.headers
    assert "evil.example" not in answer.text
    assert "*" not in answer.headers["content-security-policy"]


@pytest.mark.fault(32)
def test_a_page_repeats_neither_code_nor_state(door: Any) -> None:
    with door.client() as client:
        answer = client.get("/callback/lindenhof?code=canary-code&state=canary-state")
    assert "canary" not in answer.text + str(answer.headers)


def test_a_file_is_sent_once_and_then_asked_after(door: Any) -> None:
    with door.client() as client:
        first = client.get("/static/dom.js")
        again = client.get("/static/dom.js", headers={"If-None-Match": first.headers["etag"]})
        changed = client.get("/static/dom.js", headers={"If-None-Match": '"0"'})
    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"


def test_every_file_of_the_table_is_there(door: Any) -> None:
    with door.client() as client:
        assert {client.get(f"/static/{name}").status_code for name in FILES} == {200}


@pytest.mark.parametrize("name", ["wire.d.ts", "index.html", "", "%2e%2e/app.py", "..%2fapp.py", "dom.js/", "dom.js%00", "DOM.JS"])
def test_nothing_beside_the_table_is_sent(door: Any, name: str) -> None:
    with door.client() as client:
        answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.std("A16")
def test_public_halves_of_our_keys_are_served_and_nothing_else_of_them(open_door: Callable[..., Any], tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", {"kid": "e1", "alg": "ES384"})
    (tmp_path / "key").write_text(json.dumps(key.as_dict(private=True)))
    with open_door(tmp_path / "home", stores={"lindenhof": PATIENTS}, ehr={"key_file": tmp_path / "key"}) as door, door.client() as client:
        answer = client.get("/.well-known/jwks.json")
    (served,) = answer.json()["keys"]
    assert served == {**key.as_dict(private=False), "kid": "e1", "use": "sig", "alg": "ES384"}
    assert "d" not in served


def test_a_file_is_packed_for_a_browser_that_unpacks_it_and_is_the_same_file(door: Any) -> None:
    with door.client() as client:
        packed = client.get("/static/main.js", headers={"Accept-Encoding": "gzip"})
        plain = client.get("/static/main.js", headers={"Accept-Encoding": "identity"})
        again = client.get("/static/main.js", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    assert again.status_code == 304

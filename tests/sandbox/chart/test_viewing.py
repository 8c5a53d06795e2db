"""What is shown over HTTP: charts, images, and the files of the pages."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

STUDY = "/chart/tension-ptx/images/tension-ptx-imagingstudy-1"


def test_the_list_leads_to_every_chart_and_a_chart_to_its_neighbour(browser: Any) -> None:
    listing = browser.look("/chart")
    assert 'href="/chart/metformin-egfr35"' in listing
    assert "A story" in listing
    chart = browser.look("/chart/tension-ptx")
    assert "Larsen, Erik" in chart
    assert 'rel="prev" data-switch href="/chart/metformin-egfr35"' in chart
    assert "&lt;" not in chart


def test_a_chart_shows_results_with_flag_range_and_course(browser: Any) -> None:
    chart = browser.look("/chart/metformin-egfr35")
    assert "▼ low" in chart
    assert "≥ 60" in chart
    assert "<polyline" in chart
    assert "Before: 38 on 13 Jul 2026; 44 on 16 Oct 2025" in chart


@pytest.mark.parametrize(("size", "side"), [("small", 224), ("large", 768)])
def test_an_image_comes_in_two_sizes(size: str, side: int, browser: Any) -> None:
    answer = browser.http.get(f"{STUDY}/0/{size}.png")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) == side


@pytest.mark.parametrize(
    "path", [f"{STUDY}/1/small.png", f"{STUDY}/0/huge.png", STUDY.replace("/chart/tension-ptx", "/chart/metformin-egfr35") + "/0/small.png"]
)
def test_an_image_that_is_not_of_this_chart_is_not_here(path: str, browser: Any) -> None:
    assert browser.http.get(path).status_code == 404


def test_no_image_is_shown_to_nobody(visitor: Any) -> None:
    assert visitor.http.get(f"{STUDY}/0/small.png").status_code == 303


def test_the_chart_reads_on_while_the_server_is_down(browser: Any) -> None:
    browser.post("/chart/_/server", {"down": True})
    assert browser.http.get("/chart/tension-ptx").status_code == 200
    assert "503" in browser.http.get("/chart/_/server").json()["sentences"][0]


def test_a_file_is_checked_again_and_not_sent_again(visitor: Any) -> None:
    first = visitor.http.get("/chart/_/static/chart.css")
    again = visitor.http.get("/chart/_/static/chart.css", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["cache-control"] == "no-cache"

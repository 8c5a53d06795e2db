"""The page: self-contained, escaped, and every citation lands on its evidence."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest

from agent.review import ReadingMode, Review
from sidenote.render.page import page
from sidenote.render.reading import READING_WORDS

PIXELS = np.linspace(0, 1, 96 * 96, dtype=np.float32).reshape(96, 96)


class Outline(HTMLParser):
    """Ids, links, external references and script texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.external: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name == "href" and tag == "a" and value:
                self.anchors.append(value)
            elif name in ("src", "href") and value and not value.startswith(("data:", "#")):
                self.external.append(value)


def test_every_citation_lands_on_its_evidence_and_back(review: Review) -> None:
    outline = Outline(page(review, PIXELS))
    assert len(outline.ids) == len(set(outline.ids))
    assert {"#E1", "#E3", "#C1"} <= set(outline.anchors)
    assert {anchor.removeprefix("#") for anchor in outline.anchors} <= set(outline.ids)


def test_nothing_is_loaded_from_elsewhere(review: Review) -> None:
    text = page(review, PIXELS)
    assert Outline(text).external == []
    assert "default-src 'none'" in text


def test_the_policy_of_the_page_names_its_own_style_and_script(review: Review) -> None:
    text = page(review, None)
    for kind in ("style", "script"):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" in text


@pytest.mark.fault(49)
def test_text_of_the_record_stays_text(review: Review) -> None:
    odd = review.patient.model_copy(update={"name": "<img src=x onerror=alert(1)>"})
    text = page(review.model_copy(update={"patient": odd}), PIXELS)
    assert "<script>alert(1)" not in text
    assert "<img src=x" not in text
    assert "&lt;b&gt;this&lt;/b&gt;" in text


def test_the_image_carries_its_heat_map_and_the_region_of_its_evidence(review: Review) -> None:
    text = page(review, PIXELS)
    assert 'class="heat"' in text
    assert 'data-evidence="E1" x="57.6" y="9.6"' in text


def test_no_image_is_shown_when_there_is_none(review: Review) -> None:
    assert 'class="viewer"' not in page(review, None)


def test_a_withheld_review_says_so_and_shows_no_statement(withheld: Review) -> None:
    text = page(withheld, None)
    assert "withheld by policy" in text
    assert "Similar cases" not in text
    assert 'class="lead"' not in text


@pytest.mark.parametrize("mode", get_args(ReadingMode))
def test_every_way_a_reading_can_end_has_its_words(review: Review, mode: ReadingMode) -> None:
    text = page(review.model_copy(update={"reading_mode": mode, "reading": None}), None)
    assert (READING_WORDS[mode] in text) == (mode != "none")


def test_says_what_it_is_not(review: Review) -> None:
    text = page(review, None)
    assert text.count("Research software, not a medical device") >= 2
    assert "not yet reviewed by a person" in text
    assert "Immunization (refused)" in text


def test_similar_cases_come_with_how_they_were_found_folded(review: Review) -> None:
    assert review.search is not None
    told = review.search.model_copy(update={"only": ("body part <b>chest</b>",), "notice": "an older index answers"})
    text = page(review.model_copy(update={"search": told}), None)
    assert "<summary>How similar cases were searched for</summary>" in text
    assert "of body part &lt;b&gt;chest&lt;/b&gt; alone." in text
    assert "an older index answers" in text
    assert "How similar cases" not in page(review.model_copy(update={"search": None}), None)


def test_what_changed_and_what_the_model_said_stand_there_escaped_and_every_citation_lands(compared: Review) -> None:
    text = page(compared, PIXELS)
    outline = Outline(text)
    assert {anchor.removeprefix("#") for anchor in outline.anchors} <= set(outline.ids)
    assert "#E9" in outline.anchors
    model = text[text.index('<section aria-labelledby="model"') : text.index('<section aria-labelledby="evidence"')]
    for told in (
        "<h3>Since 2 Sep 2026, 08:00 UTC</h3>",
        '<dt>New</dt><dd>left pneumothorax <a class="cite" href="#E1">E1</a></dd>',
        'Lucent &lt;i&gt;left&lt;/i&gt; hemithorax. <a class="cite" href="#E1">E1</a><small>In the words of report phantom-000042',
        "<li>Little &lt;u&gt;contrast&lt;/u&gt;.</li>",
    ):
        assert told in model


def test_of_a_reading_without_words_or_a_prior_image_nothing_is_headed(review: Review) -> None:
    text = page(review, PIXELS)
    for heading in ("<h3>Since", "In the image model", "How far to trust it"):
        assert heading not in text


def test_a_withheld_reading_is_not_told_by_its_words(withheld: Review) -> None:
    assert "In the image model" not in page(withheld, None)


def test_a_comparison_that_found_nothing_says_so(compared: Review) -> None:
    assert compared.reading is not None
    none = compared.reading.model_copy(update={"findings": ()})
    assert "No finding is present now, and none went away." in page(compared.model_copy(update={"reading": none}), None)

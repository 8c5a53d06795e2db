"""The list of reviews: each with its link and its end, nothing loaded from elsewhere, nothing of a record read as markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from sidenote.render.html import csp_hash
from sidenote.render.layout import NOT_A_DEVICE
from sidenote.render.overview import OverviewRow, overview

ROWS = (
    OverviewRow("Marta Lindqvist", "Contrast CT ordered", "needs_review", "needs a person's review", "C01", "ckd4-contrast.html"),
    OverviewRow("Joel <b>Martin</b>", "Someone else's & image", "withheld", "withheld by policy", "I01", "wrong-patient.html"),
)


class Read(HTMLParser):
    """Links, cells and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.links += [values["href"] or ""] if tag == "a" else []
        self.loaded += [value or "" for name, value in attrs if name in {"src", "srcset"} or (name == "href" and tag != "a")]

    def handle_data(self, data: str) -> None:
        self.words += [data.strip()] if data.strip() else []


def test_lists_every_review_in_the_given_order_with_its_link_and_its_end() -> None:
    page = Read(overview("Ward 7", "Two reviews.", ROWS))
    assert page.links == [row.page for row in ROWS]
    for row in ROWS:
        at = page.words.index(row.patient)
        assert page.words[at : at + 4] == [row.patient, row.story, row.status_words, row.fired]
    assert {"Ward 7", "Two reviews.", NOT_A_DEVICE} <= set(page.words)


def test_text_stays_text() -> None:
    page = Read(overview("<i>x</i>", "<script>x</script>", ROWS))
    assert {"script", "i"}.isdisjoint(page.tags)
    assert page.tags.count("b") == 1, "the product's name, and no bold of a record"


def test_loads_nothing_and_its_policy_names_its_one_style() -> None:
    text = overview("Ward 7", "", ROWS)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy == f"default-src 'none'; style-src 'sha256-{csp_hash(style)}'"
    assert Read(text).loaded == []


def test_no_reviews_are_an_empty_list() -> None:
    assert Read(overview("Ward 7", "Nobody.", ())).links == []

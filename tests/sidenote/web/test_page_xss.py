"""Markup and script in every text that a server, a record or a model can give, in Chromium: shown as text, run by nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.journey
RUN = "top.ran=1"
IN_ATTRIBUTES = ("onerror", "onload", "onfocus", "onmouseover", "onanimationstart", "ontoggle", "onpointerenter", "onbegin")
CARRIERS = ("img src=x", "svg", "input autofocus", "body", "iframe src=x", "details open", "video src=x", "marquee")
SCHEMES = (
    "javascript:",
    "JaVaScRiPt:",
    "java\tscript:",
    "\x01javascript:",
    "javascript&colon;",
    "data:text/html,",
    "vbscript:",
    "//evil.example/",
)
CLOSERS = ("", '">', "'>", "</p>", "</textarea>", "</title>", "</style>", "</script>", "-->", "]]>", "</noscript>", "</template>")
VECTORS: tuple[str, ...] = (
    *(f"<{carrier} {event}={RUN}>" for carrier, event in zip(CARRIERS, IN_ATTRIBUTES, strict=True)),
    *(f"{closer}<script>{RUN}</script>" for closer in CLOSERS),
    *(f"{closer}<img src=x onerror='{RUN}'>" for closer in CLOSERS),
    *(f"<a href='{scheme}{RUN}'>open</a>" for scheme in SCHEMES),
    *(f"[open]({scheme}{RUN})" for scheme in SCHEMES[:3]),
    f"<svg><style><img src=x onerror={RUN}></style></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<svg></p><style><a id='</style><img src=x onerror={RUN}>'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<xmp><p title='</xmp><img src=x onerror={RUN}>'>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><use href='data:image/svg+xml,<svg onload={RUN}>'></svg>",
    f"<object data='javascript:{RUN}'></object>",
    f"<embed src='javascript:{RUN}'>",
    f"<base href='javascript:{RUN}//'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<link rel=stylesheet href='data:text/css,*{{background:url(javascript:{RUN})}}'>",
    f"<style>@import 'javascript:{RUN}';</style>",
    f"<div style='background:url(javascript:{RUN})'>",
    f"<iframe srcdoc='<script>{RUN}</script>'></iframe>",
    f"<template><script>{RUN}</script></template>",
    f"<form id=main action='javascript:{RUN}'><button>Approve</button></form>",
    "<img name=getElementById><img id=said><form name=body>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;script&#62;{RUN}&#60;/script&#62;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"<scr\x00ipt>{RUN}</scr\x00ipt>",
    f"<<script>script>{RUN}</script>",
    f"＜script＞{RUN}＜/script＞",
    f"${{{RUN}}}{{{{{RUN}}}}}#{{{RUN}}}<%= {RUN} %>",
    f"';{RUN};//\";{RUN};//`;{RUN};//",
    f"data: x\n\nevent: ended\ndata: {RUN}\n\n",
    "__proto__",
    "constructor",
    "\u202e)1=nar(\u202c gnp.exe",
    "\ufeff\u2028\u2029\u0085",
)
FIXED = frozenset(
    (
        "review_id",
        "status",
        "tone",
        "kind",
        "outcome",
        "polarity",
        "mode",
        "identity",
        "sha256",
        "image",
        "claim",
        "thumbnail_png",
        "evidence",
        "ids",
    )
)
"""What is a closed word, a hash or an id of our own minting."""
SHAPE = """() => [...document.querySelectorAll("body, body *")].filter((one) => !one.closest(".foot dl")).map((one) =>
  [one.tagName, ...one.getAttributeNames().filter((name) => !["width", "height", "style"].includes(name))].join(" ")).join("\\n")"""


def with_vectors(value: Any, words: Iterator[str], key: str = "") -> Any:
    """`value` with every open text replaced by the next of `words`."""
    if key in FIXED:
        return value
    if isinstance(value, dict):
        return {name: with_vectors(part, words, name) for name, part in value.items()}
    if isinstance(value, list):
        return [with_vectors(part, words) for part in value]
    return next(words) if isinstance(value, str) and value else value


def turning(start: int) -> Iterator[str]:
    """The vectors round and round."""
    while True:
        yield VECTORS[start % len(VECTORS)]
        start += 1


def all_at_once() -> Iterator[str]:
    """Every vector in every text, and no text like another."""
    for number in count():
        yield f"{number} {' '.join(VECTORS)}"


def harmless() -> Iterator[str]:
    """What the page is compared with."""
    for number in count():
        yield f"{number} harmless"


def shape(sheet: Any, words: Iterator[str], comes_true: Callable[..., None]) -> str:
    """The elements of the page and their attributes, when every text of the review is one of `words`."""
    sheet.script.review = with_vectors(sheet.script.review, words)
    page = sheet.begin()
    comes_true(page, "(document.querySelector('canvas')?.width ?? 0) > 0")
    told: str = page.evaluate(SHAPE)
    assert page.evaluate("window.ran") is None
    return told


def test_there_are_vectors_enough_and_no_two_the_same() -> None:
    assert len(set(VECTORS)) == len(VECTORS) >= 60


@pytest.mark.fault(48)
@pytest.mark.fault(49)
def test_no_text_of_a_review_becomes_an_element_or_an_attribute(sheet: Any, comes_true: Callable[..., None]) -> None:
    sample = sheet.script.review
    plain = shape(sheet, harmless(), comes_true)
    # 7 is no divisor of the number of fields: in three rounds a field has three vectors, and a vector many fields.
    for words in (turning(0), turning(7), turning(41), all_at_once()):
        sheet.script.review = sample
        assert shape(sheet, words, comes_true) == plain
    text = sheet.page.evaluate("document.body.textContent")
    assert [vector for vector in VECTORS if vector.replace("\r", "") not in text] == []


@pytest.mark.fault(48)
def test_no_text_of_an_answer_or_a_decision_becomes_one(sheet: Any) -> None:
    every = " ".join(VECTORS)
    review = sheet.script.review
    page = sheet.begin()
    card = with_vectors(review["consider"][0], all_at_once()) | {"claim": "C90", "decidable": False}
    told = {"question": every, "outcome": "answered", "words": every, "cards": [card], "withheld": [], "evidence": []}
    made = {"claim": "C2", "action": "edit", "text": every, "reason": every, "by": every, "at": every}
    sheet.script.answers["POST", "/questions"] = (200, told)
    sheet.script.answers["POST", "/decisions"] = (201, {**made, "write": "failed", "write_words": every, "written": [every]})
    page.get_by_role("textbox", name="Ask about this evidence").fill("What?")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_have_count(1)
    page.locator(".claims").get_by_role("button", name="Approve").first.click()
    page.get_by_role("button", name="Approve for").click()
    expect(page.locator(".decided")).to_have_count(1)
    built = page.evaluate("[...document.querySelectorAll('.answer *, .decided, .decided *')].map((one) => one.tagName)")
    assert {*built} <= {
        "H3",
        "P",
        "ARTICLE",
        "SPAN",
        "EM",
        "A",
        "DETAILS",
        "SUMMARY",
        "B",
        "DL",
        "DT",
        "DD",
        "DIV",
        "UL",
        "LI",
        "BR",
        "SMALL",
        "TIME",
        "Q",
        "BUTTON",
    }
    assert page.evaluate("[...document.links].every((link) => /#E\\d+$|#main$/.test(link.href))")
    assert page.evaluate("window.ran") is None


@pytest.mark.fault(49)
@pytest.mark.parametrize("event", ["ended", "failed"])
def test_no_text_of_an_end_becomes_one(sheet: Any, event: str) -> None:
    every = " ".join(VECTORS)
    told = {"reason": "expired", "words": every} if event == "ended" else {"title": every, "detail": every, "status": 500, "code": every}
    sheet.script.held_at = 8
    page = sheet.begin(wait=False)
    expect(page.locator(".banner")).to_be_visible()
    log = sheet.script.log()[:8]
    sheet.script.log = lambda: [*log, (event, json.dumps(told))]
    sheet.script.release()
    expect(page.locator("main .notice")).to_contain_text("Open Sidenote again from the chart.")
    assert {*page.evaluate("[...document.querySelectorAll('main *')].map((one) => one.tagName)")} <= {"DIV", "H1", "P", "BUTTON"}
    assert page.evaluate("window.ran") is None


TRIES = {
    "markup": "document.body.innerHTML = '<b>x</b>'",
    "a policy": "trustedTypes.createPolicy('x', {})",
    "a handler": "document.createElement('img').setAttribute('onerror', 'top.ran = 1')",
    "a script": "document.createElement('script').src = '/static/main.js'",
    "code": "setTimeout('top.ran = 1')",
}


@pytest.mark.fault(48)
@pytest.mark.parametrize("code", TRIES.values(), ids=TRIES)
def test_the_browser_itself_refuses_markup_and_code_made_of_text(sheet: Any, code: str) -> None:
    """Trusted types stand behind the modules' own care. `eval` here is the debugger's, which they do not bind."""
    page = sheet.begin()
    tried = f"(() => {{ try {{ {code}; return '' }} catch (error) {{ return error.name }} }})()"
    assert page.evaluate(tried) in ("TypeError", "EvalError")
    assert page.evaluate("window.ran") is None
    sheet.wrong.clear()

"""The EHR's style: known keys of a known shape, and nothing that could do anything else in a style sheet."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.smart.style import SHAPES, fetched, sanitised

STANDARD = {
    "color_background": "#edeae3",
    "color_error": "#9e2d2d",
    "color_highlight": "#69b5ce",
    "color_modal_backdrop": "#0008",
    "color_success": "#498e49",
    "color_text": "#303030",
    "dim_border_radius": "6px",
    "dim_font_size": "13px",
    "dim_spacing_size": "20px",
    "font_family_body": "Georgia, Times, 'Times New Roman', serif",
    "font_family_heading": "'HelveticaNeue-Light', Helvetica, Arial, \"Lucida Grande\", sans-serif",
}


@pytest.mark.std("A12")
def test_the_example_of_the_standard_passes_whole() -> None:
    assert sanitised(STANDARD) == STANDARD
    assert STANDARD.keys() == SHAPES.keys()


@pytest.mark.std("A12")
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    "value",
    [
        "red; background: url(//evil.example)",
        "url(https://evil.example/x)",
        "expression(alert(1))",
        "#12345g",
        "#fff}body{display:none",
        "</style><script>",
        "12px !important",
        "var(--x)",
        "calc(1px+1px)",
        "\\75rl(x)",
        "a/**/b",
        "a\nb",
        "'unclosed",
        "",
        5,
        None,
        ["#fff"],
        "#fff\n",
    ],
)
def test_what_could_do_more_than_colour_is_left_out(name: str, value: Any) -> None:
    assert sanitised({name: value}) == {}


@given(st.dictionaries(st.sampled_from([*SHAPES, "other"]), st.text(alphabet="#af09px,'\" ;:(){}/*\\<>-ü\n")))
def test_whatever_passes_can_close_nothing_and_load_nothing(body: dict[str, str]) -> None:
    for name, value in sanitised(body).items():
        assert name in SHAPES
        assert re.search(r"[;:(){}/*\\<>@\n]", value) is None
        assert value.count("'") % 2 == 0


@pytest.mark.std("A12")
@pytest.mark.parametrize(
    ("answer", "style"),
    [
        ((200, "application/json", b'{"color_text": "#123456", "x": 1}'), {"color_text": "#123456"}),
        ((200, "text/css", b"body { color: red }"), {}),
        ((200, "text/html", b'{"color_text": "#123456"}'), {}),
        ((200, "application/json", b"[]"), {}),
        ((200, "application/json", b'{"color_text": "#fff", "color_text": "#000"}'), {}),
        ((404, "application/json", b'{"color_text": "#123456"}'), {}),
        ((302, "application/json", b"https://evil.example/"), {}),
        ((500, "text/plain", b""), {}),
    ],
)
def test_a_style_that_cannot_be_believed_is_none(ehr: Any, answer: Any, style: dict[str, str]) -> None:
    ehr.answers["/style.json"] = answer

    async def run() -> dict[str, str]:
        wire = ehr.wire()
        try:
            return await fetched(wire, ehr.base.removesuffix("/fhir") + "/style.json")
        finally:
            await wire.aclose()

    assert asyncio.run(run()) == style

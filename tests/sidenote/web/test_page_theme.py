"""The two themes and the EHR's own style, in Chromium: it is worn as far as every text stays readable, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.journey
TOKEN = "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
PAIRS = """async () => {
  const { contrast, luminance } = await import("/static/theme.js");
  const style = getComputedStyle(document.documentElement);
  const light = (name) => luminance(style.getPropertyValue(`--${name}`).trim());
  const texts = ["ink", "soft", "accent", "critical", "caution", "clear"];
  const grounds = ["ground", "sheet"];
  const pairs = texts.flatMap((text) => grounds.map((ground) => [text, ground]));
  for (const name of ["accent", "critical", "caution", "clear"]) pairs.push([name, `${name}-wash`], ["ink", `${name}-wash`]);
  return Math.min(...pairs.map(([text, ground]) => contrast(light(text), light(ground))));
}"""


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000", "#fff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#FFFFFF", 4.54),
        ("#ff0000", "#0000ff", 2.15),
        ("#abc", "#aabbcc", 1.0),
    ],
)
def test_contrast_is_that_of_wcag(modules: Page, one: str, other: str, ratio: float) -> None:
    code = 'import("/static/theme.js").then(({ contrast, luminance }) => contrast(luminance(a), luminance(b)))'
    assert modules.evaluate(f"([a, b]) => {code}", [one, other]) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_somebody_chooses(sheet: Any, scheme: str) -> None:
    sheet.page.emulate_media(color_scheme=scheme)
    page = sheet.begin()
    toggle = page.get_by_role("button", name="Dark theme")
    expect(toggle).to_have_attribute("aria-pressed", str(scheme == "dark").lower())
    assert page.evaluate(PAIRS) >= 4.5
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", str(scheme != "dark").lower())
    assert page.evaluate(PAIRS) >= 4.5
    assert page.evaluate("Object.keys(sessionStorage)") == ["window"]


STYLES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "an accent that can be read": ({"color_highlight": "#7a1f5c"}, {"--accent": "#7a1f5c"}),
    "an accent that cannot": ({"color_highlight": "#ffd700"}, {"--accent": "#0b6068"}),
    "an accent that is half transparent": ({"color_highlight": "#7a1f5c80"}, {"--accent": "#0b6068"}),
    "ground and text": ({"color_background": "#fffaf0", "color_text": "#202020"}, {"--ground": "#fffaf0", "--ink": "#202020"}),
    "ground and text alike": ({"color_background": "#eee", "color_text": "#ddd"}, {"--ground": "#f6f7f8", "--ink": "#15202b"}),
    "a text that the cards hide": ({"color_background": "#000", "color_text": "#fff"}, {"--ground": "#f6f7f8", "--ink": "#15202b"}),
    "an error and a success": ({"color_error": "#8b0000", "color_success": "#005000"}, {"--critical": "#8b0000", "--clear": "#005000"}),
    "one good, one bad": ({"color_highlight": "#7a1f5c", "color_error": "#ff9999"}, {"--accent": "#7a1f5c", "--critical": "#a4161a"}),
    "measures within bounds": (
        {"dim_border_radius": "90px", "dim_font_size": "4px", "dim_spacing_size": "12px"},
        {"--radius": "clamp(0px, 90px, 16px)", "--size": "clamp(12px, 4px, 18px)", "--gap": "clamp(8px, 12px, 20px)"},
    ),
    "a measure without a unit": ({"dim_border_radius": "7"}, {"--radius": "10px"}),
    "a measure that is none": ({"dim_font_size": "1px;} *{display:none"}, {"--size": "14px"}),
    "a font": ({"font_family_body": "Georgia, 'Times New Roman'"}, {"--body": "Georgia, 'Times New Roman', system-ui, sans-serif"}),
    "what is no key": ({"--ink": "#fff", "color_other": "#fff"}, {"--ink": "#15202b"}),
}


@pytest.fixture(scope="module")
def shell(_context: BrowserContext, _scripted_api: tuple[Any, str]) -> Iterator[Page]:
    """The page before a launch, for rows that differ in a style alone; no script of it fails, and nothing is refused by its policy."""
    context = _context.browser.new_context()  # type: ignore[union-attr]  # made by a browser
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto(f"{_scripted_api[1]}standalone")
    page.locator("main button").first.wait_for()
    yield page
    context.close()
    assert wrong == []


WEAR = "(style) => import('/static/theme.js').then(({ wear }) => wear(style))"
"""What the page does with the style of the session that it opened: the last test here has it from there."""


@pytest.mark.std("A12")
@pytest.mark.parametrize(("style", "worn"), STYLES.values(), ids=STYLES)
def test_the_style_of_the_ehr_is_worn_where_it_can_be_read(shell: Page, style: dict[str, str], worn: dict[str, str]) -> None:
    shell.evaluate(WEAR, style)
    assert {name: shell.evaluate(TOKEN, name) for name in worn} == worn
    assert shell.evaluate(PAIRS) >= 4.5
    expect(shell.locator("main")).to_be_visible()


@pytest.mark.std("A12")
def test_a_style_is_weighed_again_in_the_other_theme_and_taken_off_at_the_end(sheet: Any) -> None:
    sheet.script.opened["style"] = {"color_highlight": "#7a1f5c"}
    page = sheet.begin()
    assert page.evaluate(TOKEN, "--accent") == "#7a1f5c"
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(TOKEN, "--accent") == "#6cc5cd", "dark violet cannot be read on a dark ground"
    page.get_by_role("button", name="Dark theme").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Signed out").wait_for()
    assert page.evaluate(TOKEN, "--accent") == "#0b6068"

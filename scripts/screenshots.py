"""Pictures of the chart and the sidebar for docs/, taken by hand from a demo that runs: `scripts/screenshots.py ORIGIN`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60_000
SIDE, TALL = 400, 1_500
"""Width of the sidebar, and how much of its height is shown, in CSS pixels."""
COLOURS = 256


def kept(png: bytes, name: str) -> None:
    """Write a picture in few colours: its radiographs are grey, the rest is flat."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(DOCS / name, optimize=True)


def chart(browser: Browser, origin: str, patient: str, **look: object) -> Page:
    """The chart of a patient, opened by the first clinician."""
    page = browser.new_context(reduced_motion="reduce", **look).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE)
    page.goto(origin)
    page.get_by_role("button", name="Open the patient list").click()
    page.get_by_role("heading", name="Patients").wait_for()
    page.goto(f"{origin}/chart/{patient}")
    return page


def ready(place: Page | FrameLocator) -> None:
    """Until the review stands there, and its images are drawn."""
    place.locator("main[data-state=review]").wait_for()
    place.locator(".frame.now canvas").wait_for()


def whole_page(browser: Browser, origin: str, patient: str, **look: object) -> Page:
    """Sidenote in a window of its own."""
    page = chart(browser, origin, patient, **look)
    ready(page.frame_locator("iframe"))
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Full page").click()
    own = opened.value
    ready(own)
    return own


def beside(browser: Browser, origin: str, patient: str) -> None:
    """The chart, with Sidenote in its panel."""
    page = chart(browser, origin, patient, viewport={"width": 1440, "height": 1000}, color_scheme="light")
    ready(page.frame_locator("iframe"))
    kept(page.screenshot(), "sidebar.png")


def alone(browser: Browser, origin: str, patient: str, scheme: str) -> None:
    """The sidebar as wide as a chart gives it, in one theme."""
    page = chart(browser, origin, patient, viewport={"width": 1440, "height": TALL + 200}, color_scheme=scheme, device_scale_factor=2)
    ready(page.frame_locator("iframe"))
    frame = page.locator("iframe")
    box = frame.bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], TALL)}
    kept(page.screenshot(clip=clip), f"sidebar-{scheme}.png")  # type: ignore[arg-type]


def wide(browser: Browser, origin: str, patient: str) -> None:
    """The full page."""
    page = whole_page(browser, origin, patient, viewport={"width": 1280, "height": 900}, color_scheme="light")
    kept(page.screenshot(full_page=True), "sidebar-wide.png")


def main() -> None:
    """Take them all."""
    origin = sys.argv[1].rstrip("/")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        beside(browser, origin, "ckd4-contrast")
        for scheme in ("light", "dark"):
            alone(browser, origin, "tension-ptx", scheme)
        wide(browser, origin, "tension-ptx")
        browser.close()


if __name__ == "__main__":
    main()

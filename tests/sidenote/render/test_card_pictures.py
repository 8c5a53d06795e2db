"""The card's pictures: well-formed, complete, on one scale, the same each time."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fhir.codes import FINDING
from sidenote.render.card_pictures import RELIABILITY, RISK, drawings, write_pictures
from tools.med_vlm.compact.card import Estimate, FindingMeasured
from tools.med_vlm.compact.files import load_card
from tools.med_vlm.site_card import SiteCard

SVG = "{http://www.w3.org/2000/svg}"


def measured(key: str, risk: float = 0.1) -> FindingMeasured:
    none = Estimate(value=None)
    return FindingMeasured(
        key=key,
        auroc=none,
        calibration_error=0.02,
        coverage=0.95,
        decided=0.8,
        sensitivity=None,
        specificity=None,
        side_accuracy=None,
        pointing=none,
        pointing_chance=None,
        reliability=((0.05, 0.04, 90), (0.95, 0.9, 10)),
        risk_coverage=((0.5, 0.0), (1.0, risk)),
        localised=False,
    )


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def circles(svg: str) -> list[dict[str, str]]:
    return [one.attrib for one in tree(svg).iter(f"{SVG}circle")]


def test_each_finding_has_a_panel_with_its_name_and_figures() -> None:
    for drawing in drawings([measured("nodule"), measured("cardiomegaly")]):
        texts = [one.text for one in tree(drawing.svg).iter(f"{SVG}text")]
        assert {drawing.title, *drawing.words} <= set(texts)
        assert len(circles(drawing.svg)) == 4
        for panel, key in zip(drawing.panels, ("nodule", "cardiomegaly"), strict=True):
            assert panel.title == FINDING[key].display.capitalize()
            assert {panel.title, panel.note} <= set(texts)


def test_a_plot_alone_holds_its_points_and_says_them_in_words() -> None:
    reliable, risky = drawings([measured("nodule")])
    assert reliable.panels[0].alt == "Pulmonary nodule: 0.05 stated, 0.04 had it, 90 images; 0.95 stated, 0.90 had it, 10 images."
    assert risky.panels[0].alt == "Pulmonary nodule: 0.50 answered, 0.00 of them wrongly; 1.00 answered, 0.10 of them wrongly."
    assert [len(circles(drawing.panels[0].svg)) for drawing in (reliable, risky)] == [2, 2]


def test_nothing_of_a_plot_lies_outside_of_its_picture_or_of_the_sheet() -> None:
    many = [measured(key, 0.9) for key in sorted(FINDING)[:10]]
    for svg in (svg for drawing in drawings(many) for svg in (drawing.panels[0].svg, drawing.panels[9].svg)):
        _, _, width, height = (float(part) for part in tree(svg).attrib["viewBox"].split())
        for one in circles(svg):
            x, y, radius = (float(one[name]) for name in ("cx", "cy", "r"))
            assert radius <= x <= width - radius
            assert radius <= y <= height - radius


@pytest.mark.parametrize("count", [1, 3, 4, 10])
def test_the_sheet_is_as_long_as_its_rows_of_three_plots(count: int) -> None:
    for drawing in drawings([measured(key) for key in sorted(FINDING)[:count]]):
        root = tree(drawing.svg)
        _, _, width, height = (int(part) for part in root.attrib["viewBox"].split())
        places = [tuple(map(int, re.findall(r"\d+", one.attrib["transform"]))) for one in root.findall(f"{SVG}g")]
        assert len(set(places)) == count
        assert len({x for x, _ in places}) == min(count, 3)
        widest = max(8 * len(panel.title) for panel in drawing.panels)  # at 13 px semi-bold
        assert max(x for x, _ in places) + max(152, widest) <= width
        assert 0 < height - (max(y for _, y in places) + 38 + 140) < 60


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_in_either_theme_texts_and_lines_stand_out_from_the_ground() -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11."""
    light, dark = drawings([measured("nodule")])[0].svg.split("@media (prefers-color-scheme: dark)")
    for style in (light, dark):
        colours = {names: colour for names, colour in re.findall(r"^([.a-z, ]+) \{.*?(?:fill|stroke): (#\w{6})", style, re.MULTILINE)}
        ground = colours.pop(".ground")
        least = {name: contrast(colour, ground) for name, colour in colours.items() if name != ".grid"}
        assert {"text", ".line", ".dot", ".ideal"} <= set(least)
        assert {name: value for name, value in least.items() if value < (4.5 if "text" in name or "name" in name else 3.0)} == {}


def test_a_probability_that_came_true_lies_on_the_diagonal() -> None:
    perfect = measured("nodule").model_copy(update={"reliability": ((0.5, 0.5, 10),)})
    (reliable, _) = drawings([perfect])
    svg = reliable.panels[0].svg
    (frame,) = [one.attrib for one in tree(svg).iter(f"{SVG}rect") if one.attrib["class"] == "grid"]
    (dot,) = circles(svg)
    x, y, side = float(frame["x"]), float(frame["y"]), float(frame["width"])
    assert (float(dot["cx"]), float(dot["cy"])) == (x + side / 2, y + side / 2)


def test_risks_are_drawn_on_one_scale() -> None:
    _, risky = drawings([measured("nodule", 0.12), measured("cardiomegaly", 0.03)])
    labels = [one.text for one in tree(risky.svg).iter(f"{SVG}text")]
    assert labels.count("0.15") == 2


def test_a_dot_is_larger_the_more_images_it_stands_for() -> None:
    reliable, _ = drawings([measured("nodule")])
    many, few = (float(one["r"]) for one in circles(reliable.svg))
    assert many > few


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert drawings([measured("nodule").model_copy(update={"reliability": (), "risk_coverage": ()})]) == ()
    assert write_pictures(SiteCard(), tmp_path) == ()


def test_the_shipped_cards_pictures_are_written_where_asked(tmp_path: Path) -> None:
    written = write_pictures(load_card(), tmp_path / "pictures")
    assert [path.name for path in written] == [RELIABILITY, RISK]
    assert all(tree(path.read_text()).tag == f"{SVG}svg" for path in written)

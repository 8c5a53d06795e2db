"""The card's pictures: well-formed, complete, on one scale, the same each time."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

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
        assert FINDING["nodule"].display in texts
        assert FINDING["cardiomegaly"].display in texts
        assert len(circles(drawing.svg)) == 4
        assert drawing.alt


def test_a_probability_that_came_true_lies_on_the_diagonal() -> None:
    perfect = measured("nodule").model_copy(update={"reliability": ((0.5, 0.5, 10),)})
    (reliable, _) = drawings([perfect])
    (frame,) = [one.attrib for one in tree(reliable.svg).iter(f"{SVG}rect") if one.attrib.get("fill") == "none"]
    (dot,) = circles(reliable.svg)
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

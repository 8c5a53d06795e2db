"""A reading as evidence."""

from __future__ import annotations

import pytest

from policies.evidence import Region
from tools import images
from tools.med_vlm.reading import Change, FindingReading, Reading

SHA = "f" * 64
BOX = Region(x0=0.1, y0=0.2, x1=0.4, y1=0.6, score=0.9)


def reading(*findings: FindingReading, abstained: bool = False) -> Reading:
    reason = "unlike the images it was validated on" if abstained else ""
    return Reading(
        model="compact 0.1.0", fingerprint="a" * 64, abstained=abstained, reason=reason, ood_score=0.1, ood_threshold=0.5, findings=findings
    )


def test_present_findings_first_with_side_region_and_rounded_probability() -> None:
    said = reading(
        FindingReading(key="pneumothorax", presence="absent", probability=0.021, side="left", regions=(BOX,)),
        FindingReading(key="nodule", presence="uncertain", probability=0.51),
        FindingReading(key="pleural_effusion", presence="present", probability=0.9349, side="left", regions=(BOX,), heat_map=((0.5,),)),
    )
    items = images.look_up(said, SHA, "Patient/p")
    assert [(item.finding, item.polarity, item.side, item.probability) for item in items] == [
        ("pleural_effusion", "present", "left", 0.93),
        ("nodule", "uncertain", None, 0.51),
        ("pneumothorax", "absent", None, 0.02),
    ]
    assert items[0].text == "The image model (compact 0.1.0) reads left pleural effusion: present, probability 0.93"
    assert (items[0].reference, items[0].region, items[2].region) == (f"image:{SHA}", BOX, None)
    assert "heat_map" not in items[0].model_dump_json()


def test_a_model_that_abstains_states_nothing_and_says_why() -> None:
    items = images.look_up(reading(abstained=True), SHA, "Patient/p")
    assert len(items) == 1
    assert (items[0].finding, items[0].polarity, items[0].probability) == (None, None, None)
    assert items[0].text.endswith("abstained: unlike the images it was validated on")


def test_a_finding_without_a_side_gets_none() -> None:
    item = images.look_up(reading(FindingReading(key="cardiomegaly", presence="present", probability=0.8, side="left")), SHA, "Patient/p")[
        0
    ]
    assert item.side is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("new", "; not so on the prior image"),
        ("resolved", "; present on the prior image"),
        ("larger", "; larger than on the prior image"),
        ("unchanged", ""),
        ("undecided", ""),
        (None, ""),
    ],
)
def test_what_changed_since_the_prior_image_is_said_with_the_finding(change: Change | None, said: str) -> None:
    finding = FindingReading(key="nodule", presence="present", probability=0.9, change=change)
    (item,) = images.look_up(reading(finding), SHA, "Patient/p")
    assert item.text == f"The image model (compact 0.1.0) reads pulmonary nodule: present, probability 0.90{said}"

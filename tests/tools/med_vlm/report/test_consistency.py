"""What drawn reports agree on."""

from __future__ import annotations

import pytest

from tools.med_vlm.formats.document import Report, Told
from tools.med_vlm.report.consistency import shares, support


def drawn(*texts: str) -> list[Report]:
    return [Report((Told(text),)) for text in texts]


REPORTS = drawn(
    "Left pleural effusion. No pneumothorax.", "Small effusion on the left.", "Possible pleural effusion.", "Right pneumothorax."
)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("There is a left pleural effusion.", 0.5),
        ("There is a pleural effusion.", 0.5),
        ("There is a right pleural effusion.", 0.0),
        ("Possible left pleural effusion.", 0.75),
        ("No pneumothorax.", 0.75),
        ("No left pneumothorax.", 1.0),
        ("Left pleural effusion without pneumothorax.", 0.5),
        ("No cardiomegaly.", 1.0),
        ("There is cardiomegaly.", 0.0),
        ("There is an old rib fracture.", 0.0),
        ("The image is well exposed.", None),
    ],
)
def test_a_sentence_is_borne_out_by_the_reports_in_which_all_it_says_holds(text: str, share: float | None) -> None:
    assert support(text, REPORTS) == share


def test_nothing_can_be_judged_without_reports() -> None:
    assert support("There is a left pleural effusion.", []) is None
    assert shares([], ["nodule"]) == {}


def test_findings_have_the_share_of_reports_that_state_them() -> None:
    assert shares(REPORTS, ["pleural_effusion", "pneumothorax", "nodule"]) == {"pleural_effusion": 0.5, "pneumothorax": 0.25, "nodule": 0.0}

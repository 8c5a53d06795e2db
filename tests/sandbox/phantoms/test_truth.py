"""Ground truth as (finding, side)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fhir.codes import Side
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec
from sandbox.phantoms.truth import truth

CASES: dict[str, tuple[tuple[DrawnFinding, ...], tuple[tuple[str, Side | None], ...]]] = {
    "normal": ((), ()),
    "one side": ((DrawnFinding("pleural_effusion", "left"),), (("pleural_effusion", "left"),)),
    "both sides drawn apart": (
        (DrawnFinding("pleural_effusion", "left"), DrawnFinding("pleural_effusion", "right", "large")),
        (("pleural_effusion", "bilateral"),),
    ),
    "tension holds a pneumothorax": (
        (DrawnFinding("tension_pneumothorax", "right"),),
        (("pneumothorax", "right"), ("tension_pneumothorax", "right")),
    ),
    "no side for what has none": ((DrawnFinding("pacemaker", "left"),), (("pacemaker", None),)),
    "order of the vocabulary": (
        (DrawnFinding("pulmonary_edema"), DrawnFinding("cardiomegaly")),
        (("cardiomegaly", None), ("pulmonary_edema", None)),
    ),
}


@pytest.mark.parametrize(("findings", "expected"), CASES.values(), ids=CASES.keys())
def test_tells_what_is_in_the_picture(
    findings: tuple[DrawnFinding, ...], expected: tuple[tuple[str, Side | None], ...], study: Callable[..., PhantomSpec]
) -> None:
    assert truth(study(*findings)) == expected

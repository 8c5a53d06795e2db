"""Properties of the focal study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.conditions import Answer, parse_condition
from policies.errors import ConditionInvalid
from policies.rule_case import GivenStudy

Ask = Callable[..., Answer]


@pytest.mark.parametrize(
    ("settings", "study", "value"),
    [
        ({"modality": ["CR", "DX"]}, {"modality": ("DX",)}, True),
        ({"modality": ["CR", "DX"]}, {"modality": ("CT", "SR")}, False),
        ({"modality": ["CR", "DX"]}, {"modality": ()}, None),
        ({"body_part": ["chest"]}, {"body_part": "CHEST PA"}, True),
        ({"body_part": ["chest"]}, {"body_part": "Chestnut"}, False),
        ({"body_part": ["51185008"]}, {"body_part": "51185008"}, True),
        ({"body_part": ["chest"]}, {"body_part": None}, None),
        ({"modality": ["DX"], "body_part": ["chest"]}, {"body_part": None}, None),
        ({"modality": ["CT"], "body_part": ["chest"]}, {"body_part": None}, False),
        ({"modality": ["DX"], "body_part": ["chest"]}, {}, True),
    ],
)
def test_each_property_is_one_of_those_named(ask: Ask, settings: Any, study: dict[str, Any], value: bool | None) -> None:
    assert ask({"study": settings}, study=GivenStudy(**study)).value is value


@pytest.mark.parametrize(
    ("asked", "found", "value"),
    [
        ("mismatch", "mismatch", True),
        ("mismatch", "match", False),
        ("mismatch", "unknown", None),
        ("mismatch", None, False),
        ("unknown", "unknown", True),
        ("unknown", None, False),
        ("match", "unknown", None),
        ("match", "mismatch", False),
    ],
)
def test_identity_that_could_not_be_compared_is_open(ask: Ask, asked: str, found: Any, value: bool | None) -> None:
    assert ask({"study": {"identity": [asked]}}, study=GivenStudy(identity=found)).value is value


@pytest.mark.fault(7)
@pytest.mark.parametrize(("pulled", "value"), [({}, False), ({"ImagingStudy": "refused"}, None), ({"ImagingStudy": "not asked"}, None)])
def test_no_study_and_studies_not_available_differ(ask: Ask, pulled: dict[str, str], value: bool | None) -> None:
    assert ask({"study": {"modality": ["DX"]}}, pulled=pulled).value is value


def test_the_basis_names_the_tags_compared_and_no_value_of_them(ask: Ask) -> None:
    (basis,) = ask({"study": {"identity": ["mismatch"]}}, study=GivenStudy(identity="mismatch")).basis
    assert (basis.reference, basis.detail) == ("ImagingStudy/study-1", "image identity: mismatch (PatientID mismatch)")


def test_refuses_to_ask_about_nothing() -> None:
    with pytest.raises(ConditionInvalid, match="needs modality"):
        parse_condition({"study": {}})

"""Numbering of evidence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.evidence import Evidence, Quote, Region, Sourced, mint


def sourced(text: str = "t", **fields: Any) -> Sourced:
    return Sourced(kind="chart_fact", reference="Observation/o", text=text, sha256="0" * 64, **fields)


@given(st.lists(st.sampled_from("abcdef"), max_size=12))
def test_numbers_follow_the_order_and_one_item_has_one_number(texts: list[str]) -> None:
    minted = mint(tuple(sourced(text) for text in texts))
    assert [item.text for item in minted] == list(dict.fromkeys(texts))
    assert [item.id for item in minted] == [f"E{n}" for n in range(1, len(minted) + 1)]


def test_minting_keeps_every_field_and_tells_items_apart_by_each() -> None:
    items = (
        sourced(),
        sourced(version="2"),
        sourced(quotes=(Quote(path="a", text="b"),)),
        sourced(region=Region(x0=0, y0=0, x1=1, y1=1, score=1)),
    )
    minted = mint(items)
    assert len(minted) == 4
    assert [Sourced(**item.model_dump(exclude={"id"})) for item in minted] == list(items)


@pytest.mark.fault(63)
@pytest.mark.parametrize("identifier", ["E0", "E01", "e1", "E", "1", "E1 ", "E1,E2", "E-1", ""])
def test_refuses_a_number_that_minting_never_gives(identifier: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        Evidence(id=identifier, **sourced().model_dump())


@pytest.mark.parametrize("corner", [{"x0": -0.1}, {"y1": 1.1}, {"score": 2}, {"x1": float("nan")}])
def test_a_region_lies_inside_the_image(corner: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(corner))):
        Region(**{"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0, "score": 0.5, **corner})


@pytest.mark.parametrize("change", [{"kind": "rumour"}, {"polarity": "maybe"}, {"side": "middle"}, {"colour": "red"}])
def test_refuses_a_field_or_value_that_evidence_does_not_have(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Sourced(**{**sourced().model_dump(), **change})


def test_evidence_does_not_change_once_made() -> None:
    (item,) = mint((sourced(),))
    with pytest.raises(ValidationError, match="frozen"):
        item.text = "other"  # type: ignore[misc] # the refusal is what is tested

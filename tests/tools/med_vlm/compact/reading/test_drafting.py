"""Drafted sentences never say what the heads do not."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fhir.codes import FINDING, FINDINGS, Side
from policies.evidence import Region
from tools.med_vlm.compact.reading.drafting import Bank, BankSentence, Stated
from tools.med_vlm.reading import FindingReading, Presence

KEYS = tuple(finding.key for finding in FINDINGS)


def _says(text: str, *states: tuple[str, Literal["present", "absent"], Side | None], whole: bool = False) -> BankSentence:
    stated = tuple(Stated(key=key, presence=presence, side=side) for key, presence, side in states)
    return BankSentence(text=text, report="phantom-000007", start=0, end=len(text), states=stated, whole=whole)


SENTENCES = (
    _says("Left-sided pleural effusion", ("pleural_effusion", "present", "left")),
    _says("Right-sided pleural effusion", ("pleural_effusion", "present", "right")),
    _says("Pleural fluid.", ("pleural_effusion", "present", None)),
    _says("Cardiomegaly.", ("cardiomegaly", "present", None)),
    _says("Enlarged heart.", ("cardiomegaly", "present", None)),
    _says("No pneumothorax.", ("pneumothorax", "absent", None)),
    _says("No pneumothorax or oedema.", ("pneumothorax", "absent", None), ("pulmonary_edema", "absent", None)),
    _says("Unremarkable chest radiograph.", *((key, "absent", None) for key in KEYS[:6]), whole=True),
)


def _bank() -> Bank:
    return Bank(SENTENCES, np.eye(len(SENTENCES), 384, dtype=np.float32))


def _towards(*rows: int) -> NDArray[np.float32]:
    return np.asarray(np.eye(len(SENTENCES), 384, dtype=np.float32)[list(rows)].sum(0))


def _read(**found: tuple[Presence, Side | None]) -> tuple[FindingReading, ...]:
    rows = {key: found.get(key, ("absent", None)) for key in KEYS}
    chance = {"present": 0.9, "absent": 0.1, "uncertain": 0.5}
    return tuple(FindingReading(key=key, presence=said, probability=chance[said], side=side) for key, (said, side) in rows.items())


@pytest.mark.parametrize(
    ("side", "text"), [("left", "Left-sided pleural effusion"), ("right", "Right-sided pleural effusion"), (None, "Pleural fluid.")]
)
def test_a_sentence_needs_the_side_that_was_read(side: Side | None, text: str) -> None:
    drafted = _bank().draft(_towards(0, 1), _read(pleural_effusion=("present", side)))
    assert [one.text for one in drafted if "pleural_effusion" in one.findings] == [text]


def test_of_sentences_that_state_the_same_the_nearest_to_the_image_is_taken() -> None:
    for row, text in ((3, "Cardiomegaly."), (4, "Enlarged heart.")):
        drafted = _bank().draft(_towards(row), _read(cardiomegaly=("present", None)))
        assert drafted[0].text == text


def test_the_denial_that_states_most_is_taken_and_only_one() -> None:
    drafted = _bank().draft(_towards(5), _read(cardiomegaly=("present", None)))
    assert [one.text for one in drafted] == ["Cardiomegaly.", "No pneumothorax or oedema."]


def test_only_where_everything_is_absent_is_the_image_called_normal() -> None:
    assert [one.text for one in _bank().draft(_towards(5), _read())] == ["Unremarkable chest radiograph."]
    unsure = _bank().draft(_towards(7), _read(pacemaker=("uncertain", None)))
    assert [one.text for one in unsure] == ["No pneumothorax or oedema."]


def test_a_sentence_cites_its_report_and_carries_the_region_of_its_finding() -> None:
    box = Region(x0=0.1, y0=0.1, x1=0.2, y1=0.2, score=0.9)
    findings = tuple(
        one.model_copy(update={"regions": (box,)}) if one.key == "cardiomegaly" else one for one in _read(cardiomegaly=("present", None))
    )
    (heart, _) = _bank().draft(_towards(3), findings)
    assert heart.source == "phantom-000007#0-13"
    assert heart.regions == (box,)


def test_an_empty_bank_drafts_nothing() -> None:
    assert Bank((), np.zeros((0, 384), np.float32)).draft(_towards(0), _read()) == ()


PRESENCES = st.sampled_from(["present", "absent", "uncertain"])


@given(st.lists(st.tuples(PRESENCES, st.sampled_from([None, "left", "right", "bilateral"])), min_size=10, max_size=10), st.integers(0, 7))
def test_whatever_was_read_no_drafted_sentence_disagrees_with_it(said: list[tuple[Presence, Side | None]], row: int) -> None:
    findings = _read(**{key: (presence, side if FINDING[key].lateral else None) for key, (presence, side) in zip(KEYS, said, strict=True)})
    read = {one.key: one for one in findings}
    drafted = _bank().draft(_towards(row), findings)
    by_text = {one.text: one for one in SENTENCES}
    for sentence in drafted:
        for stated in by_text[sentence.text].states:
            assert read[stated.key].presence == stated.presence
            assert stated.side in (None, read[stated.key].side)
    stating = [key for sentence in drafted for key in sentence.findings if read[key].presence == "present"]
    assert len(stating) == len(set(stating))

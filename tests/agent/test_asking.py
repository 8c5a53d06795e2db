"""What a model is shown and told: the frontal image first, the prior beside it, and words that name nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from agent.asking import Words, asked_of, frontal, indication, words_of
from agent.nodes.study import Facts, Seen
from fhir.chart import Chart, chart_of
from fhir.study import Picture, Study

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def picture(view: str | None, name: str = "x", **tags: str) -> Picture:
    held = {**tags, **({} if view is None else {"ViewPosition": view})}
    return Picture(np.zeros((8, 8), dtype=np.float32), name, "dicom", MappingProxyType(held))


def study(*modality: str, regions: tuple[str, ...] = (), orders: tuple[str, ...] = ()) -> Study:
    return Study("ImagingStudy/s", None, None, modality, None, None, None, None, orders, (), (), regions=frozenset(regions))


def chart(*more: dict[str, Any], **patient: Any) -> Chart:
    return chart_of({"resourceType": "Patient", "id": "p", **patient}, list(more))


@pytest.mark.parametrize(
    ("views", "chosen"),
    [(["LL", "PA"], "1"), (["AP"], "0"), (["LL", None], "1"), ([None, "AP"], "1"), (["LL"], None), ([], None)],
)
def test_the_frontal_view_is_the_one_that_is_read(views: list[str | None], chosen: str | None) -> None:
    found = frontal(tuple(picture(view, str(n)) for n, view in enumerate(views)))
    assert (found.sha256 if found else None) == chosen


def test_the_frontal_image_is_first_and_the_other_views_follow() -> None:
    asked = asked_of(Seen(study("DX"), Facts(None), (picture("LL", "side"), picture("PA", "front"))), Words())
    assert asked is not None
    assert [(one.sha256, one.view) for one in asked.images] == [("front", "PA"), ("side", "LL")]
    assert asked.priors == ()


def test_without_a_frontal_image_nothing_is_asked() -> None:
    assert asked_of(Seen(study("DX"), Facts(None), (picture("LL"),)), Words()) is None


def test_the_prior_images_come_beside_it() -> None:
    before = Seen(study("DX"), Facts(None), (picture("AP", "before"),))
    asked = asked_of(Seen(study("DX"), Facts(None), (picture("PA", "now"),), before), Words(question="Worse?"))
    assert asked is not None
    assert [one.sha256 for one in asked.priors] == ["before"]
    assert asked.question == "Worse?"


@pytest.mark.parametrize(
    ("tags", "modality", "regions", "said"),
    [
        ({"Modality": "CR", "BodyPartExamined": "CHEST"}, ("DX", "CT"), ("abdomen",), ("CR", "chest")),
        ({}, ("DX",), ("chest",), ("DX", "chest")),
        ({}, ("DX", "CT"), ("chest", "abdomen"), (None, None)),
        ({}, (), (), (None, None)),
        ({"Modality": "DX"}, ("CT",), (), ("CT", None)),
        ({}, ("MR", "CT"), (), ("MR", None)),
        ({"Modality": "CT"}, ("MR", "CT"), (), ("CT", None)),
    ],
    ids=[
        "the image's own tags win",
        "else the study's",
        "two of either say neither",
        "nobody says anything",
        "a study that holds no radiograph has none, whatever a file says",
        "of two that are no radiograph it is one",
        "which of them the file says",
    ],
)
def test_modality_and_body_part_are_what_is_said_and_never_guessed(
    tags: dict[str, str], modality: tuple[str, ...], regions: tuple[str, ...], said: tuple[str | None, str | None]
) -> None:
    asked = asked_of(Seen(study(*modality, regions=regions), Facts(None), (picture("PA", **tags),)), Words())
    assert asked is not None
    assert (asked.focal.modality, asked.focal.body_part) == said


def test_age_sex_and_the_reason_of_the_order_are_told() -> None:
    order = {
        "resourceType": "ServiceRequest",
        "id": "o",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "reasonCode": [{"text": "Sudden dyspnoea"}, {"coding": [{"display": "Chest pain"}]}, {"text": "Sudden dyspnoea"}],
    }
    held = chart(order, birthDate="1955-03-14", gender="female")
    words = words_of(held, study("DX", orders=("ServiceRequest/o",)), "Is there a pneumothorax?", NOW)
    assert words == Words("Is there a pneumothorax?", "Sudden dyspnoea; Chest pain", 71, "female")
    assert indication(held, None) == ""


def test_names_numbers_and_dates_of_people_do_not_leave_with_the_words() -> None:
    held = chart(birthDate="1955-03-14", gender="other")
    words = words_of(held, None, "Mrs. Marta Lindqvist, MRN 004-1187, seen 14/03/2026: effusion?", NOW)
    assert "effusion" in words.question
    for secret in ("Lindqvist", "004-1187", "14/03/2026"):
        assert secret not in words.question
    assert words.sex is None
    assert "Lindqvist" not in repr(words)


@pytest.mark.parametrize(
    "question",
    ["does lindqvist have an effusion", "marta: effusion?", "L\u200bindqvist effusion", "effusion? mrn x-77", "born 14 3 55, effusion"],
)
def test_what_the_record_says_of_its_patient_does_not_leave_however_it_is_written(question: str) -> None:
    who = {"name": [{"family": "Lindqvist", "given": ["Marta"]}], "identifier": [{"value": "X77"}], "birthDate": "1955-03-14"}
    said = words_of(chart(**who), None, question, NOW).question.lower()
    assert "effusion" in said
    assert not any(secret in said for secret in ("lindqvist", "marta", "77", "55"))


@pytest.mark.parametrize(("born", "age"), [("1936-11-20", 90), ("1930-01-01", 96), ("1937-01-01", 89), ("2027-01-01", None)])
def test_the_input_gate_is_told_the_age_itself(born: str, age: int | None) -> None:
    """What a model is told of it is capped where its prompt is written."""
    assert words_of(chart(birthDate=born), None, None, NOW).age_years == age

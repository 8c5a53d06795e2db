"""The JSON form: units are named and kept to, and what was cut off is closed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import Box, Frame
from tools.med_vlm.formats.structured import mend, parse

FRAME = Frame(500, 400)


def written(boxes: Any, unit: str | None = "thousandths", sentence: str = "A left effusion.", **more: Any) -> str:
    return json.dumps({"unit": unit, "findings": [{"sentence": sentence, "boxes": boxes}], **more})


@pytest.mark.parametrize(
    ("boxes", "unit", "expected"),
    [
        ([[100, 200, 300, 1000]], "thousandths", [Box(0.1, 0.2, 0.3, 1.0)]),
        ([[0.1, 0.2, 0.3, 1]], "fractions", [Box(0.1, 0.2, 0.3, 1.0)]),
        ([[0, 0, 1, 1]], "fractions", [Box(0, 0, 1, 1)]),
        ([[0, 0, 1, 1]], "thousandths", [Box(0, 0, 0.001, 0.001)]),
        ([], None, []),
    ],
)
def test_a_box_is_read_in_the_unit_that_is_named(boxes: Any, unit: str | None, expected: list[Box]) -> None:
    (sentence,) = parse(written(boxes, unit), FRAME).sentences
    assert [box for one in sentence.drawn for box in one.boxes] == expected


@pytest.mark.parametrize(
    ("boxes", "unit", "reason"),
    [
        ([[10, 20, 30, 40]], None, "no unit"),
        ([[10, 20, 30, 40]], "pixels", "unit is missing or not of the form"),
        ([[10, 20, 30, 40]], "fractions", "outside the image"),
        ([[0.1, 0.2, 0.3, 0.4]], "thousandths", "not a whole number"),
        ([[100.0, 200.0, 300.0, 400.0]], "thousandths", "not a whole number"),
        ([[10, 20, 30, 1001]], "thousandths", r"findings\.0\.boxes\.0\.3"),
        ([[10, 20, 30, -1]], "thousandths", r"findings\.0\.boxes\.0\.3"),
        ([[30, 20, 10, 40]], "thousandths", "in order"),
        ([[10, 20, 30]], "thousandths", r"findings\.0\.boxes\.0"),
        ([[10, 20, 30, True]], "thousandths", r"findings\.0\.boxes\.0\.3"),
        ([[10, 20, 30, "40"]], "thousandths", r"findings\.0\.boxes\.0\.3"),
        ([[10, 20, 30, 40]] * 33, "thousandths", r"findings\.0\.boxes"),
        ("none", "thousandths", r"findings\.0\.boxes"),
    ],
)
def test_a_coordinate_of_another_unit_is_refused_and_never_guessed_at(boxes: Any, unit: str | None, reason: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=reason):
        parse(written(boxes, unit), FRAME)


def test_comparison_and_quality_are_read_and_other_keys_are_not_looked_at() -> None:
    made = parse(written([], comparison="The effusion is smaller.", quality=" ", thoughts="many"), FRAME)
    assert made.comparison == ("The effusion is smaller.",)
    assert made.quality == ()


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "null", "[]", "{}", '{"findings": []}', '{"findings": [{"text": "A."}]}', '{"findings": "A."}', '{"findings": [1]}',
     '{"findings": [{"sentence": ""}]}', '{"findings": [{"sentence": "A."}', "[" * 10**5, '{"findings": ' * 10**4, '{"a": 1e999}',
     '{"findings": [{"sentence": "A.", "boxes": [[NaN, 0, 1, 1]]}]}', "\ud800"],
    ids=lambda text: repr(text[:30]),
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused(text: str) -> None:
    with pytest.raises(ModelOutputInvalid):
        parse(text, FRAME)


def test_a_refusal_says_where_and_never_what_the_model_wrote() -> None:
    with pytest.raises(ModelOutputInvalid) as refused:
        parse('{"findings": [{"sentence": "A."}, {"sentence": 5, "Jane Doe": "SECRET"}], "unit": "SECRET"}', FRAME)
    assert "SECRET" not in str(refused.value)
    assert "Jane" not in str(refused.value)


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('```json\n{"findings": [{"sentence": "A."}]}\n```', ["A."]),
        ('Here it is: {"findings": [{"sentence": "A."}]} I hope {this} helps.', ["A."]),
        ('{"findings": [{"sentence": "A."}, {"sentence": "B and', ["A."]),
        ('{"findings": [{"sentence": "A."}, {"sentence": "B.", "boxes": [[1, 2', ["A."]),
        ('{"findings": [{"sentence": "A {brace} and \\"quote\\" and ]."}, {"sen', ['A {brace} and "quote" and ].']),
        ('{"findings": [{"sentence": "A \\" } B."}, {"sen', ['A " } B.']),
        ('{"findings": [{"sentence": "A."}, {"sentence": "B.", "boxes": [[1, 2, 3, 4]], ', None),
        ('{"findings": [', None),
        ("no brace", None),
        ('{"findings": [{"sentence": "A."}}', ["A."]),
    ],
)
def test_an_answer_that_was_cut_off_is_closed_after_what_is_whole(text: str, said: list[str] | None) -> None:
    mended, _ = mend(text)
    if said is None:
        with pytest.raises(ModelOutputInvalid):
            parse(mended, FRAME)
    else:
        assert [one.text for one in parse(mended, FRAME).sentences] == said


SENTENCES = st.lists(st.text(min_size=1, max_size=20).filter(lambda text: any(map(str.isalnum, text))), min_size=1, max_size=5, unique=True)


@given(SENTENCES, st.data())
def test_wherever_an_answer_is_cut_off_what_was_whole_comes_back_or_it_is_refused(sentences: list[str], data: st.DataObject) -> None:
    whole = json.dumps({"findings": [{"sentence": one} for one in sentences]}, ensure_ascii=False)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        made = parse(mend(cut)[0], FRAME)
    except ModelOutputInvalid:
        assert cut.count("}") == 0 or any("}" in one for one in sentences)
    else:
        complete = parse(whole, FRAME).sentences
        assert made.sentences == complete[: len(made.sentences)]

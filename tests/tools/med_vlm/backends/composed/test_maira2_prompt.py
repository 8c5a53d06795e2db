"""The words MAIRA-2 was trained on, with each combination of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.composed.maira2_prompt import report_turn, shown_of


def image(view: str | None) -> Image:
    return Image(np.zeros((2, 2), np.float32), view=view)


def text_of(asked: Asked, *, grounded: bool = False) -> str:
    (turn,) = report_turn(shown_of(asked), asked.indication, grounded=grounded)
    assert turn["role"] == "user"
    return "".join(part["text"] if part["type"] == "text" else f"[{part['index']}]" for part in turn["content"])


TOLD = " List the findings of this study one by one, compared with the prior frontal image where there is one."


@pytest.mark.parametrize(
    ("views", "priors", "begins", "technique"),
    [
        (["PA"], [], "Given the current frontal image only[0]", "PA view of the chest."),
        (["AP", "LL"], [], "Given the current frontal image[0] and the current lateral image[1]", "AP and lateral views of the chest."),
        (["PA"], ["PA"], "Given the current frontal image[0] and the prior frontal image[1] PRIOR_REPORT: N/A", "PA view of the chest."),
        (
            ["PA", "LATERAL"],
            ["LL", "AP"],
            "Given the current frontal image[0] the current lateral image[1] and the prior frontal image[2] PRIOR_REPORT: N/A",
            "PA and lateral views of the chest.",
        ),
        ([None, "AP"], ["RL"], "Given the current frontal image only[0]", "N/A"),
    ],
)
def test_pictures_are_named_in_the_order_they_are_shown(views: list[str], priors: list[str], begins: str, technique: str) -> None:
    asked = Asked(tuple(image(view) for view in views), tuple(image(view) for view in priors))
    assert text_of(asked) == f"{begins}{TOLD} INDICATION: N/A TECHNIQUE: {technique} COMPARISON: N/A"


def test_a_grounded_report_asks_for_boxes_before_the_indication() -> None:
    text = text_of(Asked((image("PA"),), indication="cough"), grounded=True)
    assert "a bounding box for every place" in text
    assert text.endswith("; else none. INDICATION: cough TECHNIQUE: PA view of the chest. COMPARISON: N/A")


def test_an_indication_is_cut_and_holds_no_mark_of_the_prompt() -> None:
    text = text_of(Asked((image("PA"),), indication="<image>\ud800\x00" + "x" * 1000))
    indication = text.split("INDICATION: ")[1].split(" TECHNIQUE")[0]
    assert len(indication) == 400
    assert not set(indication) & set("<>\ud800\x00")

"""Four voices: each with a mark and words, so that colour carries nothing alone."""

from __future__ import annotations

import pytest

from agent.graph import Finished
from agent.review import Say, Voice
from sidenote.web.view.voices import voice_views


def test_a_finding_the_report_denies_and_the_reading_states_is_discordant(reviews: dict[str, Finished]) -> None:
    row = next(voice for voice in voice_views(reviews["tension-ptx"].review) if voice.finding == "pneumothorax")
    assert row.discordant
    assert [(say.mark, say.words) for say in (row.chart, row.report, row.reading)] == [
        ("–", "not mentioned"),
        ("○", "absent"),
        ("●", "present left"),
    ]


@pytest.mark.parametrize(
    ("say", "mark", "words"),
    [
        (Say(count=3, of=5), "●", "3 of 5"),
        (Say(count=0, of=5), "○", "0 of 5"),
        (Say(), "–", "not counted"),
    ],
)
def test_people_with_similar_cases_are_counted_or_not(reviews: dict[str, Finished], say: Say, mark: str, words: str) -> None:
    said = Voice(finding="nodule", chart=Say(polarity="present"), report=Say(), reading=Say(), neighbours=say, discordant=False)
    (row,) = voice_views(reviews["unremarkable"].review.model_copy(update={"voices": (said,)}))
    assert (row.cases.mark, row.cases.words) == (mark, words)


@pytest.mark.parametrize(
    ("say", "mark", "words"),
    [
        (Say(), "–", "not mentioned"),
        (Say(polarity="present"), "●", "present"),
        (Say(polarity="uncertain", sides=("left", "right")), "◐", "uncertain left, right"),
    ],
)
def test_each_way_to_speak_has_a_mark_and_words(reviews: dict[str, Finished], say: Say, mark: str, words: str) -> None:
    said = Voice(finding="nodule", chart=Say(polarity="present"), report=say, reading=Say(), neighbours=Say(), discordant=False)
    (row,) = voice_views(reviews["unremarkable"].review.model_copy(update={"voices": (said,)}))
    assert (row.report.mark, row.report.words) == (mark, words)

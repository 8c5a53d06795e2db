"""Captions among captions: those of other papers alone, ranked by what they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluation.case_sets import Caption, CaptionSet
from evaluation.texts import caption_vectors, texts_ranked

SUBJECTS = ("pelvis fracture", "lung nodule apical", "brain infarct", "liver abscess")


@pytest.fixture(scope="module")
def captions() -> CaptionSet:
    """Forty captions of twenty papers on four subjects."""
    made = [
        Caption(
            f"figure {number} shows {SUBJECTS[number % 4]} in view {chr(97 + number % 13)}",
            frozenset({SUBJECTS[number % 4]}),
            f"paper {number // 2}",
        )
        for number in range(40)
    ]
    return CaptionSet("captions", "captions of the tests", tuple(made))


def test_captions_of_one_subject_are_found_by_their_words(captions: CaptionSet, encoder: Any) -> None:
    found = texts_ranked(captions, *caption_vectors(encoder, captions.captions))
    assert (found.precision.value or 0) > 0.9
    assert (found.precision.low or 0) > (found.random_precision.high or 1)
    assert (found.ndcg.value or 0) > (found.random_ndcg.high or 1)
    assert found.precision.persons == 20


def test_a_caption_of_the_same_paper_is_never_counted(captions: CaptionSet) -> None:
    """Two captions a paper, nearest to each other by far; nothing else shares a concept."""
    paired = CaptionSet("", "", tuple(Caption(one.text, frozenset({one.source}), one.source) for one in captions.captions))
    axes = np.eye(64, dtype=np.float32)[np.arange(40) // 2]
    found = texts_ranked(paired, axes, np.arange(40))
    assert found.precision.value == 0
    assert found.ndcg.value is None


def test_captions_the_encoder_has_no_words_for_are_left_out(encoder: Any, captions: CaptionSet) -> None:
    mute = Caption("12 345", frozenset({"x"}), "mute")
    vectors, places = caption_vectors(encoder, (captions.captions[0], mute, captions.captions[1]))
    assert places.tolist() == [0, 2]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_progress_counts_every_caption(encoder: Any, captions: CaptionSet) -> None:
    told: list[int] = []
    caption_vectors(encoder, captions.captions * 2, told.append)
    assert told == [64, 80]

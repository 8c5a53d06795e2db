"""The study: what can be looked at, whose it is, what it can be compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from agent.graph import Finished
from fhir.study import Outcome
from sidenote.web.view.study import IDENTITY_WORDS, priors_of, study_view


def test_the_image_that_was_read_carries_its_boxes_and_heat_maps(reviews: dict[str, Finished]) -> None:
    finished = reviews["heart-failure"]
    view = study_view(finished.review, finished)
    assert view is not None
    (image,) = view.images
    assert (image.frontal, image.rows, image.columns) == (True, 768, 768)
    assert image.boxes
    assert {"right pleural effusion"} <= {heat.finding for heat in image.heat_maps}
    assert all(0 <= value <= 1 for heat in image.heat_maps for row in heat.rows for value in row)
    for box in image.boxes:
        assert box.region.x0 < box.region.x1
        assert box.evidence


def test_what_was_not_read_has_no_boxes(reviews: dict[str, Finished]) -> None:
    finished = reviews["child"]
    view = study_view(finished.review, finished)
    assert view is not None
    assert [(image.boxes, image.heat_maps) for image in view.images] == [((), ())]


def test_nothing_is_left_of_an_image_of_somebody_else_but_that_it_is(reviews: dict[str, Finished]) -> None:
    finished = reviews["wrong-patient"]
    view = study_view(finished.review, finished)
    assert view is not None
    assert (view.identity, view.images, view.priors) == ("mismatch", (), ())
    assert "PatientID" in view.identity_words


def test_earlier_studies_are_newest_first_and_at_most_three(reviews: dict[str, Finished]) -> None:
    finished = reviews["pneumonia-prior"]
    (prior,) = priors_of(finished)
    view = study_view(finished.review, finished)
    assert view is not None
    assert [(one.number, one.when, one.modality) for one in view.priors] == [(1, "20 Aug 2026, 09:00 UTC", "DX")]
    assert prior.started is not None
    assert prior.started.earliest < finished.snapshot.as_of


def test_a_withheld_review_offers_nothing_to_compare_with(reviews: dict[str, Finished]) -> None:
    finished = reviews["pneumonia-prior"]
    assert priors_of(replace(finished, review=finished.review.model_copy(update={"status": "withheld"}))) == ()


def test_a_chart_without_a_study_has_no_part(reviews: dict[str, Finished]) -> None:
    finished = reviews["contrast-reaction"]
    assert study_view(finished.review, finished) is None


@pytest.mark.parametrize("outcome", [*get_args(Outcome), "none"])
def test_every_outcome_of_the_identity_check_has_words(outcome: str) -> None:
    assert IDENTITY_WORDS[outcome]

"""The published contract."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from agent.review import Review, review_schema

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic


def test_the_schema_is_the_same_every_time_and_closed() -> None:
    assert json.dumps(review_schema()) == json.dumps(review_schema())
    schema = review_schema()
    objects = [schema, *schema["$defs"].values()]
    assert all(each.get("additionalProperties") is False for each in objects if each.get("type") == "object")


PROMISED = {
    "Review": "review_id status patient study evidence claims withheld policies similar_cases reading manifest versions timings",
    "Evidence": "id kind reference version text sha256 region",
    "ReviewClaim": "id text kind polarity evidence verdict checks",
    "ReviewPolicy": "id outcome action message evidence",
    "Withheld": "claim reason",
}


@pytest.mark.parametrize("name", PROMISED)
def test_the_schema_holds_what_the_interface_promises(name: str) -> None:
    schema = review_schema()
    found = schema if name == "Review" else schema["$defs"][name]
    assert set(PROMISED[name].split()) <= set(found["properties"])


def test_a_review_survives_its_json_and_refuses_an_unknown_key(clinic: Clinic) -> None:
    review = clinic.review(clinic.ask("heart-failure")).review
    assert Review.model_validate_json(review.model_dump_json()) == review
    with pytest.raises(ValidationError):
        Review.model_validate({**review.model_dump(), "approved": True})
    with pytest.raises(ValidationError):
        review.status = "presented"  # type: ignore[misc]  # it is frozen


def test_names_and_identifiers_stand_where_the_reader_looks_for_them_and_nowhere_else(clinic: Clinic) -> None:
    review = clinic.review(clinic.ask("heart-failure")).review
    assert (review.patient.name, review.patient.identifiers) == ("Giulia Rossi", ("SPH-004302",))
    text = review.model_dump_json(exclude={"patient"})
    patient = asyncio.run(clinic.source.chart("heart-failure")).patient.body
    for canary in (patient["name"][0]["family"], patient["identifier"][0]["value"], patient["birthDate"]):
        assert canary not in text

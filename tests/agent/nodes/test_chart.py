"""The one pull of the chart: the bound patient's, or none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from agent.nodes.chart import pull_chart
from fhir.errors import AnotherPatient, UnknownPatient

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic


class Swapping:
    """A source that answers with one patient's chart whoever is asked for: what a broken cache or proxy does."""

    def __init__(self, inner: Any, always: str) -> None:
        self.inner, self.always = inner, always

    async def chart(self, patient: str) -> Any:
        return await self.inner.chart(self.always)


def test_pulls_the_asked_patients_chart(clinic: Clinic) -> None:
    chart = asyncio.run(pull_chart(clinic.source, "Patient/heart-failure"))
    assert chart.patient.reference == "Patient/heart-failure"
    assert chart.of_type("Condition")


@pytest.mark.parametrize(
    ("asked", "answered", "refusal"),
    [("Patient/laterality", "Patient/heart-failure", AnotherPatient), ("Patient/nobody", "Patient/nobody", UnknownPatient)],
)
def test_refuses_any_other_answer_and_names_nobody(asked: str, answered: str, refusal: type[Exception], clinic: Clinic) -> None:
    source: Any = Swapping(clinic.source, answered)
    with pytest.raises(refusal) as refused:
        asyncio.run(pull_chart(source, asked))
    assert [name for name in (asked, answered) if name.partition("/")[2] in str(refused.value)] == []


def test_an_answer_under_the_bare_id_is_another_reference_than_the_bound_one(clinic: Clinic) -> None:
    with pytest.raises(AnotherPatient):
        asyncio.run(pull_chart(clinic.source, "heart-failure"))

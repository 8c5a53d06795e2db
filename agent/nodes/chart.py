"""chart: the patient's record, pulled once and frozen."""

from __future__ import annotations

from fhir.chart import Chart
from fhir.errors import AnotherPatient
from fhir.source import Source


async def pull_chart(source: Source, patient: str) -> Chart:
    """The chart of `patient` (a reference).

    Raises:
        AnotherPatient: the source answered with another patient than the bound one.
        RecordError: whatever else is wrong with the source, typed.
    """
    chart = await source.chart(patient)
    if chart.patient.reference != patient:
        raise AnotherPatient("the source answered with another patient than the one asked for")
    return chart

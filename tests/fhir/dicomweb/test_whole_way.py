"""A review's images over the wire alone: the chart from a FHIR server, the pixels from Orthanc, and the patient checked between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from agent.nodes.study import Seen, look_at_study
from agent.request import ReviewRequest
from fhir.access import Access
from fhir.server import ServerSource
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients.story import CLOCK, Story


def resources(told: Mapping[str, Story], base: str) -> Iterator[Mapping[str, Any]]:
    """The stories' records with their images on an image server alone."""
    connection = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "dicom-wado-rs"}
    payload = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any"}]}]
    yield {
        "resourceType": "Endpoint",
        "id": "pacs",
        "status": "active",
        "connectionType": connection,
        "payloadType": payload,
        "address": base,
    }
    for story in told.values():
        for resource in story.resources:
            if resource["resourceType"] == "ImagingStudy":
                yield {**resource, "endpoint": [{"reference": "Endpoint/pacs"}]}
            elif resource["resourceType"] != "DocumentReference":
                yield resource


def seen_of(ehr: Running, patient: str, access: Access) -> Seen:
    async def run() -> Seen:
        source = ServerSource(ehr.base, access)
        try:
            return await look_at_study(ReviewRequest(patient, CLOCK), source.chart(patient), source)
        finally:
            await source.aclose()

    return asyncio.run(run())


@pytest.mark.std("D1")
@pytest.mark.std("D3")
@pytest.mark.std("D4")
@pytest.mark.std("E6")
@pytest.mark.parametrize("everything", [True, False], ids=["$everything", "type by type"])
def test_one_patients_picture_comes_and_anothers_does_not(told: Mapping[str, Story], orthanc: Any, everything: bool) -> None:
    with running(Store(resources(told, orthanc.base)), Config(everything=everything)) as ehr:
        access = Access(plain_images=(orthanc.base,))
        mine, other = seen_of(ehr, "heart-failure", access), seen_of(ehr, "wrong-patient", access)
        closed = seen_of(ehr, "heart-failure", Access())
    assert [picture.tags["PatientID"] for picture in mine.pictures] == ["SPH-004302"]
    assert mine.facts.identity is not None
    assert (mine.facts.identity.outcome, mine.facts.refused) == ("match", ())
    assert (other.pictures, other.facts.images, other.facts.refused) == ((), (), ("image_wrong_patient",))
    assert (closed.pictures, closed.facts.refused) == ((), ("elsewhere_refused",))

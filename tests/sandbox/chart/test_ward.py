"""The whole hospital: everybody is in it, and every image lies on its image server alone."""

from __future__ import annotations

from sandbox.chart.staff import CLINICIANS
from sandbox.chart.ward import ward
from sandbox.ehr.config import Config
from sandbox.patients import chests, contrast
from sandbox.patients.hospital import image_file

ORIGIN = "http://127.0.0.1:8400"


def test_everybody_is_admitted_and_images_are_named_where_they_are() -> None:
    told = (contrast.shellfish_label(), chests.unremarkable())
    hospital = ward(told, ORIGIN, Config(users=CLINICIANS))
    assert [version.id for version in hospital.store.of_type("Patient")] == ["shellfish-label", "unremarkable"]
    assert {f"Practitioner/{version.id}" for version in hospital.store.of_type("Practitioner")} == {user.fhir_user for user in CLINICIANS}
    assert list(hospital.store.of_type("DocumentReference")) == []
    (endpoint,) = hospital.store.of_type("Endpoint")
    assert endpoint.body["address"] == f"{ORIGIN}/dicomweb"
    (study,) = hospital.store.of_type("ImagingStudy")
    assert study.body["endpoint"] == [{"reference": f"Endpoint/{endpoint.id}"}]
    (image,) = hospital.images
    assert image.data == image_file(told[1].images[0])


def test_files_that_were_drawn_before_are_taken_as_they_are() -> None:
    told = (chests.unremarkable(),)
    drawn = image_file(told[0].images[0])
    asked: list[str] = []

    def file_of(image: object) -> bytes:
        asked.append(getattr(image, "path", ""))
        return drawn

    ward(told, ORIGIN, Config(), file_of=file_of)
    assert asked == ["images/unremarkable-1.dcm"]

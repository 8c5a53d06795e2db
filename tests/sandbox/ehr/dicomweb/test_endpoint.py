"""Where the record says the images are."""

from __future__ import annotations

from typing import Any

import pytest

from fhir.models import require_valid
from sandbox.ehr.dicomweb.endpoint import name_images
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.store import Store


@pytest.fixture
def hospital(records: list[dict[str, Any]], files: tuple[bytes, ...]) -> Hospital:
    held = Hospital(Store(records))
    held.images.add(files[0])
    held.move_to("http://127.0.0.1:7")
    return held


@pytest.mark.std("D4")
def test_the_record_names_the_server_of_the_images_it_holds(hospital: Hospital) -> None:
    assert name_images(hospital) == 1
    endpoint, mine, others = (hospital.store.current(name) for name in ("Endpoint/dicomweb", "ImagingStudy/i1", "ImagingStudy/i2"))
    assert endpoint is not None
    assert mine is not None
    assert others is not None
    require_valid(endpoint.body)
    assert endpoint.body["address"] == hospital.dicomweb == "http://127.0.0.1:7/dicomweb"
    assert mine.body["endpoint"] == [{"reference": "Endpoint/dicomweb"}]
    assert "endpoint" not in others.body


def test_named_again_after_a_move_the_address_is_new_and_the_studies_stay(hospital: Hospital) -> None:
    name_images(hospital)
    hospital.move_to("http://127.0.0.1:8")
    assert name_images(hospital) == 1
    endpoint, study = hospital.store.current("Endpoint/dicomweb"), hospital.store.current("ImagingStudy/i1")
    assert endpoint is not None
    assert study is not None
    assert (endpoint.body["address"], study.number) == ("http://127.0.0.1:8/dicomweb", 2)

"""Images as small PNG files, and where their files are found."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fhir.errors import FileRejected
from fhir.study import ImageSource, Instance
from sandbox.chart.pictures import SIDES, Pictures, Size, held_by
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.store import Store
from sandbox.patients import chests
from sandbox.patients.hospital import image_file


@pytest.fixture(scope="module")
def dicom() -> bytes:
    return image_file(chests.unremarkable().images[0])


@pytest.mark.parametrize("size", SIDES)
def test_a_picture_is_grey_and_no_larger_than_asked(size: Size, dicom: bytes) -> None:
    with Image.open(io.BytesIO(Pictures().png(dicom, size))) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        assert max(image.size) <= SIDES[size]
        assert np.asarray(image).std() > 20


def test_a_picture_is_made_once(dicom: bytes) -> None:
    pictures = Pictures()
    assert pictures.png(dicom, "small") is pictures.png(bytes(dicom), "small")


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(FileRejected):
        Pictures().png(b"not an image", "small")


def test_a_file_is_found_in_the_record_in_a_binary_and_on_the_image_server(dicom: bytes) -> None:
    hospital = Hospital(Store([{"resourceType": "Binary", "id": "b", "data": base64.b64encode(b"binary").decode()}]))
    image = hospital.images.add(dicom)
    held = held_by(hospital)
    at = Instance(hospital.dicomweb, image.study, image.series, image.instance)
    assert held(ImageSource("DocumentReference/d", None, data=b"inline")) == b"inline"
    assert held(ImageSource("DocumentReference/d", None, url="Binary/b")) == b"binary"
    assert held(ImageSource("DocumentReference/d", None, url=f"{hospital.base}/Binary/b")) == b"binary"
    assert held(ImageSource("ImagingStudy/s", None, instance=at)) == dicom


@pytest.mark.parametrize("url", ["Binary/none", "Patient/b", "http://elsewhere.example/Binary/b", "../Binary/b", "file:///etc/passwd", ""])
def test_nothing_is_fetched_from_anywhere_else(url: str) -> None:
    hospital = Hospital(Store([{"resourceType": "Binary", "id": "b", "data": "%%"}]))
    assert held_by(hospital)(ImageSource("DocumentReference/d", None, url=url)) is None
    assert held_by(hospital)(ImageSource("DocumentReference/d", None, url="Binary/b")) is None
    nowhere = Instance(hospital.dicomweb, "1", "2", "3")
    assert held_by(hospital)(ImageSource("ImagingStudy/s", None, instance=nowhere)) is None

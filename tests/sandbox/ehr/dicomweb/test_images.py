"""What the image server holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.ehr.dicomweb.images import Images


def test_a_file_is_kept_to_the_byte_and_found_by_its_place(images: Images, files: tuple[bytes, ...]) -> None:
    assert [each.data for each in images] == list(files)
    assert [each.instance for each in images.of("1.2.3")] == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.1"]
    assert [each.instance for each in images.of("1.2.3", "1.2.3.1", "1.2.3.1.2")] == ["1.2.3.1.2"]
    assert images.of("1.2.3", "1.2.4.1") == ()
    assert images.studies() == ("1.2.3", "1.2.4", "1.2.9")
    (cine,) = images.of("1.2.3", "1.2.3.2")
    assert "PixelData" not in cine.header
    assert cine.whole().pixel_array.shape == (2, 6, 8)


def test_the_same_instance_again_takes_the_place_of_the_former(images: Images, dicom_file: Callable[..., bytes]) -> None:
    held = len(list(images))
    images.add(dicom_file("1.2.3", 1, 1, PatientComments="again"))
    assert len(list(images)) == held
    assert images.of("1.2.3", "1.2.3.1", "1.2.3.1.1")[0].header.PatientComments == "again"


@pytest.mark.parametrize("cut", [0, 100, 140])
def test_what_is_no_dicom_file_is_not_taken(files: tuple[bytes, ...], cut: int) -> None:
    images = Images()
    with pytest.raises(ValueError, match="not a DICOM file"):
        images.add(files[0][:cut])
    assert list(images) == []


def test_a_file_without_its_uids_is_not_taken(dicom_file: Callable[..., bytes]) -> None:
    with pytest.raises(ValueError, match="without study, series or instance"):
        Images().add(dicom_file("1.2.3", 1, 1, StudyInstanceUID=None))

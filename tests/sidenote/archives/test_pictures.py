"""An archive's image files are decoded as a review's are, or refused with a fixed reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fhir.pixels import decode
from retrieval.errors import BadCase
from sidenote.archives.pictures import burnt_in, picture_of, read_any_picture


def test_a_dicom_file_shows_what_a_review_shows(tmp_path: Path, made: Any) -> None:
    (tmp_path / "any").write_bytes(made.radiograph(7))
    assert np.array_equal(read_any_picture(tmp_path / "any"), decode(made.radiograph(7)).pixels)
    assert picture_of(tmp_path / "any").tags["PatientID"] == "P-1"


def test_png_and_jpeg_are_read_too(tmp_path: Path) -> None:
    grey = np.linspace(0, 255, 32 * 24).reshape(32, 24).astype(np.uint8)
    for name in ("a.png", "a.jpg"):
        Image.fromarray(grey).save(tmp_path / name)
        assert np.abs(read_any_picture(tmp_path / name) - grey / 255).max() < 0.05


@pytest.mark.fault(54)
@pytest.mark.parametrize("name", ["image_dfl.dcm", "test-SR.dcm", "no_meta.dcm", "none.dcm"])
def test_what_is_no_image_is_refused(kit: Path, name: str) -> None:
    with pytest.raises(BadCase, match="image cannot be decoded"):
        read_any_picture(kit / "dicom" / "pydicom" / name)


def test_an_image_with_text_burnt_in_is_refused(tmp_path: Path, made: Any) -> None:
    (tmp_path / "burnt").write_bytes(made.radiograph(7, BurnedInAnnotation="YES"))
    with pytest.raises(BadCase, match="text is burnt into the image"):
        read_any_picture(tmp_path / "burnt")
    assert [burnt_in(text) for text in ("YES", "yes ", "NO", "", "11111111")] == [True, True, False, False, False]

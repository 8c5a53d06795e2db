"""What the imaging records keep to themselves: a log line of one never shows a patient's identity or pixels."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from fhir.study import IdentityCheck, ImageSource, Picture

PRIVATE = "MRN-4711"
PICTURE = Picture(np.zeros((2, 2), np.float32), "a" * 64, "dicom", {"PatientID": PRIVATE})
SOURCE = ImageSource("DocumentReference/d", "application/dicom", data=PRIVATE.encode())
CHECK = IdentityCheck("mismatch", (("PatientID", "mismatch"),))


@pytest.mark.parametrize("record", [PICTURE, SOURCE], ids=lambda record: type(record).__name__)
def test_what_a_record_prints_carries_no_identity(record: object) -> None:
    assert PRIVATE not in repr(record)
    assert PRIVATE not in f"{record}"


@pytest.mark.parametrize(
    ("record", "field"), [(PICTURE, "tags"), (SOURCE, "data"), (CHECK, "outcome")], ids=["Picture", "ImageSource", "IdentityCheck"]
)
def test_a_record_is_never_changed(record: Any, field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(record, field, None)

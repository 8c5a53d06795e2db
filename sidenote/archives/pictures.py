"""Image files of an archive, decoded where the project decodes all of them: in a child process with limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fhir.errors import FileRejected
from fhir.pixels import MAX_BYTES, decode
from fhir.study import Picture
from retrieval.errors import BadCase

BURNT_IN = "text is burnt into the image"


def read_any_picture(path: Path) -> NDArray[np.float32]:
    """A DICOM, PNG or JPEG file as grey [rows, columns] in 0..1, as a review would show it to the model.

    Raises:
        BadCase: it cannot be decoded, or says that text is burnt into it.
    """
    return picture_of(path).pixels


def picture_of(path: Path) -> Picture:
    """A decoded file with its tags. Raises as `read_any_picture`."""
    try:
        with path.open("rb") as file:
            picture = decode(file.read(MAX_BYTES + 1))
    except (OSError, FileRejected) as error:
        raise BadCase("image cannot be decoded") from error
    if burnt_in(picture.tags.get("BurnedInAnnotation", "")):
        raise BadCase(BURNT_IN)
    return picture


def burnt_in(annotation: str) -> bool:
    """Whether Burned In Annotation (0028,0301) says YES: a name in the pixels is out of every rule's reach."""
    return annotation.strip().upper() == "YES"

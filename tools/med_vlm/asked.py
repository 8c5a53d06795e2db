"""What a Med-VLM is asked: the images of one study, what it is compared with, and the words that go with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Image:
    """One image as it is shown to a model. What nobody said is None, and never guessed."""

    pixels: NDArray[np.float32] = field(repr=False)
    """[rows, columns], 0 (black, air) .. 1."""
    view: str | None = None
    """DICOM ViewPosition: PA, AP, LL …"""
    modality: str | None = None
    """DICOM Modality: CR, DX, CT …"""
    body_part: str | None = None
    """Key of `fhir.regions`, e.g. `chest`."""
    sha256: str = ""
    """Of the file it came from."""


@dataclass(frozen=True)
class Asked:
    """One question to a model about one study of one patient. Its words carry no identity (`retrieval.deidentify.report`)."""

    images: tuple[Image, ...]
    """The focal study's, the one to be read first; never empty."""
    priors: tuple[Image, ...] = ()
    """Of the newest comparable study before, the one to compare with first."""
    question: str = ""
    indication: str = ""
    age_years: float | None = None
    sex: Sex | None = None

    def __post_init__(self) -> None:
        """Refuse to ask about nothing.

        Raises:
            ValueError: there is no image.
        """
        if not self.images:
            raise ValueError("a reading needs an image")

    @property
    def focal(self) -> Image:
        """The image that is read."""
        return self.images[0]

    def with_pixels(self, pixels: NDArray[np.float32]) -> Asked:
        """The same question about other pixels, the other views left out: what the image-reliance probe asks."""
        return replace(self, images=(replace(self.focal, pixels=pixels, sha256=""),))


def asked_of(pixels: NDArray[np.float32]) -> Asked:
    """One image alone, nothing said of it."""
    return Asked((Image(pixels),))

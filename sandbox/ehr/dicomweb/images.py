"""What the image server holds: DICOM files, as they came, by study, series and instance."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError


@dataclass(frozen=True, slots=True)
class Image:
    """One instance: its file to the byte, and all of it that is not pixels."""

    data: bytes = field(repr=False)
    header: Dataset = field(repr=False)
    transfer_syntax: str

    @property
    def study(self) -> str:
        """Its StudyInstanceUID."""
        return str(self.header.StudyInstanceUID)

    @property
    def series(self) -> str:
        """Its SeriesInstanceUID."""
        return str(self.header.SeriesInstanceUID)

    @property
    def instance(self) -> str:
        """Its SOPInstanceUID."""
        return str(self.header.SOPInstanceUID)

    def whole(self) -> Dataset:
        """The data set with its pixels."""
        return pydicom.dcmread(io.BytesIO(self.data))


class Images:
    """All images, in the order they came."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: dict[str, Image] = {}

    def add(self, data: bytes) -> Image:
        """Take in a DICOM file; one of the same instance is replaced.

        Raises:
            ValueError: it is no DICOM file, or lacks one of the three UIDs.
        """
        try:
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            image = Image(data, header, str(header.file_meta.TransferSyntaxUID))
            named = header.StudyInstanceUID and header.SeriesInstanceUID and header.SOPInstanceUID
        except (InvalidDicomError, AttributeError) as error:
            raise ValueError("not a DICOM file") from error
        if not named:
            raise ValueError("a DICOM file without study, series or instance")
        self._held[image.instance] = image
        return image

    def of(self, study: str, series: str | None = None, instance: str | None = None) -> tuple[Image, ...]:
        """The images of a study, of one of its series, or the one instance; empty when nothing is there."""
        return tuple(
            each
            for each in self._held.values()
            if each.study == study and series in (None, each.series) and instance in (None, each.instance)
        )

    def studies(self) -> tuple[str, ...]:
        """The UIDs of all studies."""
        return tuple(dict.fromkeys(each.study for each in self._held.values()))

    def __iter__(self) -> Iterator[Image]:
        return iter(tuple(self._held.values()))

"""The DICOM JSON model (DICOM PS3.18 Annex F), read leniently where servers differ and never trusted for its text.

A data set is an object from tag (`00100020`) to `{"vr": "LO", "Value": ["…"]}`. Numbers may come as text, an absent value as null
or as no `Value` at all, and one data set alone instead of in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fhir.errors import BadJson, NotDicomweb, NotFhir
from fhir.jsontext import check, decode_strictly

TAGS: Mapping[str, str] = {
    "TransferSyntaxUID": "00020010",
    "SOPClassUID": "00080016",
    "SOPInstanceUID": "00080018",
    "StudyDate": "00080020",
    "AccessionNumber": "00080050",
    "Modality": "00080060",
    "ModalitiesInStudy": "00080061",
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
    "OtherPatientIDs": "00101000",
    "OtherPatientIDsSequence": "00101002",
    "BodyPartExamined": "00180015",
    "ViewPosition": "00185101",
    "StudyInstanceUID": "0020000D",
    "SeriesInstanceUID": "0020000E",
    "SeriesNumber": "00200011",
    "InstanceNumber": "00200013",
    "Laterality": "00200060",
    "ImageLaterality": "00200062",
    "NumberOfSeriesRelatedInstances": "00201209",
    "NumberOfFrames": "00280008",
    "Rows": "00280010",
    "Columns": "00280011",
    "BitsAllocated": "00280100",
    "BurnedInAnnotation": "00280301",
    "AvailableTransferSyntaxUID": "00083002",
}
"""DICOM keyword -> tag, as PS3.18 writes it: what is read of an answer, and no more (DICOM PS3.6)."""
LONGEST = 256
"""Characters of a value that are kept."""


class _Element(msgspec.Struct):
    vr: str | None = None
    Value: list[Any] | None = None  # the name PS3.18 gives it


_decoder = msgspec.json.Decoder(list[dict[str, _Element]] | dict[str, _Element])


@dataclass(frozen=True, slots=True)
class Attributes:
    """One data set. Only the keywords of `TAGS` can be asked for."""

    elements: Mapping[str, _Element] = field(repr=False)

    def values(self, keyword: str) -> tuple[Any, ...]:
        """Every value of an attribute, without those that are null; () when it is not there."""
        element = self.elements.get(TAGS[keyword])
        return tuple(value for value in (element.Value or () if element else ()) if value is not None)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The values as text, without the padding of DICOM (PS3.5 6.2) and at most 256 characters each."""
        plain = (value for value in self.values(keyword) if isinstance(value, str | int | float) and not isinstance(value, bool))
        return tuple(text for text in (str(value).strip(" \0")[:LONGEST] for value in plain) if text)

    def text(self, keyword: str) -> str:
        r"""All values as one text, `\` between them as in a file; "" when there is none."""
        return "\\".join(self.texts(keyword))

    def number(self, keyword: str) -> int | None:
        """The first value as a whole number; None when it is none, or has more digits than any number DICOM knows."""
        first = next(iter(self.texts(keyword)), "")
        return int(first) if first.lstrip("-").isdecimal() and first.isascii() and len(first) <= 12 else None

    def items(self, keyword: str) -> tuple[Attributes, ...]:
        """The items of a sequence."""
        return tuple(Attributes(_elements(item)) for item in self.values(keyword) if isinstance(item, dict))

    def tags(self) -> dict[str, str]:
        """Keyword -> text for everything that `fhir.identity` compares, as `fhir.study.Picture.tags` has it of a file."""
        found = {keyword: self.text(keyword) for keyword in TAGS if not keyword.endswith("Sequence")}
        others = [*self.texts("OtherPatientIDs"), *(item.text("PatientID") for item in self.items("OtherPatientIDsSequence"))]
        found["OtherPatientIDs"] = "\\".join(filter(None, others))
        return {keyword: text for keyword, text in found.items() if text}


def _elements(item: Mapping[str, Any]) -> dict[str, _Element]:
    try:
        return msgspec.convert(item, dict[str, _Element])
    except msgspec.ValidationError:
        return {}


def read_attributes(body: bytes) -> tuple[Attributes, ...]:
    """The data sets of an `application/dicom+json` body; () for an empty one.

    Raises:
        NotDicomweb: it is not JSON, or not the DICOM JSON model.
    """
    if not body.strip():
        return ()
    try:
        check(body)
        found = decode_strictly(_decoder.decode, body)
    except (BadJson, NotFhir) as error:
        raise NotDicomweb("the image server did not answer with DICOM JSON") from error
    return tuple(map(Attributes, found if isinstance(found, list) else [found]))

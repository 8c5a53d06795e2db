"""QIDO-RS: which studies, series or instances match, and what is told of each (DICOM PS3.18, 8.3.4 and 10.6; PS3.4, C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from typing import Literal

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from sandbox.ehr.dicomweb.images import Image
from sandbox.ehr.outcome import Refusal

Level = Literal["studies", "series", "instances"]
MOST = 100
"""Matches an answer, however many are asked for."""
_TOLD: dict[Level, tuple[str, ...]] = {
    "studies": (
        *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "ReferringPhysicianName"),
        *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    ),
    "series": ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality"),
    "instances": (
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
        *("Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
    ),
}
"""What is told unasked (PS3.18, tables 10.6.3-3 to -5)."""
_KEYS: dict[Level, tuple[str, ...]] = {
    "studies": (
        *("StudyInstanceUID", "StudyID", "StudyDate", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName"),
        *("PatientName", "PatientID", "IssuerOfPatientID"),
    ),
    "series": ("SeriesInstanceUID", "SeriesNumber", "Modality"),
    "instances": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}
_UIDS = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}
_LEVELS: tuple[Level, ...] = ("studies", "series", "instances")
_DATES = re.compile(r"(\d{8})?-?(\d{8})?")


@dataclass(frozen=True, slots=True)
class Qido:
    """A question: at which level, by which keys, with which attributes more, and which part of the answer."""

    level: Level
    keys: tuple[tuple[str, str], ...] = ()
    include: frozenset[str] = frozenset()
    """Keywords; `all` for everything but pixels."""
    limit: int = MOST
    offset: int = 0
    fuzzy: bool = False
    """Whether fuzzy matching was asked for, which is not done."""


def read_question(level: Level, pairs: Iterable[tuple[str, str]]) -> Qido:
    """Read the parameters of a search.

    Raises:
        Refusal: 400 for an attribute that is none or cannot be searched by at this level, an empty key, a number that is none.
    """
    keys: list[tuple[str, str]] = []
    include: set[str] = set()
    numbers: dict[str, int] = {}
    fuzzy = False
    for name, value in pairs:
        if name == "includefield":
            include |= {_keyword(each) for each in value.split(",")}
        elif name in ("limit", "offset"):
            numbers[name] = _number(name, value)
        elif name == "fuzzymatching":
            fuzzy = value == "true"
        else:
            keys.append((_key(level, name), value))
    if any(not value for _, value in keys):
        raise Refusal(400, "a search key without a value")
    return Qido(level, tuple(keys), frozenset(include), min(numbers.get("limit", MOST), MOST), numbers.get("offset", 0), fuzzy)


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise Refusal(400, f"{name} must be a whole number")
    return int(value)


def _keyword(text: str) -> str:
    """The keyword of an attribute named by keyword or by its eight hexadecimal digits."""
    if text == "all":
        return text
    found = keyword_for_tag(int(text, 16)) if re.fullmatch(r"[0-9A-Fa-f]{8}", text) else text
    if tag_for_keyword(found) is None:
        raise Refusal(400, "no such attribute")
    return found


def _key(level: Level, text: str) -> str:
    keyword = _keyword(text)
    above = _LEVELS[: _LEVELS.index(level) + 1]
    if not any(keyword in _KEYS[each] for each in above):
        raise Refusal(400, f"{level} cannot be searched by this attribute")
    return keyword


def matches(images: Iterable[Image], asked: Qido) -> tuple[list[Dataset], int]:
    """One data set a match, of the page asked for; and how many there are in all."""
    groups: dict[str, list[Image]] = {}
    for image in images:
        groups.setdefault(str(image.header[_UIDS[asked.level]].value), []).append(image)
    studies = _modalities([image for group in groups.values() for image in group])
    found = [group for group in groups.values() if all(_fits(group, studies, key, value) for key, value in asked.keys)]
    page = found[asked.offset : asked.offset + asked.limit]
    return [_told(group, studies, asked) for group in page], len(found)


def _modalities(images: list[Image]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for image in images:
        found.setdefault(image.study, {})[str(image.header.get("Modality", ""))] = None
    return {study: list(names) for study, names in found.items()}


def _fits(group: list[Image], modalities: dict[str, list[str]], key: str, value: str) -> bool:
    first = group[0]
    given = modalities[first.study] if key == "ModalitiesInStudy" else list(_texts(first.header, key))
    if key == "StudyDate":
        return _dated(given, value)
    if key.endswith("UID"):
        return any(each in re.split(r"[,\\]", value) for each in given)
    pattern = re.compile(translate(value.replace("[", "[[]")), re.IGNORECASE if key.endswith("Name") else 0)
    return any(pattern.fullmatch(each) for each in given)


def _texts(header: Dataset, keyword: str) -> Iterator[str]:
    value = header.get(keyword)
    for each in value if isinstance(value, MultiValue) else [] if value is None else [value]:
        yield str(each)


def _dated(given: list[str], value: str) -> bool:
    """A day, or a range with either end open."""
    shape = _DATES.fullmatch(value)
    if shape is None or value == "-":
        raise Refusal(400, "StudyDate must be a day or a range of days")
    since, until = shape.groups()
    if "-" not in value:
        return since in given
    return any((since or "") <= each <= (until or "9") for each in given)


def _told(group: list[Image], modalities: dict[str, list[str]], asked: Qido) -> Dataset:
    header = group[0].header
    told = Dataset()
    for keyword in dict.fromkeys([*_TOLD[asked.level], *sorted(asked.include - {"all"})]):
        if keyword in header:
            told[keyword] = header[keyword]
    if "all" in asked.include:
        told.update(header)
    if asked.level == "studies":
        told.ModalitiesInStudy = modalities[group[0].study]
        told.NumberOfStudyRelatedSeries = len({each.series for each in group})
        told.NumberOfStudyRelatedInstances = len(group)
    elif asked.level == "series":
        told.NumberOfSeriesRelatedInstances = len(group)
    told.InstanceAvailability = "ONLINE"
    return told

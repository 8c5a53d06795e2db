"""Reads an archive of cases: a folder with `cases.jsonl` and the images it names.

One JSON object a line, read strictly: unknown keys, a key twice, NaN, a wrong type or a path out of the folder reject that
line with its number and a reason, and the build counts it. Identifiers are hashed as they are read and go no further. Reports
must be de-identified before: nothing here looks for names in prose.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from retrieval.cards import CaseCard, CaseFinding, Rejected, SourceCase
from retrieval.errors import BadArchive, BadCase
from retrieval.keys import Keyring, age_band, check_image, difference_hash

FILE = "cases.jsonl"
LONGEST_LINE = 1 << 20
LARGEST_IMAGE = 64_000_000
"""Pixels: above any radiograph, below what exhausts memory."""
_WIDE_MODES = {"I;16": 65535.0, "I;16B": 65535.0, "I;16L": 65535.0}


def _day(value: object) -> date:
    """Exactly YYYY-MM-DD: a partial date or a time would leave open whether a case is later than a query."""
    if isinstance(value, str) and len(value) == 10:
        return date.fromisoformat(value)
    raise ValueError("not a day written YYYY-MM-DD")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FindingLine(_Strict):
    """A finding the report states."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$", description="Name of the finding, e.g. pleural_effusion")
    side: Literal["left", "right", "bilateral"] | None = None


class CaseLine(_Strict):
    """One line of `cases.jsonl`. `case_schema()` publishes it as JSON Schema."""

    key: str = Field(min_length=1, max_length=256, description="Identifier of the case in its archive")
    person: str = Field(min_length=1, max_length=256, description="Identifier of the person; hashed on reading")
    study: str = Field(min_length=1, max_length=256, description="Study Instance UID or accession number; hashed on reading")
    as_of: Annotated[date, BeforeValidator(_day)] = Field(description="Day of the study, YYYY-MM-DD")
    modality: str = Field(pattern=r"^[A-Z]{2,16}$", description="DICOM Modality, e.g. CR")
    body_part: str = Field("CHEST", pattern=r"^[A-Z]{2,16}$", description="DICOM Body Part Examined")
    view: str = Field(pattern=r"^[A-Z]{2,16}$", description="DICOM View Position, e.g. PA")
    age: int | None = Field(ge=0, le=130, description="Years; stored as a ten-year band")
    sex: Literal["female", "male", "other", "unknown"]
    findings: tuple[FindingLine, ...] = Field(strict=False, max_length=64)
    report: str = Field(min_length=1, max_length=100_000, description="De-identified report text")
    image: str = Field(min_length=1, max_length=512, description="PNG or JPEG, path relative to the folder")
    consent: str = Field(min_length=1, max_length=256, description="On what ground the case may be used")
    licence: str = Field(min_length=1, max_length=256)
    outcome: str | None = Field(None, max_length=256)


def case_schema() -> dict[str, Any]:
    """JSON Schema of a line of `cases.jsonl`."""
    return CaseLine.model_json_schema()


def count_cases(folder: Path) -> int:
    """How many lines the archive has, for a progress bar.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    try:
        with (folder / FILE).open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError as error:
        raise BadArchive(f"the folder has no readable {FILE}") from error


def read_cases(folder: Path, keyring: Keyring) -> Iterator[SourceCase | Rejected]:
    """The cases of an archive in the order of its lines; a line that cannot be a case as `Rejected` with its number.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    count_cases(folder)
    with (folder / FILE).open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
            if not line.strip():
                continue
            try:
                yield _case(_line(line), folder, keyring)
            except BadCase as error:
                yield Rejected(error.reason, f"line {number}")
            if len(line) > LONGEST_LINE:
                return  # where the next line begins is no longer known


def _line(line: bytes) -> CaseLine:
    if len(line) > LONGEST_LINE:
        raise BadCase("line is too long; the rest of the file was not read")
    try:
        data = json.loads(line.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        return CaseLine.model_validate(data)
    except ValidationError as error:
        fields = sorted(
            {str(problem["loc"][0])[:32] for problem in error.errors() if problem["loc"] and problem["type"] != "extra_forbidden"}
        )
        raise BadCase(f"not a case: {', '.join(fields) or 'unknown key'}") from error
    except (ValueError, RecursionError) as error:
        raise BadCase("not strict JSON in UTF-8") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _case(line: CaseLine, folder: Path, keyring: Keyring) -> SourceCase:
    image = read_image(_inside(folder, line.image))
    card = CaseCard(
        key=keyring.case(line.key),
        person=keyring.person(line.person),
        study=keyring.study(line.study),
        as_of=line.as_of,
        modality=line.modality,
        body_part=line.body_part,
        view=line.view,
        age_band=age_band(line.age),
        sex=line.sex,
        findings=tuple(CaseFinding(finding.key, finding.side) for finding in line.findings),
        report=line.report,
        report_hash=keyring.report(line.report),
        image_hash=difference_hash(image),
        consent=line.consent,
        licence=line.licence,
        outcome=line.outcome,
    )
    return SourceCase(card, image)


def _inside(folder: Path, name: str) -> Path:
    """The path of an image, links followed, that must lie in the folder."""
    given = PurePosixPath(name)
    if given.is_absolute() or ".." in given.parts or "\\" in name or "\0" in name:
        raise BadCase("image path leaves the folder")
    path = (folder / given).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadCase("image path leaves the folder")
    if not path.is_file():
        raise BadCase("image file is missing")
    return path


def read_image(path: Path) -> NDArray[np.float32]:
    """A PNG or JPEG as grey [rows, columns] in 0..1.

    Raises:
        BadCase: for a file that is neither, is cut short, too large, or shows nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                if picture.width * picture.height > LARGEST_IMAGE:
                    raise BadCase("image has too many pixels")
                image = _grey(picture)
    except (
        OSError,
        SyntaxError,
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise BadCase("image cannot be decoded") from error
    check_image(image)
    return image


def _grey(picture: Image.Image) -> NDArray[np.float32]:
    if picture.mode in _WIDE_MODES:
        return np.asarray(np.asarray(picture, dtype=np.float32) / _WIDE_MODES[picture.mode], dtype=np.float32)
    if picture.mode == "I":
        return np.asarray(np.clip(np.asarray(picture, dtype=np.float32) / 65535.0, 0, 1), dtype=np.float32)
    return np.asarray(np.asarray(picture.convert("L"), dtype=np.float32) / 255.0, dtype=np.float32)

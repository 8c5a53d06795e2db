"""What an archive says of a case, read strictly: unknown keys, a key twice, NaN or a wrong type are refused.

`docs/cases.schema.json` publishes it; `python -m retrieval.archive.case_line` writes that file.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from retrieval.errors import BadCase

UNSTATED = "UNKNOWN"
"""What stands for a modality, body part or view that an archive does not say."""
Identifier = Annotated[str, Field(min_length=1, max_length=256)]
Consent = Annotated[str, Field(min_length=1, max_length=256, description="On what ground the case may be used")]
Licence = Annotated[str, Field(min_length=1, max_length=256, description="Under which licence it may be used, e.g. CC-BY-4.0")]
Site = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$", description="Name of the site, e.g. north")]
Outcome = Annotated[str | None, Field(max_length=256, description="What became of it, in a few words that cases share")]
Report = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100_000,
        description="Report text, de-identified. Rules look once more for what was overlooked, and overlook things themselves",
    ),
]


def day(value: object) -> date | None:
    """Exactly YYYY-MM-DD: a partial date or a time would leave open whether a case is later than a query. None stays None.

    Raises:
        ValueError: anything else.
    """
    if value is None or type(value) is date:
        return value
    if isinstance(value, str) and len(value) == 10:
        return date.fromisoformat(value)
    raise ValueError("not a day written YYYY-MM-DD")


class Strict(BaseModel):
    """A frozen model that takes no unknown key and converts no type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FindingLine(Strict):
    """A finding the report states."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$", description="Name of the finding, e.g. pleural_effusion")
    side: Literal["left", "right", "bilateral"] | None = Field(None, description="Side of the body, where the report gives one")
    location: str | None = Field(None, pattern=r"^[a-z][a-z ,/-]{0,63}$", description="Where, in words of the report, e.g. lower lobe")


class CaseFields(Strict):
    """A case as any archive gives it, its image apart."""

    key: Identifier = Field(description="Identifier of the case in its archive; hashed on reading")
    person: Identifier = Field(
        description="Identifier of the person; hashed on reading. Write it as the health record has it, system|value of a FHIR "
        "Identifier: a person is recognised by equal text alone"
    )
    identifiers: tuple[Identifier, ...] = Field(
        (), strict=False, max_length=64, description="Every other identifier of the person, written likewise; hashed on reading"
    )
    study: Identifier = Field(description="Study Instance UID or accession number; hashed on reading")
    as_of: Annotated[date, BeforeValidator(day)] = Field(description="Day of the study, YYYY-MM-DD")
    modality: str = Field(pattern=r"^[A-Z]{2,16}$", description="DICOM Modality, e.g. CR")
    body_part: str = Field("CHEST", pattern=r"^[A-Z]{2,16}$", description="DICOM Body Part Examined")
    view: str = Field(pattern=r"^[A-Z]{2,16}$", description="DICOM View Position, e.g. PA")
    age: int | None = Field(ge=0, le=130, description="Years at the study; stored as a ten-year band")
    sex: Literal["female", "male", "other", "unknown"] = Field(description="Administrative gender, as in FHIR")
    site: Site = "unknown"
    findings: tuple[FindingLine, ...] | None = Field(
        None, strict=False, max_length=64, description="What the report states; where it is left out, a rule labeler reads the report"
    )
    report: Report
    consent: Consent
    licence: Licence
    outcome: Outcome = None


class CaseLine(CaseFields):
    """One line of `cases.jsonl`."""

    image: str = Field(min_length=1, max_length=512, description="PNG, JPEG or DICOM file, path relative to the folder")


Model = TypeVar("Model", bound=Strict)


def case_schema() -> dict[str, Any]:
    """JSON Schema of a line of `cases.jsonl`, the same on every call."""
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A case: one line of cases.jsonl"}
    return {**named, **{key: value for key, value in CaseLine.model_json_schema().items() if key != "title"}}


def read_strictly(model: type[Model], data: Any) -> Model:
    """`data`, JSON values or their Python equals, as a `model`.

    Raises:
        BadCase: with the names of the elements that are wrong, and nothing of what they hold.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = sorted({str(one["loc"][0])[:32] for one in error.errors() if one["loc"] and one["type"] != "extra_forbidden"})
        raise BadCase(f"not a case: {', '.join(wrong) or 'unknown key'}") from error


def strict_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8 (RFC 8259).

    Raises:
        BadCase: not UTF-8, not JSON, a key twice in one object, NaN or Infinity, or nested too deep.
    """
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadCase("not strict JSON in UTF-8") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


if __name__ == "__main__":
    import sys

    sys.stdout.write(json.dumps(case_schema(), indent=2) + "\n")

"""Evidence: one numbered item a claim may cite. Minted by the run, so that no model can invent one."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fhir.codes import Side

EvidenceKind = Literal["chart_fact", "report_sentence", "image_finding", "similar_case", "guidance", "calculation"]
Polarity = Literal["present", "absent", "uncertain"]


class Frozen(BaseModel):
    """Base of the frozen records of this folder: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Region(Frozen):
    """A box in fractions of the image width and height, origin top left."""

    x0: float = Field(ge=0, le=1)
    y0: float = Field(ge=0, le=1)
    x1: float = Field(ge=0, le=1)
    y1: float = Field(ge=0, le=1)
    score: float = Field(ge=0, le=1)


class Quote(Frozen):
    """A piece of the source as it stands there. `path` is the element, e.g. `valueQuantity.value`; `text` its original text."""

    path: str
    text: str


class Measured(Frozen):
    """A measured value as the source gives it. `value` is the original decimal text, e.g. `1.00`."""

    value: str
    unit: str
    comparator: Literal["<", "<=", ">=", ">"] | None = None


class Sourced(Frozen):
    """Evidence before it is numbered. What a tool returns."""

    kind: EvidenceKind
    reference: str
    """Relative FHIR reference, or `image:SHA256`, `case:KEY`, `guidance:TOPIC#PASSAGE`, `calculation:NAME`."""
    text: str
    """What a reader sees, built from the quotes alone."""
    sha256: str
    """Of the original text or file it came from."""
    patient: str | None = None
    """Reference of the patient it is about. None only for guidance and similar cases."""
    version: str | None = None
    quotes: tuple[Quote, ...] = ()
    codes: tuple[str, ...] = ()
    """`system|code` of what it is about."""
    status: str | None = None
    when: str | None = None
    """Original text of the time it holds for."""
    quantity: Measured | None = None
    finding: str | None = None
    """Key of `fhir.codes.FINDING`."""
    polarity: Polarity | None = None
    side: Side | None = None
    region: Region | None = None
    probability: float | None = None
    based_on: tuple[str, ...] = ()
    """Calculations: references of the facts that went in."""


class Evidence(Sourced):
    """One numbered item of a review: E1, E2 … in the order of gathering."""

    id: str = Field(pattern=r"^E[1-9][0-9]*$")


def mint(items: tuple[Sourced, ...]) -> tuple[Evidence, ...]:
    """Number `items` E1, E2 … in order. An item equal to an earlier one is dropped, so that one fact has one number."""
    unique = dict.fromkeys(items)
    return tuple(Evidence(id=f"E{n}", **item.model_dump()) for n, item in enumerate(unique, start=1))

"""What a story is: a person, a chart, images, and how its review must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.phantoms.spec import PhantomSpec

CLOCK = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
"""The pretend hospital's present. Windows such as "eGFR of the last 30 days" are counted from here."""

ISSUER = "Sidenote Pretend Hospital"
MRN_SYSTEM = "urn:oid:2.25.118239047102938471"
ACCESSION_SYSTEM = "urn:oid:2.25.118239047102938472"

Resource = Mapping[str, Any]
Status = Literal["presented", "needs_review", "withheld", "abstained"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who a chart is about. Nobody real."""

    id: str
    mrn: str
    family: str
    given: str
    birth_date: str
    sex: Literal["female", "male"]

    @property
    def age(self) -> int:
        """Age in whole years on the hospital's day."""
        born = datetime.fromisoformat(self.birth_date)
        return CLOCK.year - born.year - ((CLOCK.month, CLOCK.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True)
class StoryImage:
    """One image of a story: what is drawn, for whom its tags say it was made, and where it is stored."""

    study: str
    """Id of the ImagingStudy."""
    path: str
    """Where the file lies, relative to the hospital's folder."""
    spec: PhantomSpec | None
    """None: not a radiograph at all (noise), to be abstained from."""
    tagged_for: Person
    study_uid: str
    accession_number: str
    taken: datetime
    monochrome1: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """How the review must end. Asserted by the tests and shown by the demo."""

    status: Status
    fired: frozenset[str]
    """Ids of exactly the policies that fire."""
    says: tuple[str, ...] = ()
    """Each stands, ignoring case, in at least one shown claim."""
    never: tuple[str, ...] = ()
    """None of these stands in any shown claim."""
    reads: tuple[tuple[str, str | None], ...] = ()
    """(finding, side) the image model reads as present, among others."""


@dataclass(frozen=True, slots=True)
class Story:
    """A patient of the pretend hospital."""

    person: Person
    title: str
    resources: tuple[Resource, ...]
    """The whole chart, the Patient first."""
    expected: Expected
    images: tuple[StoryImage, ...] = field(default=())
    focal: str | None = None
    """Id of the ImagingStudy under review; None: the newest, or none at all."""

"""The guidance pack: topics as data, in our own words, each with its source, its date and what it would say.

A topic has a condition in the language of `policies.conditions`, numbered passages, and claim templates. A template has named
slots; each slot is filled from one evidence item that the condition rested on, so that every figure of a claim stands in
something it cites. No clinician has reviewed the pack, and each topic says until when its wording was last looked at.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from fhir.codes import FINDING, Side
from fhir.value_sets import VALUE_SETS
from policies.claim import ClaimKind
from policies.conditions import Condition
from policies.conditions.planned import Topic as PlannedTopic
from policies.errors import GuidanceInvalid, RuleUnreadable
from policies.evidence import Frozen, Polarity
from policies.yamltext import read_yaml

FOLDER = Path(__file__).parent / "guidance"
FIELDS = ("label", "value", "unit", "date", "finding", "probability", "status", "count")
"""What a slot offers a template: the source's own words and figures, or what a reading states (`finding`: with its side)."""
_SELECTORS = ("measured", "fact", "image", "report", "cases", "calculation", "prior_report")
Weight = Literal["critical", "caution", "assessment", "finding"]
_SLOT = re.compile(r"\{(?P<slot>[a-z_]+)\.(?P<field>[a-z_]+)\}")
_ORDERING = re.compile(r"\b(?:order|give|administer|start|stop|prescribe|must|perform|immediately|urgently|do not delay)\b", re.IGNORECASE)
"""Words of an order. Sidenote supports and does not direct (FDA CDS guidance, criterion 3): "consider", "is usually"."""


class Source(Frozen):
    """Where a topic's statements come from."""

    title: str = Field(min_length=8)
    organisation: str = Field(min_length=2)
    year: int = Field(ge=1990, le=2100)
    identifier: str | None = None
    """DOI, PMC or PMID, when known."""


class Passage(Frozen):
    """One numbered statement, in our own words. What a claim cites."""

    number: int = Field(ge=1)
    text: str = Field(min_length=20)


class Slot(Frozen):
    """Which evidence fills a slot: exactly one selector. Several items may fit: the first in gathering order is taken."""

    measured: str | None = None
    """Name of a value set: a chart fact with a quantity, among what the condition rested on."""
    fact: tuple[str, ...] | None = None
    """Resource types: a chart fact among what the condition rested on."""
    value_set: str | None = None
    """With `fact`: only one whose code is in this value set."""
    image: str | None = None
    """Finding key: the reading's item for it."""
    report: str | None = None
    """Finding key: a report sentence about it."""
    cases: str | None = None
    """Finding key: the group count of similar cases."""
    calculation: str | None = None
    """Name of a calculation."""
    prior_report: Literal[True] | None = None
    """A report sentence about the newest earlier comparable study."""
    polarity: Polarity = "present"
    """With `image` or `report`: what the item says of the finding."""

    @model_validator(mode="after")
    def _one_selector(self) -> Slot:
        chosen = [name for name in _SELECTORS if getattr(self, name) is not None]
        if len(chosen) != 1 or (self.value_set is not None and chosen != ["fact"]):
            message = f"a slot has exactly one of {', '.join(_SELECTORS)}; value_set goes with fact"
            raise ValueError(message)
        return self

    @field_validator("measured", "value_set")
    @classmethod
    def _known_set(cls, name: str | None) -> str | None:
        if name is not None and name not in VALUE_SETS:
            message = f"no value set {name!r}"
            raise ValueError(message)
        return name

    @field_validator("image", "report", "cases")
    @classmethod
    def _known_finding(cls, key: str | None) -> str | None:
        return _finding(key)


class Template(Frozen):
    """One claim a topic makes. It is made only when every slot can be filled."""

    text: str = Field(min_length=10)
    kind: ClaimKind
    weight: Weight
    slots: Mapping[str, Slot] = Field(default_factory=dict)
    passages: tuple[int, ...] = ()
    polarity: Polarity = "present"
    finding: str | None = None
    side_of: str | None = None
    """Slot whose side the claim states."""
    side: Side | None = None
    topic: PlannedTopic | None = None
    group: str | None = None
    """Of the templates of one group only the first that can be filled is made."""

    @model_validator(mode="after")
    def _closed(self) -> Template:
        for slot, field in _SLOT.findall(self.text):
            if slot not in self.slots or field not in FIELDS:
                message = f"text names {{{slot}.{field}}}, which no slot offers"
                raise ValueError(message)
        if self.side_of is not None and self.side_of not in self.slots:
            message = f"side_of names the slot {self.side_of!r}, which is not there"
            raise ValueError(message)
        if not self.slots and not self.passages:
            message = "a claim cites evidence: a slot or a passage"
            raise ValueError(message)
        if ordering := _ORDERING.search(_SLOT.sub("", self.text)):
            message = f"the word {ordering[0]!r} directs; a claim supports"
            raise ValueError(message)
        return self

    @field_validator("finding")
    @classmethod
    def _known_finding(cls, key: str | None) -> str | None:
        return _finding(key)


class CannotTell(Template):
    """What is said when a topic's condition cannot be answered."""

    asked_when: Condition | None = None
    """Said only where this holds: that a nodule rule cannot be answered matters where there is a nodule."""


class Topic(Frozen):
    """One topic of the pack."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    version: str
    date: dt.date
    """Of our wording."""
    review_by: dt.date
    source: Source
    when: Condition
    passages: tuple[Passage, ...] = Field(min_length=1)
    claims: tuple[Template, ...] = Field(min_length=1)
    cannot_tell: CannotTell | None = None
    """What is said when the condition cannot be answered. Most topics say nothing then."""

    @model_validator(mode="after")
    def _passages_cited(self) -> Topic:
        numbers = [passage.number for passage in self.passages]
        if numbers != list(range(1, len(numbers) + 1)):
            message = "passages are numbered 1, 2, 3 …"
            raise ValueError(message)
        for template in (*self.claims, *((self.cannot_tell,) if self.cannot_tell else ())):
            if missing := set(template.passages) - set(numbers):
                message = f"a claim cites passage {min(missing)}, which is not there"
                raise ValueError(message)
        if self.review_by <= self.date:
            message = "review_by lies after date"
            raise ValueError(message)
        return self


def load_topics(folder: Path | None = None) -> tuple[Topic, ...]:
    """Every topic of `folder` (the shipped pack by default), by id.

    Raises:
        GuidanceInvalid: a file that cannot be read, an unknown or missing key, a value of the wrong kind, an id used twice.
    """
    topics: dict[str, Topic] = {}
    for path in sorted((folder or FOLDER).glob("*.yaml")):
        topic = read_topic(path)
        if topic.id in topics:
            raise GuidanceInvalid(path.name, "id", f"{topic.id} is used twice")
        topics[topic.id] = topic
    if not topics:
        raise GuidanceInvalid(str((folder or FOLDER).name), "-", "no topic in this folder")
    return tuple(topics[name] for name in sorted(topics))


def read_topic(path: Path) -> Topic:
    """The topic of one YAML file.

    Raises:
        GuidanceInvalid: see `load_topics`.
    """
    try:
        data = read_yaml(path.read_bytes(), path.name)
    except OSError as error:
        raise GuidanceInvalid(path.name, "-", "cannot be read") from error
    except RuleUnreadable as error:
        raise GuidanceInvalid(path.name, "-", str(error)) from error
    try:
        return Topic.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise GuidanceInvalid(path.name, ".".join(str(step) for step in first["loc"]) or "-", first["msg"]) from error


def fill_names(text: str) -> tuple[tuple[str, str], ...]:
    """The (slot, field) pairs a template text names, in order."""
    return tuple((slot, field) for slot, field in _SLOT.findall(text))


def fill(text: str, values: Mapping[tuple[str, str], str]) -> str:
    """`text` with every `{slot.field}` replaced. The values are put in as they are and never read as templates."""
    return _SLOT.sub(lambda hole: values[(hole["slot"], hole["field"])], text)


def _finding(key: str | None) -> str | None:
    if key is not None and key not in FINDING:
        message = f"no finding {key!r}"
        raise ValueError(message)
    return key

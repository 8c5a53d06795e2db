"""A site's archive as training pairs: image and de-identified report, split by person, only what may be used.

Persons are told apart as the case index does (`retrieval.keys.spellings`), and everything that could be one person's is kept on
one side: linked identifiers, one study, one image file. Identifiers stay in memory and are in nothing that is written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from retrieval.archive.case_line import CaseLine
from retrieval.archive.cases import inside, lines_of, note_archive, parse_line
from retrieval.cards import CaseFinding, Side
from retrieval.deidentify.report import deidentify
from retrieval.errors import BadCase
from retrieval.keys import spellings
from tools.labeler import Label
from tools.med_vlm.adapting.examples.meanings import Meaning, meaning
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.errors import TrainingDataRefused
from tools.med_vlm.licences import training_refused

Split = Literal["train", "held_out", "calibration"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One image with its report."""

    line: int
    """Its line in `cases.jsonl`, from 1."""
    image: Path
    report: str = field(repr=False)
    """De-identified."""
    person: int
    """Equal numbers, one person; of this archive alone."""
    meaning: Meaning = field(repr=False)
    said: Mapping[str, Label]
    """What the report says of each finding it speaks of (`tools.labeler.labels`)."""
    sides: Mapping[str, Side | None]
    """Of the findings that are present."""
    modality: str
    body_part: str
    view: str
    age: int | None
    sex: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What an archive gives to train and to measure with."""

    pairs: Mapping[Split, tuple[Pair, ...]]
    fingerprint: str
    """Of the archive (`retrieval.archive.cases.note_archive`)."""
    left_out: Mapping[str, int]
    """Reason -> how many cases."""
    licences: Mapping[str, int]
    consents: Mapping[str, int]
    """Of the cases that are used: how many under each."""
    redactions: Mapping[str, int]
    """Kind of identifier -> how many were taken out of the reports that are used."""

    def persons(self, split: Split) -> int:
        """How many persons a part has."""
        return len({pair.person for pair in self.pairs[split]})


def read_corpus(folder: Path, plan: Plan) -> Corpus:
    """The pairs of an archive, images not decoded yet.

    Args:
        folder: Holds `cases.jsonl` and the images.
        plan: Says what may be used, and how many persons only measure or calibrate.

    Raises:
        BadArchive: there is no readable `cases.jsonl`.
        TrainingDataRefused: nothing is left to train with, or to measure with where the plan holds persons out.
    """
    left_out: Counter[str] = Counter()
    lines = list(_usable(folder, plan, left_out))
    owners = _persons([line for _, line, _ in lines])
    shares: tuple[tuple[Split, float], ...] = (("held_out", plan.held_out), ("calibration", plan.calibration))
    pairs: dict[Split, list[Pair]] = {"train": [], "held_out": [], "calibration": []}
    numbers: dict[str, int] = {}
    redactions: Counter[str] = Counter()
    for (number, line, image), owner in zip(lines, owners, strict=True):
        pair = _pair(number, line, image, numbers.setdefault(owner, len(numbers)), redactions)
        pairs[_part(owner, shares)].append(pair)
    if empty := [part for part, share in (("train", 1.0), *shares) if share and not pairs[part]]:
        raise TrainingDataRefused(f"of {len(lines)} usable cases of {len(numbers)} persons none is left for {empty[0]}")
    return Corpus(
        {part: tuple(some) for part, some in pairs.items()},
        note_archive(folder).fingerprint,
        dict(sorted(left_out.items())),
        dict(Counter(line.licence for _, line, _ in lines)),
        dict(Counter(line.consent for _, line, _ in lines)),
        dict(sorted(redactions.items())),
    )


def _usable(folder: Path, plan: Plan, left_out: Counter[str]) -> Iterator[tuple[int, CaseLine, Path]]:
    for number, text in lines_of(folder):
        try:
            line = parse_line(text)
            image = inside(folder, line.image)
        except BadCase as error:
            left_out[error.reason] += 1
            continue
        if reason := training_refused(line.licence, accept_noncommercial=plan.noncommercial):
            left_out[reason] += 1
        elif plan.consents and line.consent not in plan.consents:
            left_out["consent does not allow training"] += 1
        else:
            yield number, line, image


def _persons(lines: list[CaseLine]) -> list[str]:
    """For each line a name that all lines share that could be of one person: the smallest of what links them."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (higher := above.setdefault(name, name)) != name:
            above[name] = name = above[higher]  # halves the way for the next who asks
        return name

    def join(one: str, other: str) -> None:
        first, second = sorted((top(one), top(other)))
        above[second] = first

    for line in lines:
        for link in _links(line):
            join(_links(line)[0], link)
    return [top(_links(line)[0]) for line in lines]


def _links(line: CaseLine) -> tuple[str, ...]:
    persons = (f"person {spelling}" for each in (line.person, *line.identifiers) for spelling in spellings(each))
    return (*persons, f"study {line.study.strip().removeprefix('urn:oid:')}", f"image {line.image}")


def _part(owner: str, shares: tuple[tuple[Split, float], ...]) -> Split:
    """From a hash alone: a person stays on one side when the archive grows, so that a model can be adapted again."""
    place = int.from_bytes(hashlib.sha256(f"adapting-1:{owner}".encode()).digest()[:6], "big") / 2**48
    for part, share in shares:
        if place < share:
            return part
        place -= share
    return "train"


def _pair(number: int, line: CaseLine, image: Path, person: int, redactions: Counter[str]) -> Pair:
    from tools.labeler import label, labels

    cleaned = deidentify(line.report)
    redactions.update(cleaned.counts)
    stated = None if line.findings is None else tuple(CaseFinding(one.key, one.side, one.location) for one in line.findings)
    present = label(cleaned.text) if stated is None else stated
    said: dict[str, Label] = {**labels(cleaned.text), **{one.key: "present" for one in present}}
    return Pair(
        line=number,
        image=image,
        report=cleaned.text,
        person=person,
        meaning=meaning(cleaned.text, stated),
        said=said,
        sides=_sides(present),
        modality=line.modality,
        body_part=line.body_part,
        view=line.view,
        age=line.age,
        sex=line.sex,
    )


def _sides(present: tuple[CaseFinding, ...]) -> dict[str, Side | None]:
    sides: dict[str, set[Side | None]] = {}
    for one in present:
        sides.setdefault(one.key, set()).add(one.side)
    return {key: _whole(found - {None}) for key, found in sides.items()}


def _whole(found: set[Side | None]) -> Side | None:
    return None if not found else next(iter(found)) if len(found) == 1 else "bilateral"

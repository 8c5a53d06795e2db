"""Reads an archive of cases: a folder with `cases.jsonl` and the images it names.

One JSON object a line (`retrieval.archive.case_line`). A line that cannot be a case is rejected with its number and a reason, and the
build counts it. Identifiers are hashed as they are read and go no further. Every report goes through `retrieval.deidentify.report`,
which counts what it replaced and is never the only barrier.

A report's key is made of the report as received, as a review's query makes it of the chart's: a keyed hash tells nobody the
words. Its sketch has no key, so it is made of what is left once names and dates are out; a query that cleans its report likewise
comes nearest.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from retrieval.archive.case_line import CaseFields, CaseLine, read_strictly, strict_json
from retrieval.cards import CaseCard, CaseFinding, Rejected, SourceCase
from retrieval.deidentify.report import deidentify
from retrieval.errors import BadArchive, BadCase
from retrieval.keys import Keyring, age_band, check_image, difference_hash, report_sketch

FILE = "cases.jsonl"
LONGEST_LINE = 1 << 20
LARGEST_IMAGE = 64_000_000
"""Pixels: above any radiograph, below what exhausts memory."""
_WIDE_MODES = {"I;16": 65535.0, "I;16B": 65535.0, "I;16L": 65535.0}

Labeler = Callable[[str], tuple[CaseFinding, ...]]
"""The findings that a report states."""
ReadPicture = Callable[[Path], NDArray[np.float32]]
"""Decodes an image file to grey [rows, columns] in 0..1, or raises BadCase."""


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What a build says of where its cases come from."""

    words: str
    """Without identities, e.g. `an archive of 120 lines`."""
    fingerprint: str
    """SHA-256 that changes when the source does: an unfinished build goes on with the same source alone."""
    total: int | None
    """How many cases to expect, for a progress bar; None when only reading tells."""
    signed: bool = False
    """Whether the source's signature was checked (`retrieval.archive.signing`)."""


@dataclass(frozen=True, slots=True)
class CaseMaker:
    """What every archive makes its cases with. `redactions` grows as reports are read, by kind; it holds no content."""

    keyring: Keyring
    label: Labeler | None = None
    """None: a case whose archive gives no findings is rejected."""
    redactions: Counter[str] | None = None

    def make(self, fields: CaseFields, pixels: NDArray[np.float32]) -> SourceCase:
        """A case of what an archive gives and of its image [rows, columns] in 0..1.

        Raises:
            BadCase: an image no encoder should see, or findings neither given nor to be found.
        """
        ring, report = self.keyring, self._clean(fields.report)
        person = ring.person(fields.person)
        card = CaseCard(
            key=ring.case(fields.key),
            person=person,
            linked=tuple(sorted(frozenset().union(*map(ring.persons, (fields.person, *fields.identifiers))) - {person})),
            study=ring.study(fields.study),
            as_of=fields.as_of,
            modality=fields.modality,
            body_part=fields.body_part,
            view=fields.view,
            age_band=age_band(fields.age),
            sex=fields.sex,
            site=fields.site,
            findings=self._findings(fields, report),
            report=report,
            report_hash=ring.report(fields.report),
            report_sketch=report_sketch(report),
            image_hash=difference_hash(pixels),
            consent=fields.consent,
            licence=fields.licence,
            outcome=None if fields.outcome is None else self._clean(fields.outcome),
        )
        return SourceCase(card, pixels)

    def _clean(self, text: str) -> str:
        cleaned = deidentify(text)
        if self.redactions is not None:
            self.redactions.update(cleaned.counts)
        return cleaned.text

    def _findings(self, fields: CaseFields, report: str) -> tuple[CaseFinding, ...]:
        if fields.findings is not None:
            return tuple(CaseFinding(one.key, one.side, one.location) for one in fields.findings)
        if self.label is None:
            raise BadCase("findings are missing, and there is no labeler")
        return self.label(report)


def read_cases(
    folder: Path,
    keyring: Keyring,
    *,
    label: Labeler | None = None,
    read_picture: ReadPicture | None = None,
    redactions: Counter[str] | None = None,
) -> Iterator[SourceCase | Rejected]:
    """The cases of an archive in the order of its lines; a line that cannot be a case as `Rejected` with its number.

    Args:
        folder: Holds `cases.jsonl` and the images.
        keyring: Hashes identifiers.
        label: Finds the findings of a report whose line gives none; without it such a line is rejected.
        read_picture: Decodes an image; by default PNG and JPEG alone.
        redactions: Grows, while cases are read, by how many identifiers of which kind were taken out of reports.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    maker, decode = CaseMaker(keyring, label, redactions), read_picture or read_image
    for number, line in lines_of(folder):
        try:
            fields = parse_line(line)
            yield maker.make(fields, decode(inside(folder, fields.image)))
        except BadCase as error:
            yield Rejected(error.reason, f"line {number}")


def note_archive(folder: Path, *, signed: bool = False) -> SourceNote:
    """What is to be indexed. The fingerprint is over `cases.jsonl` and over size and time of each image it names.

    Args:
        folder: The archive.
        signed: Whether `retrieval.archive.signing.verify_signature` has passed it.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    digest = hashlib.sha256(b"sidenote archive 1\n")
    total = 0
    for number, line in lines_of(folder):
        total += 1
        digest.update(b"%d " % number + line)
        digest.update(repr(_state(folder, line)).encode())
    return SourceNote(f"an archive of {total} lines", digest.hexdigest(), total, signed)


def _state(folder: Path, line: bytes) -> tuple[int, int] | None:
    """Size and time of the image that a line names; None when it names none that may be read."""
    path = named_image(folder, line)
    if path is None:
        return None
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def named_image(folder: Path, line: bytes) -> Path | None:
    """The file that a line of `cases.jsonl` names as its image; None when the line or the path is unusable."""
    try:
        return inside(folder, parse_line(line).image)
    except BadCase:
        return None


def count_cases(folder: Path) -> int:
    """How many lines the archive has.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    return sum(1 for _ in lines_of(folder))


def lines_of(folder: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line) of each line that is not blank. One that is too long is the last: where the next begins is not known.

    Raises:
        BadArchive: without a readable `cases.jsonl`.
    """
    try:
        with (folder / FILE).open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
                if line.strip():
                    yield number, line
                if len(line) > LONGEST_LINE:
                    return
    except OSError as error:
        raise BadArchive(f"the folder has no readable {FILE}") from error


def parse_line(line: bytes) -> CaseLine:
    """One line of `cases.jsonl`.

    Raises:
        BadCase: too long, not strict JSON, or not as the schema says.
    """
    if len(line) > LONGEST_LINE:
        raise BadCase("line is too long; the rest of the file was not read")
    return read_strictly(CaseLine, strict_json(line))


def inside(folder: Path, name: str) -> Path:
    """The path of a file that an archive names, links followed, which must lie in the archive's folder.

    Raises:
        BadCase: it leads out of the folder, or there is no such file.
    """
    given = PurePosixPath(name)
    if given.is_absolute() or ".." in given.parts or "\\" in name or "\0" in name:
        raise BadCase("image path leaves the folder")
    try:
        path = (folder / given).resolve()
        there = path.is_file()
    except (OSError, ValueError) as error:  # a name too long for the disk, or of half a character
        raise BadCase("image file is missing") from error
    if not path.is_relative_to(folder.resolve()):
        raise BadCase("image path leaves the folder")
    if not there:
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

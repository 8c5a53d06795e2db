"""Keys that recognise without telling: salted hashes of identities, age bands, and fingerprints of reports and images.

A key is HMAC-SHA256 under a secret of the site and a salt of the index (RFC 2104), so two indexes cannot be joined on it and
nobody without the secret can try names against it. It pseudonymises; it does not anonymise.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import BadCase, WeakSecret

SECRET_BYTES = 16
"""A site secret is at least this long."""

NEAR_DUPLICATE_BITS = 5
"""Two images whose difference hashes differ in at most this many of 64 bits count as one image."""

NEAR_REPORT_BITS = 8
"""Two reports whose sketches differ in at most this many of 64 bits count as one report: see `report_sketch`."""

SKETCHED_WORDS = 12
"""A report of fewer words has no sketch: in so short a text one word is much of what it says."""

NO_SKETCH = 0
"""The sketch of a text too short for one. It is near to nothing, itself included."""

_KEY_HEX = 32
_SHARED = "0" * 8
_CELLS, _BROAD = 24, 6
_COMPARED = (np.arange(64) * 37 + 11) % (_CELLS * (_CELLS - 1))
_KEY = re.compile(r"[0-9a-f]{32}")
_BLOCK = 1 << 15
"""Hashes compared at once: what is made of them stays in the processor's cache."""
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{1,2}}(?:-\d{{1,2}})?|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\s+\d{{4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})\b"
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NOT_A_WORD = re.compile(r"[^a-z#@\u00c0-\uffff]+")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The site's secret and one index's salt. Two keyrings agree on keys only when both are equal."""

    secret: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a secret short enough to guess."""
        if len(self.secret) < SECRET_BYTES:
            raise WeakSecret(f"the site secret needs at least {SECRET_BYTES} bytes")

    def key(self, kind: str, value: str) -> str:
        """32 hex digits for `value`. Kinds never collide: a person's key equals no study's key."""
        text = unicodedata.normalize("NFC", value.strip())
        message = b"\0".join((self.salt, kind.encode(), text.encode("utf-8", "surrogatepass")))
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:_KEY_HEX]

    def case(self, identifier: str) -> str:
        """Key of a case."""
        return self.key("case", identifier)

    def person(self, identifier: str) -> str:
        """Key of a person: give every linked identifier (system and value) its own. Of a `|value` without a system, see `shared`."""
        key = self.key("person", identifier)
        return key[: -len(_SHARED)] + _SHARED if identifier.strip().startswith("|") else key

    def persons(self, identifier: str) -> frozenset[str]:
        """Keys of a person under every writing of one identifier (`spellings`)."""
        return frozenset(map(self.person, spellings(identifier)))

    def study(self, identifier: str) -> str:
        """Key of a study, from its Study Instance UID, as DICOM or as FHIR writes it (`urn:oid:`), or its accession number."""
        return self.key("study", identifier.strip().removeprefix("urn:oid:"))

    def report(self, text: str) -> str:
        """Key of a report: equal for reports that differ in numbers, dates, case, spacing and punctuation alone."""
        return self.key("report", normalised_report(text))

    @property
    def check(self) -> str:
        """What an index stores to recognise this keyring again."""
        return self.key("check", "keyring")


def spellings(identifier: str) -> tuple[str, ...]:
    """`system|value`, or a value alone, as it is, without its system, and without what one system writes and the next leaves out.

    Images mostly do not say whose numbering a Patient ID is of, and archives drop leading zeros and hyphens. Two people whose
    numbers differ in no more are taken for one: that hides a case too many, never one too few.

    >>> spellings("urn:mrn| 0012-34a")
    ('urn:mrn| 0012-34a', 'urn:mrn|0012-34a', '|0012-34a', '|1234A')
    """
    system, value = (part.strip() for part in (identifier if "|" in identifier else f"|{identifier}").split("|", 1))
    bare = "".join(letter for letter in value.upper() if letter.isalnum()).lstrip("0")
    more = (f"{system}|{value}", f"|{value}") if value else ()
    return tuple(dict.fromkeys((identifier, *more, *([f"|{bare}"] if bare else ()))))


def shared(key: str) -> bool:
    """Whether a person's key is of a number without a system: people of two numberings may have it in common.

    Such a key hides a case from a review, and does not make two cases one person's for good.
    """
    return key.endswith(_SHARED)


def age_band(age: int | None) -> str:
    """Ten-year band of an age in years; `90+` in one, since great ages identify; `unknown` without an age.

    >>> age_band(63), age_band(0), age_band(104), age_band(None)
    ('60-69', '0-9', '90+', 'unknown')

    Raises:
        BadCase: for a negative age or one above 130.
    """
    if age is None:
        return "unknown"
    if not 0 <= age <= 130:
        raise BadCase("age is not between 0 and 130 years")
    if age >= 90:
        return "90+"
    decade = age // 10 * 10
    return f"{decade}-{decade + 9}"


def normalised_report(text: str) -> str:
    """The report with what varies between copies folded away.

    >>> normalised_report("Compared with 12/03/2021: 5 mm  nodule.") == normalised_report("compared with 2019-01-02, 14 mm nodule")
    True
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    folded = _NUMBER.sub(" # ", _DATE.sub(" @ ", folded))
    return " ".join(_NOT_A_WORD.sub(" ", folded).split())


def difference_hash(image: NDArray[np.float32]) -> int:
    """64 bits of an image [rows, columns]: whether a cell is darker than its right neighbour, once the broad shape is removed.

    The plain difference hash (Krawetz, "Kind of Like That", 2013) compares cells of an 8 x 9 reduction. Chest radiographs are
    all one broad shape: of 120 different phantoms a third lay within 3 bits of each other. So the image is reduced to 24 x 24,
    its own 6 x 6 reduction is subtracted, and 64 comparisons spread over what remains are kept. Scaling, noise, exposure,
    windowing and JPEG then moved 97 % and more of the copies by at most 5 bits, a crop of 1 % about 80 %; different
    radiographs lay 10 and more bits apart, different phantoms within 5 bits in 0.1 % of pairs.

    Raises:
        BadCase: for an image that is not two-dimensional, too small, not finite, or all one grey.
    """
    check_image(image)
    fine = Image.fromarray(image.astype(np.float32)).resize((_CELLS, _CELLS), Image.Resampling.BOX)
    broad = fine.resize((_BROAD, _BROAD), Image.Resampling.BOX).resize((_CELLS, _CELLS), Image.Resampling.BICUBIC)
    detail = np.asarray(fine) - np.asarray(broad)
    bits = (detail[:, :-1] < detail[:, 1:]).ravel()[_COMPARED]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def report_sketch(text: str) -> int:
    """64 bits that are near for texts that share most of their words and pairs of neighbouring words; `NO_SKETCH` below 12 words.

    A similarity hash (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002) over the normalised
    report's set of words and word pairs. Measured at a limit of 8 bits: of texts of 20 words and more with one word put in, left
    out or replaced, 84-97 % lay within it, with three 31-68 %; of 12 to 19 words 60 % and 10 %. Of different texts, none of 2,424
    figure captions lay within it of another; of 2,000 phantom reports at most 4 lay near any one, and of 2,949 radiograph reports
    at most 61: variants of one normal report. Pairs alone missed twice as many edits; words alone, which know no order, came near
    ten times as many different phantom reports, and a limit of 10 bits five times as many.
    """
    words = normalised_report(text).split()
    if len(words) < SKETCHED_WORDS:
        return NO_SKETCH
    votes = np.zeros(64, dtype=np.int64)
    for shingle in sorted({*words, *(" ".join(pair) for pair in pairwise(words))}):
        drawn = hashlib.blake2b(shingle.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        votes += np.unpackbits(np.frombuffer(drawn, dtype=np.uint8)).astype(np.int64) * 2 - 1
    return int.from_bytes(np.packbits(votes > 0).tobytes(), "big") or 1


def word(key: str) -> int:
    """The first 64 bits of a key, as arrays hold it.

    >>> word("0000000000000010" + "f" * 16)
    16

    Raises:
        ValueError: for what no keyring makes: anything but 32 hexadecimal digits.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("a key is no salted hash")
    return int(key[:16], 16)


def hamming(hashes: NDArray[np.uint64], one: int) -> NDArray[np.int64]:
    """How many of 64 bits differ between each of `hashes` [n] and `one`."""
    return np.asarray(np.bitwise_count(hashes ^ np.uint64(one)), dtype=np.int64)


def near(hashes: NDArray[np.uint64], one: int, bits: int) -> NDArray[np.int64]:
    """Positions, ascending, of those of `hashes` [n] that differ from `one` in at most `bits` of 64 bits."""
    found = [
        np.flatnonzero(np.bitwise_count(hashes[start : start + _BLOCK] ^ np.uint64(one)) <= bits) + start
        for start in range(0, len(hashes), _BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def near_reports(sketches: NDArray[np.uint64], one: int) -> NDArray[np.int64]:
    """Positions, ascending, of those of `sketches` [n] that are near-duplicates of the report whose sketch is `one`."""
    if one == NO_SKETCH:
        return np.zeros(0, dtype=np.int64)
    found = near(sketches, one, NEAR_REPORT_BITS)
    return np.asarray(found[sketches[found] != NO_SKETCH])


def check_image(image: NDArray[np.float32]) -> None:
    """Refuse what no encoder should see.

    Raises:
        BadCase: for an image that is not [rows, columns] of at least 16 x 16 finite values in 0..1, or that is all one grey.
    """
    if image.ndim != 2 or min(image.shape) < 16:
        raise BadCase("image is not at least 16 x 16 pixels in two dimensions")
    low, high = float(image.min()), float(image.max())
    if not (np.isfinite(low) and np.isfinite(high) and np.isfinite(float(image.sum(dtype=np.float64)))):
        raise BadCase("image holds values that are not finite")
    if low < 0 or high > 1:
        raise BadCase("image values leave 0..1")
    if low == high:
        raise BadCase("image is all one grey")

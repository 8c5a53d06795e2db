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

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import BadCase, WeakSecret

SECRET_BYTES = 16
"""A site secret is at least this long."""

NEAR_DUPLICATE_BITS = 5
"""Two images whose difference hashes differ in at most this many of 64 bits count as one image."""

_KEY_HEX = 32
_CELLS, _BROAD = 24, 6
_COMPARED = (np.arange(64) * 37 + 11) % (_CELLS * (_CELLS - 1))
_POPCOUNT = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)
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
        """Key of a person: give every linked identifier (system and value) its own."""
        return self.key("person", identifier)

    def study(self, identifier: str) -> str:
        """Key of a study, from its Study Instance UID or accession number."""
        return self.key("study", identifier)

    def report(self, text: str) -> str:
        """Key of a report: equal for reports that differ in numbers, dates, case, spacing and punctuation alone."""
        return self.key("report", normalised_report(text))

    @property
    def check(self) -> str:
        """What an index stores to recognise this keyring again."""
        return self.key("check", "keyring")


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


def hamming(hashes: NDArray[np.uint64], one: int) -> NDArray[np.int64]:
    """How many of 64 bits differ between each of `hashes` [n] and `one`."""
    different = np.ascontiguousarray(hashes ^ np.uint64(one)).view(np.uint8).reshape(len(hashes), 8)
    return np.asarray(_POPCOUNT[different].sum(axis=1, dtype=np.int64), dtype=np.int64)


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

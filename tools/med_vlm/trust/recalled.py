"""Does a calibrated model still answer as when it was calibrated? One image of nobody is asked about again, and the answers are compared.

A fingerprint says what a model is called and made of. Of a server it can say no more than the server does: other weights under the same
name are another model with an old calibration (FAULTS 68). The same is so of a library that came to prepare images otherwise.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.errors import CalibrationUnusable
from tools.med_vlm.reading import Reader
from tools.med_vlm.trust.calibration import Recalled, logits_of
from tools.med_vlm.trust.references import Reference, shipped

MARGIN = 1.5
"""Log-odds by which an answer may be off. bfloat16 rounds log-odds of 20 to an eighth; of eight drawn answers one that falls otherwise
moves them by 1.2 at most."""
REPEATS = 4.0
"""How many times the difference of two askings at the fitting counts as chance, as for the image-reliance probe."""
ASK_AGAIN = 900.0
"""Seconds that a model is taken for the same."""


def recall(reader: Reader) -> Recalled:
    """What `reader` answers now, asked twice.

    Raises:
        MedVlmError: it did not answer.
    """
    shown = _shown()
    first, second = (reader.probabilities(_asked(shown)) for _ in range(2))
    return Recalled(image=_mark(shown), probabilities=dict(first), chance=_furthest(first, second))


class StillTheSame:
    """Asks a reader now and then whether it answers as it did. Safe to share between threads."""

    def __init__(self, reader: Reader, recalled: Recalled, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet."""
        self._reader, self._recalled, self._clock = reader, recalled, clock
        self._asked: float | None = None

    def require(self) -> None:
        """Ask, unless that was done a while ago.

        Raises:
            CalibrationUnusable: an answer is another than at the fitting by more than chance; it is asked again the next time.
            MedVlmError: the model did not answer.
        """
        now = self._clock()
        if self._asked is not None and now - self._asked < ASK_AGAIN:
            return
        require_same(self._reader, self._recalled)
        self._asked = now


def require_same(reader: Reader, recalled: Recalled) -> None:
    """Refuse a reader that answers otherwise.

    Raises:
        CalibrationUnusable, MedVlmError: as `StillTheSame.require`.
    """
    shown = _shown()
    if _mark(shown) != recalled.image:
        raise CalibrationUnusable("the image that the model would be known by is another one in this version")
    said = reader.probabilities(_asked(shown))
    if said.keys() != recalled.probabilities.keys():
        raise CalibrationUnusable("the model answers about other findings than when it was calibrated")
    if not _furthest(said, recalled.probabilities) <= MARGIN + REPEATS * recalled.chance:
        raise CalibrationUnusable("the model answers otherwise than when it was calibrated")


def _shown() -> Reference:
    """The reference with the most findings, the first by name of those."""
    return min(shipped(), key=lambda one: (-len(one.findings), one.name))


def _mark(shown: Reference) -> str:
    return hashlib.sha256(shown.pixels.tobytes()).hexdigest()


def _asked(shown: Reference) -> Asked:
    return Asked((Image(shown.pixels, view="PA", modality="DX", body_part="chest"),))


def _furthest(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The largest difference of log-odds."""
    rows = np.array([[said[key] for key in one] for said in (one, other)])
    return float(np.abs(np.diff(logits_of(rows), axis=0)).max(initial=0.0))

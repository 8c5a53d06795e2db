"""Does the answer depend on the image? The question is asked again with a blank, with noise and with images of nobody.

Med-VLMs answer noise as confidently as images, from what is usual in reports. A finding whose probability is the same whatever is
shown is therefore no statement about this image (UniVRSE, arXiv 2503.20504, contrasts in the same way).

What it costs: besides the reading, one answer to the image again, one to a blank, one to noise and one to each reference, 4 to 7
calls of `probabilities`. For a slow model `most=1` keeps them to 4: then only findings of that one reference, and those that the
model thinks likely, are tested. Of a prior image only what its comparison would rest on is tested (`Probed.proven`).

What it cannot see: a model that looks at the image and does not understand it. That is what calibration and measured AUROC show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked
from tools.med_vlm.reading import FindingReading, Reader, Reading, Reliance, Sentence
from tools.med_vlm.trust.references import Reference, telling

F32 = NDArray[np.float32]
Probabilities = Mapping[str, float]

MARGIN = 0.1
"""By which a probability must move, in either direction. Of 1,900 findings that the compact model 0.1 read in 190 phantoms none
moved by less than 0.49; a model that does not look moves by nothing."""

REPEATS = 4.0
"""How many times the largest change between two askings of the same counts as chance, where a model draws its answers. Of blind
models that count 3 to 50 draws at most 2 in 1,000 readings then had a finding that seemed to move, by simulation (at 2 times: 130)."""

BLIND = "the answers do not depend on the image: they are the same for a blank, for noise and for other images"


class Probed:
    """Implements `tools.med_vlm.reading.Reader`: what did not move is no statement of the image. Safe to share between threads."""

    def __init__(self, reader: Reader, others: Sequence[Reference], *, most: int = 4) -> None:
        """`others` are shown instead of the image, at most `most` of them for one reading (`references.shipped`)."""
        self.name = reader.name
        self.fingerprint = reader.fingerprint
        self.profile = reader.profile
        self._reader = reader
        self._others = tuple(others)
        self._most = most

    def probabilities(self, asked: Asked) -> Probabilities:
        """As the reader inside says."""
        return self._reader.probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        """The reading with a verdict for each finding; abstains when nothing that was tested moved.

        A finding that was present and did not move is uncertain, without side and place, and the sentences that speak of it are
        left out. An absent one stays absent with its verdict: a reference is drawn, and a model of real radiographs may not
        know its drawn signs.

        Raises:
            MedVlmError: the model did not answer.
        """
        reading = self._reader.read(asked)
        if reading.abstained:
            return reading
        return believed(reading, probe(self._reader, asked, reading, self._others, self._most))

    def proven(self, asked: Asked, reading: Reading, keys: frozenset[str]) -> Reading:
        """A reading that was not probed, with what of `keys` did not move made uncertain; the other findings stay untested.

        It asks for these alone: the image again, then a blank, noise and images that lack them, until all have moved.

        Raises:
            MedVlmError: the model did not answer.
        """
        return doubted(reading, probe(self._reader, asked, reading, self._others, self._most, only=keys))


def blank(image: F32) -> F32:
    """The image's mean grey [rows, columns]."""
    return np.full(image.shape, image.mean(dtype=np.float64), dtype=np.float32)


def noise(image: F32, seed: int = 0) -> F32:
    """The image's own pixels in another order [rows, columns]: the same grey levels and nothing else of it."""
    random = np.random.default_rng(seed)
    return random.permutation(image.reshape(-1)).reshape(image.shape)


def probe(
    reader: Reader, asked: Asked, reading: Reading, others: Sequence[Reference], most: int, *, only: frozenset[str] | None = None
) -> Mapping[str, Reliance]:
    """A verdict for each finding of `reading`: the focal image against the others, without further views, priors as they are.

    With `only` these findings are tested as if they were likely, and no verdict is sought for the others.

    Raises:
        MedVlmError: the model did not answer.
    """
    alone = asked.with_pixels(asked.focal.pixels)
    first: Probabilities = {finding.key: finding.probability for finding in reading.findings}
    if len(asked.images) > 1:
        first = reader.probabilities(alone)
    again = reader.probabilities(alone)
    likely = frozenset(key for key, probability in first.items() if probability >= 0.5) if only is None else only
    shown = telling(others, likely, frozenset(first) - likely if only is None else frozenset(), most)
    pictures = (blank(asked.focal.pixels), noise(asked.focal.pixels), *(reference.pixels for reference in shown))
    answers = (reader.probabilities(asked.with_pixels(picture)) for picture in pictures)
    sought = frozenset(first) if only is None else only
    told = verdicts(first, again, answers, likely.union(*(reference.findings for reference in shown)), sought)
    return {key: told[key] if key in sought else "untested" for key in first}


def verdicts(
    first: Probabilities,
    again: Probabilities,
    answers: Iterable[Probabilities],
    tested: frozenset[str],
    sought: frozenset[str] | None = None,
) -> dict[str, Reliance]:
    """Which findings moved: `first` and `again` were asked of the image, `answers` of others.

    Nothing more is taken of `answers` once all findings `sought` (None: all there are) have moved. A finding that did not move counts as
    unmoved only when it was `tested`: it was likely, or an image that shows it was asked.
    """
    chance = max((abs(first[key] - again[key]) for key in first), default=0.0)
    margin = MARGIN + REPEATS * chance
    furthest = dict.fromkeys(first, 0.0)
    for answer in answers:
        for key in first:
            furthest[key] = max(furthest[key], abs(answer[key] - (first[key] + again[key]) / 2))
        if all(furthest[key] >= margin for key in (first if sought is None else sought)):
            break
    return {key: "moved" if far >= margin else "unmoved" if key in tested else "untested" for key, far in furthest.items()}


def believed(reading: Reading, told: Mapping[str, Reliance]) -> Reading:
    """The reading with its verdicts, and without what did not move."""
    if "unmoved" in told.values() and "moved" not in told.values():
        return reading.model_copy(update={"abstained": True, "reason": BLIND, "findings": (), "narrative": (), "compared_with": None})
    return doubted(reading, told)


def doubted(reading: Reading, told: Mapping[str, Reliance]) -> Reading:
    """The reading with its verdicts; what is said to be there and did not move is uncertain, and not spoken of."""
    doubts = frozenset(one.key for one in reading.findings if told[one.key] == "unmoved" and _said_to_be_there(one))
    kept = tuple(sentence for sentence in reading.narrative if not doubts & set(sentence.findings))
    return reading.model_copy(
        update={
            "findings": tuple(_with_verdict(finding, told[finding.key], finding.key in doubts) for finding in reading.findings),
            "narrative": kept,
            "notes": (*reading.notes, *_notes(doubts, reading.narrative, kept)),
        }
    )


def _said_to_be_there(finding: FindingReading) -> bool:
    """Present, or what an uncalibrated model would call present."""
    return finding.presence == "present" or (finding.presence == "uncertain" and finding.probability >= 0.5)


def _with_verdict(finding: FindingReading, verdict: Reliance, doubted: bool) -> FindingReading:
    if not doubted:
        return finding.model_copy(update={"reliance": verdict})
    return FindingReading(
        key=finding.key, code=finding.code, presence="uncertain", probability=finding.probability, change=None, reliance=verdict
    )


def _notes(doubted: frozenset[str], before: tuple[Sentence, ...], kept: tuple[Sentence, ...]) -> Iterable[str]:
    if not doubted:
        return
    names = ", ".join(FINDING[key].display for key in FINDING if key in doubted)
    yield f"uncertain, since the answer is the same without the image: {names}"
    if left_out := len(before) - len(kept):
        yield f"left out for that reason: {left_out} {'sentence' if left_out == 1 else 'sentences'}"

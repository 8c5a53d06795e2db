"""What to expect of a reader here: how fast, how much memory, how often it speaks, how often it is right, whether it looks.

Measured on labelled images: for the phantoms that `sidenote model check` draws the figures say that a model works, and nothing
about patients. It costs one reading and at most one more call for each image, and the probe's calls for the first few.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fhir.codes import FINDING
from policies.evidence import Frozen
from tools.med_vlm.compact.measuring.measure import Interval, auroc_interval, proportion
from tools.med_vlm.reading import Reader, Reading, Reliance
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.references import Reference
from tools.med_vlm.trust.reliance import BLIND, probe

STATUS = Path("/proc/self/status")
"""Where Linux says how much memory a process holds."""
FEWEST = 5
"""Images with a finding, and without it: fewer give no AUROC that means anything."""


class Share(Frozen):
    """A measured share or AUROC with its 95 % interval; `value` is None where it cannot be estimated. `hits` of `total`."""

    value: float | None
    low: float = 0.0
    high: float = 1.0
    hits: int
    total: int


class Expectation(Frozen):
    """What `sidenote model check` prints."""

    model: str
    images: int
    seconds: float
    """Median of one reading."""
    slowest: float
    memory_mb: float | None
    """By how much this process grew while it read, in 10**6 bytes; None where the system does not say. A server's is not seen."""
    abstained: Share
    reasons: Mapping[str, int]
    """Why it abstained -> how often."""
    decided: Share
    """Of the findings of images that were read and whose truth is known: called present or absent."""
    coverage: Share
    """Of the same: the answer holds the truth; an uncertain answer holds it."""
    right: Share
    """Of the decided: the answer is the truth."""
    moved: Share
    """Of the findings that the probe tested: those that depend on the image."""
    blind: bool
    """Whether the probe found nothing that depends on the image, or the reader itself abstained for that."""
    auroc: Mapping[str, Share]
    """By finding, as if the reader had never abstained; findings with at least five images of both kinds alone."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One image read."""

    truth: Labelled
    reading: Reading
    probabilities: Mapping[str, float]
    seconds: float
    reliance: Mapping[str, Reliance]


def expect(reader: Reader, labelled: Iterable[Labelled], others: Sequence[Reference], *, probed: int = 8) -> Expectation:
    """Read every image of `labelled`, and ask the first `probed` that are read again with `others`, unless the reader does so itself.

    Raises:
        ValueError: there is no image.
        MedVlmError: the model did not answer.
    """
    before = resident()
    seen: list[_Seen] = []
    most = before
    for one in labelled:
        enough = sum(bool(each.reliance) for each in seen) >= probed
        seen.append(_read(reader, one, () if enough else others))
        most = max(most or 0.0, resident() or 0.0) if most is not None else None
    if not seen:
        raise ValueError("nothing to read")
    seconds = [one.seconds for one in seen]
    verdicts = [verdict for one in seen for verdict in one.reliance.values()]
    tested = [verdict for verdict in verdicts if verdict != "untested"]
    answers = list(_answers(seen))
    decided = [said == truth for said, truth in answers if said != "uncertain"]
    reasons = [one.reading.reason for one in seen if one.reading.abstained]
    return Expectation(
        model=reader.name,
        images=len(seen),
        seconds=float(np.median(seconds)),
        slowest=max(seconds),
        memory_mb=None if most is None or before is None else round(most - before, 1),
        abstained=_share(proportion(len(reasons), len(seen))),
        reasons={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        decided=_share(proportion(len(decided), len(answers))),
        coverage=_share(proportion(len(answers) - decided.count(False), len(answers))),
        right=_share(proportion(decided.count(True), len(decided))),
        moved=_share(proportion(tested.count("moved"), len(tested))),
        blind=BLIND in reasons or (bool(tested) and "moved" not in tested),
        auroc=dict(_aurocs(seen)),
    )


def resident(status: Path = STATUS) -> float | None:
    """Memory of this process in 10**6 bytes; None where the system does not say."""
    if not status.is_file():
        return None
    lines = [line for line in status.read_text(encoding="ascii", errors="replace").splitlines() if line.startswith("VmRSS:")]
    return int(lines[0].split()[1]) * 1024 / 1e6 if lines else None


def _read(reader: Reader, one: Labelled, others: Sequence[Reference]) -> _Seen:
    started = time.perf_counter()
    reading = reader.read(one.asked)
    seconds = time.perf_counter() - started
    if reading.abstained:
        return _Seen(one, reading, reader.probabilities(one.asked), seconds, {})
    said = {finding.key: finding.probability for finding in reading.findings}
    return _Seen(one, reading, said, seconds, _reliance(reader, one, reading, others))


def _reliance(reader: Reader, one: Labelled, reading: Reading, others: Sequence[Reference]) -> Mapping[str, Reliance]:
    """The verdicts that the reading brings along, else those of a probe."""
    told: dict[str, Reliance] = {finding.key: finding.reliance for finding in reading.findings}
    if set(told.values()) - {"untested"}:
        return told
    return probe(reader, one.asked, reading, others, len(others)) if others else {}


def _answers(seen: Sequence[_Seen]) -> Iterator[tuple[str, str]]:
    """(said, truth) of every finding whose truth is known, of images that were read."""
    for one in seen:
        for finding in one.reading.findings:
            if finding.key in one.truth.known:
                yield finding.presence, "present" if finding.key in one.truth.present else "absent"


def _aurocs(seen: Sequence[_Seen]) -> Iterator[tuple[str, Share]]:
    for key in FINDING:
        rows = [one for one in seen if key in one.truth.known and key in one.probabilities]
        labels = np.array([key in one.truth.present for one in rows], dtype=bool)
        if min(int(labels.sum()), int((~labels).sum())) >= FEWEST:
            yield key, _share(auroc_interval(np.array([one.probabilities[key] for one in rows]), labels))


def _share(interval: Interval) -> Share:
    value = None if math.isnan(interval.value) else round(interval.value, 4)
    if value is None:
        return Share(value=None, hits=interval.positives, total=interval.total)
    return Share(value=value, low=round(interval.low, 4), high=round(interval.high, 4), hits=interval.positives, total=interval.total)

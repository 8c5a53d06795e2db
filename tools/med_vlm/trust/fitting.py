"""Calibration of any reader on labelled images: scaling, split-conformal levels, an out-of-distribution gate, and what they are worth.

The images are split in two by group. On the first half everything is fitted, on the second its coverage is measured and the
gate's threshold is set, so the second half would pass in 95 of 100 cases by construction. Coverage is promised for carriers and
others of a finding alike (Vovk, "Conditional validity of inductive conformal predictors", 2012), on images like these alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.measuring.measure import auroc_interval, calibration_error, proportion
from tools.med_vlm.compact.reading import ood
from tools.med_vlm.compact.reading.calibration import FindingCalibration, Scaling, fit_finding
from tools.med_vlm.compact.weights import gate_units
from tools.med_vlm.errors import CalibrationDataRefused
from tools.med_vlm.reading import Presence, Reader
from tools.med_vlm.trust.calibration import Fitted, Floats, Measured, Record, logits_of
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.recalled import recall
from tools.med_vlm.trust.space import Space, shipped_space

FEWEST_IMAGES = 100
"""Both halves together. A gate fitted on 40 phantoms refused all that were upside down, inverted, turned, of shuffled quarters or noise (20
draws each, as on 100 and 160), and 4 % of good ones as those did, but up to 13 % in one draw (7 % on 100)."""
FEWEST_CARRIERS = 20
"""Of the first half, with and without a finding alike: at level 0.95 fewer than 19 exclude nothing. With fewer it is never decided."""

F32 = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a reader said of n readable images about k findings, with the truth."""

    keys: tuple[str, ...]
    logits: Floats
    present: Bools
    known: Bools
    textures: F32
    groups: tuple[str, ...]
    unreadable: int


def fit(reader: Reader, labelled: Iterable[Labelled], *, space: Space | None = None, seed: int = 0) -> Fitted:
    """Calibrate `reader` on `labelled`, which is consumed once, image by image: one call of `probabilities` for each, and two more.

    `space` is the compact model's that ships, unless another is given.

    Raises:
        CalibrationDataRefused: too few readable images.
        MedVlmError: the reader did not answer.
    """
    space = space or shipped_space()
    answers = _asked(reader, labelled, space)
    first = _first_half(answers.groups, seed)
    if len(first) < FEWEST_IMAGES or min(first.sum(), (~first).sum()) < FEWEST_IMAGES // 5:
        raise CalibrationDataRefused(f"at least {FEWEST_IMAGES} readable images of several patients are needed")
    findings = tuple(_calibration(answers, at, first) for at in range(len(answers.keys)))
    gate = ood.fit(answers.textures[first], answers.textures[~first])
    record = Record(
        reader=reader.name,
        fingerprint=reader.fingerprint,
        space=space.fingerprint,
        fitted_on=int(first.sum()),
        measured_on=int((~first).sum()),
        unreadable=answers.unreadable,
        findings=findings,
        never_decided=tuple(one.key for one in findings if not one.levels),
        measured=tuple(_measured(one, answers, at, ~first) for at, one in enumerate(findings)),
        gate=gate_units(gate),
        recalled=recall(reader),
    )
    return Fitted(record, gate)


def _asked(reader: Reader, labelled: Iterable[Labelled], space: Space) -> _Answers:
    from tools.med_vlm.compact.preprocess import problem

    keys, unreadable = reader.profile.findings, 0
    rows: list[tuple[Labelled, list[float], F32]] = []
    for one in labelled:
        if problem(one.asked.focal.pixels):
            unreadable += 1
            continue
        said = reader.probabilities(one.asked)
        light = Labelled(one.asked.with_pixels(np.zeros((1, 1), np.float32)), one.present, one.known, one.group)
        rows.append((light, [said[key] for key in keys], space.look(one.asked.focal.pixels)))
    return _Answers(
        keys=keys,
        logits=logits_of(np.array([row[1] for row in rows]).reshape(-1, len(keys))),
        present=np.array([[key in row[0].present for key in keys] for row in rows], dtype=bool).reshape(-1, len(keys)),
        known=np.array([[key in row[0].known for key in keys] for row in rows], dtype=bool).reshape(-1, len(keys)),
        textures=np.array([row[2] for row in rows], dtype=np.float32),
        groups=tuple(row[0].group or f"#{number}" for number, row in enumerate(rows)),
        unreadable=unreadable,
    )


def _first_half(groups: Sequence[str], seed: int) -> Bools:
    """Which images [n] are of the first half: each group, in an order drawn by seed and name, joins the half that is smaller."""
    size = Counter(groups)
    halves: tuple[set[str], set[str]] = (set(), set())
    taken = [0, 0]
    for group in sorted(size, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest()):
        side = int(taken[1] < taken[0])
        halves[side].add(group)
        taken[side] += size[group]
    return np.array([group in halves[0] for group in groups], dtype=bool)


def _calibration(answers: _Answers, at: int, first: Bools) -> FindingCalibration:
    rows = first & answers.known[:, at]
    logits, present = answers.logits[rows, at], answers.present[rows, at]
    key = answers.keys[at]
    if min(int(present.sum()), int((~present).sum())) < FEWEST_CARRIERS:
        return FindingCalibration(key=key, scaling=Scaling(slope=1.0, offset=0.0), levels=(), side=None)
    return fit_finding(key, logits, present, np.zeros(0), None)


def _measured(one: FindingCalibration, answers: _Answers, at: int, second: Bools) -> Measured:
    from tools.med_vlm.compact.measuring.evaluate import estimate

    rows = second & answers.known[:, at]
    probabilities, present = one.scaling.probability(answers.logits[rows, at]), answers.present[rows, at]
    said: list[Presence] = [one.presence(float(p)) for p in probabilities]
    undecided = np.array([answer == "uncertain" for answer in said], dtype=bool)
    holds = undecided | (np.array([answer == "present" for answer in said], dtype=bool) == present)
    return Measured(
        key=one.key,
        coverage_present=estimate(proportion(int(holds[present].sum()), int(present.sum()))),
        coverage_absent=estimate(proportion(int(holds[~present].sum()), int((~present).sum()))),
        decided=estimate(proportion(int((~undecided).sum()), len(said))),
        calibration_error=round(calibration_error(probabilities, present), 4) if said else None,
        auroc=estimate(auroc_interval(probabilities, present)),
    )

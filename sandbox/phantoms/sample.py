"""Draws plausible studies: who, which findings together, which view; and the corpus of numbered cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from fhir.codes import Side
from sandbox.phantoms import reports
from sandbox.phantoms.canvas import stream
from sandbox.phantoms.findings import INSIDE_LUNG
from sandbox.phantoms.render import render
from sandbox.phantoms.spec import DeviceName, DrawnFinding, Habitus, Lobe, PhantomCase, PhantomSpec, Sex, Size, Subject, View, Zone
from sandbox.phantoms.truth import truth

__all__ = ["corpus", "sample", "truth"]

NORMAL_SHARE = 0.35
Rng = np.random.Generator
LOBES: tuple[Lobe, ...] = ("right upper", "right middle", "right lower", "left upper", "left lower")


def _size(rng: Rng, weights: tuple[float, float, float] = (0.35, 0.4, 0.25)) -> Size:
    return cast(Size, str(rng.choice(["small", "moderate", "large"], p=list(weights))))


def _side(rng: Rng, both: float = 0.0) -> Side:
    if rng.random() < both:
        return "bilateral"
    return "left" if rng.random() < 0.5 else "right"


def _in_lobe(key: str, rng: Rng, lobes: tuple[Lobe, ...] = LOBES, size: Size | None = None) -> DrawnFinding:
    lobe = lobes[int(rng.integers(len(lobes)))]
    return DrawnFinding(key, cast(Side, lobe.split()[0]), size or _size(rng), lobe=lobe)


def _nodule(rng: Rng) -> DrawnFinding:
    millimetres = int(np.clip(rng.lognormal(np.log(15), 0.45), 6, 30))
    size: Size = "small" if millimetres < 11 else "moderate" if millimetres < 21 else "large"
    zone = cast(Zone, str(rng.choice(["upper", "middle", "lower"])))
    return DrawnFinding("nodule", _side(rng), size, zone=zone, diameter_mm=millimetres)


def _heart_failure(rng: Rng) -> list[DrawnFinding]:
    out = [DrawnFinding("cardiomegaly", None, _size(rng)), DrawnFinding("pulmonary_edema", None, _size(rng))]
    if rng.random() < 0.6:
        out.append(DrawnFinding("pleural_effusion", _side(rng, 0.55), _size(rng, (0.55, 0.35, 0.10))))
    return out


def _pneumonia(rng: Rng) -> list[DrawnFinding]:
    one = _in_lobe("consolidation", rng)
    out = [one]
    if rng.random() < 0.25 and one.lobe and one.lobe.endswith("lower"):
        out.append(DrawnFinding("pleural_effusion", one.side, _size(rng, (0.7, 0.25, 0.05))))
    return out


def _effusion(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("pleural_effusion", _side(rng, 0.2), _size(rng))]


def _pneumothorax(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("pneumothorax", _side(rng), _size(rng))]


def _tension(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("tension_pneumothorax", _side(rng), "large")]


def _big_heart(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("cardiomegaly", None, _size(rng))]


def _edema(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("pulmonary_edema", None, _size(rng))]


def _nodules(rng: Rng) -> list[DrawnFinding]:
    return [_nodule(rng)]


def _atelectasis(rng: Rng) -> list[DrawnFinding]:
    size = _size(rng)
    low: tuple[Lobe, ...] = ("right lower", "left lower")
    lobes: tuple[Lobe, ...] = (*low, "right upper", "left upper") if size == "large" else (*low, *low, "right middle")
    return [_in_lobe("atelectasis", rng, lobes, size)]


def _misplaced(rng: Rng) -> list[DrawnFinding]:
    device = cast(DeviceName, str(rng.choice(["endotracheal tube", "nasogastric tube", "central line"])))
    return [DrawnFinding("malpositioned_device", None, device=device)]


def _paced(rng: Rng) -> list[DrawnFinding]:
    return [DrawnFinding("pacemaker", "left" if rng.random() < 0.85 else "right")]


STORIES: tuple[tuple[Callable[[Rng], list[DrawnFinding]], float], ...] = (
    (_heart_failure, 0.12),
    (_pneumonia, 0.16),
    (_effusion, 0.11),
    (_pneumothorax, 0.11),
    (_tension, 0.08),
    (_big_heart, 0.09),
    (_edema, 0.05),
    (_nodules, 0.10),
    (_atelectasis, 0.09),
    (_misplaced, 0.09),
)
_WEIGHTS = np.asarray([w for _, w in STORIES]) / sum(w for _, w in STORIES)


def _stories(rng: Rng, adult: bool) -> tuple[DrawnFinding, ...]:
    """One to three findings that go together."""
    found: list[DrawnFinding] = []
    if rng.random() >= NORMAL_SHARE:
        for _ in range(1 + int(rng.random() < 0.30)):
            story = STORIES[int(rng.choice(len(STORIES), p=_WEIGHTS))][0](rng)
            found += [f for f in story if f.key not in {g.key for g in found}]
    tension = any(f.key == "tension_pneumothorax" for f in found)
    if tension:
        found = [f for f in found if f.key not in ("pneumothorax", "pleural_effusion", "atelectasis", "cardiomegaly", "pulmonary_edema")]
    collapsed = {f.side for f in found if f.key == "tension_pneumothorax" or (f.key == "pneumothorax" and f.size == "large")}
    found = [f for f in found if not (f.key in INSIDE_LUNG and f.side in collapsed)][:3]
    if adult and len(found) < 3 and not tension and rng.random() < 0.08:
        found += _paced(rng)
    return tuple(found)


def _subject(rng: Rng) -> Subject:
    child = rng.random() < 0.10
    age = int(rng.integers(0, 17)) if child else int(np.clip(rng.normal(58, 19), 18, 95))
    sex = cast(Sex, str(rng.choice(["female", "male"])))
    habitus = cast(Habitus, str(rng.choice(["slim", "average", "large"], p=[0.25, 0.5, 0.25])))
    return Subject(age, sex, habitus, int(rng.integers(1 << 31)))


def _placed_devices(rng: Rng, view: View, findings: tuple[DrawnFinding, ...]) -> tuple[DeviceName, ...]:
    """Correct tubes and lines: common in the portable view of the ill, whatever else is wrong."""
    wrong = {f.device for f in findings}
    chance: dict[DeviceName, float] = {"endotracheal tube": 0.16, "nasogastric tube": 0.18, "central line": 0.22}
    often = 1.0 if view == "AP" else 0.08
    return tuple(device for device, p in chance.items() if (rng.random() < p * often) and device not in wrong)


def sample(seed: int) -> PhantomSpec:
    """A plausible study: about 35 % without a finding, mostly adults, PA or portable AP."""
    rng = stream(seed, 301)
    subject = _subject(rng)
    findings = _stories(rng, subject.age >= 18)
    ill = any(f.key in ("tension_pneumothorax", "malpositioned_device", "pulmonary_edema") for f in findings)
    view: View = "AP" if subject.age < 4 or rng.random() < (0.6 if ill else 0.28) else "PA"
    return PhantomSpec(subject, findings, view, int(rng.integers(1 << 31)), _placed_devices(rng, view, findings))


def corpus(numbers: Iterable[int], *, size: int = 256, seed: int = 0, frontal_only: bool = True) -> Iterator[PhantomCase]:
    """Renders the numbered cases. Case `n` depends on `n`, `seed` and `size` alone, never on what else is drawn.

    With `frontal_only` False about one case in six is a lateral view.
    """
    for number in numbers:
        own = int(stream(seed, 1_000_000 + number).integers(1 << 62))
        spec = sample(own)
        if not frontal_only and stream(own, 302).random() < 1 / 6:
            spec = replace(spec, view="LATERAL", devices=())
        yield PhantomCase(number, render(spec, size=size), reports.write(spec, seed=own))

"""Writes the ground truth of a phantom as radiology prose. The words are in `phrases`; which are chosen depends on the seed alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fhir.codes import FINDING, Side
from sandbox.phantoms import phrases
from sandbox.phantoms.canvas import stream
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, ReportText
from sandbox.phantoms.truth import truth

HEDGE_SHARE = 0.35
ORDER = (
    "malpositioned_device",
    "pacemaker",
    "tension_pneumothorax",
    "pneumothorax",
    "pulmonary_edema",
    "consolidation",
    "atelectasis",
    "nodule",
    "pleural_effusion",
    "cardiomegaly",
)
RANK = {"small": 0, "moderate": 1, "large": 2}
DEGREE = {"small": "mild", "moderate": "moderate", "large": "severe"}
Rng = np.random.Generator


def _pick(rng: Rng, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _form(finding: DrawnFinding, table: dict[tuple[str, str], tuple[str, ...]]) -> tuple[str, ...]:
    """The sentences that fit a finding's side, size or device."""
    first = "both" if finding.side == "bilateral" else (finding.device or finding.size)
    for form in (first, "any"):
        if (finding.key, form) in table:
            return table[finding.key, form]
    return ()


def _say(template: str, finding: DrawnFinding) -> str:
    side = finding.side or "left"
    words = {
        "side": side,
        "other": "left" if side == "right" else "right",
        "lobe": finding.lobe or "",
        "zone": finding.zone or "",
        "mm": str(finding.diameter_mm),
        "a_mm": "an" if finding.diameter_mm in (8, 11, 18) else "a",
        "size": finding.size,
        "degree": DEGREE[finding.size],
        "device": finding.device or "",
    }
    return template.format(**words, **{f"{name}_cap": _capital(word) for name, word in words.items()})


def _sentence(rng: Rng, finding: DrawnFinding) -> str:
    """A sentence that states one finding; some small ones are hedged, as they are in practice."""
    hedged = () if finding.side == "bilateral" else _form(finding, phrases.HEDGED)
    table = hedged if hedged and rng.random() < HEDGE_SHARE else _form(finding, phrases.PRESENT)
    return _say(_pick(rng, table), finding)


def _place(finding: DrawnFinding) -> tuple[object, ...]:
    return finding.key, finding.side, finding.lobe, finding.zone, finding.device


def _overlap(one: Side | None, other: Side | None) -> bool:
    """Whether two sides of the same finding share a side."""
    return one == other or "bilateral" in (one, other)


def _change(rng: Rng, finding: DrawnFinding, prior: PhantomSpec) -> str:
    """How a finding compares with the same one on the prior study."""
    before = next((f for f in prior.findings if _place(f) == _place(finding)), None)
    if before is None:
        seen = dict(truth(prior))
        known = finding.key in seen and _overlap(seen[finding.key], finding.side if FINDING[finding.key].lateral else None)
        return "" if known else _pick(rng, phrases.NEW)
    now = finding.diameter_mm or RANK[finding.size]
    then = before.diameter_mm or RANK[before.size]
    return _pick(rng, phrases.SAME if now == then else phrases.MORE if now > then else phrases.LESS)


def _resolved(rng: Rng, spec: PhantomSpec, prior: PhantomSpec) -> list[str]:
    """Sentences on what the prior study showed and this one does not."""
    now, before = dict(truth(spec)), dict(truth(prior))
    out = []
    for key, side in before.items():
        spoken_for = FINDING[key].device or (key == "pneumothorax" and "tension_pneumothorax" in before)
        if spoken_for or (key in now and _overlap(side, now[key])):
            continue
        named = FINDING[key].display if side is None else f"{side} {FINDING[key].display}"
        out.append(_pick(rng, phrases.GONE).format(what=named))
    return out


def _listed(rng: Rng, absent: Sequence[str]) -> str:
    """One sentence that denies two or more findings at once."""
    names = [phrases.LISTED[key] for key in absent]
    listing = ", ".join(names[:-1]) + " or " + names[-1]
    template = _pick(rng, phrases.LISTS)
    if template.startswith("{"):
        listing = "neither " + " nor ".join(names) if len(names) == 2 else "evidence of " + listing
        return _capital(listing) + (" is seen." if len(names) == 2 else " is not seen.")
    return template.format(list=listing)


def _negatives(rng: Rng, absent: set[str], thorough: float) -> list[str]:
    """Pertinent negatives: some denied together, some one by one, some not mentioned."""
    out: list[str] = []
    together = [key for key in phrases.LISTED if key in absent]
    spoken = [
        key
        for key in phrases.ABSENT
        if key in absent and rng.random() < thorough * (0.25 if key in ("nodule", "atelectasis", "pacemaker") else 1.0)
    ]
    if len(together) > 1 and rng.random() < 0.5:
        out.append(_listed(rng, together))
        spoken = [key for key in spoken if key not in together]
    wordings = {key: phrases.ABSENT[key] for key in spoken}
    if "pulmonary_edema" not in absent and "consolidation" in wordings:
        wordings["consolidation"] = tuple(text for text in wordings["consolidation"] if "airspace" not in text)
    return out + [_pick(rng, wording) for wording in wordings.values()]


def _deniable(present: set[str]) -> set[str]:
    """Absent findings that may be denied; volume loss is not, where fluid or air in the pleural space compresses the lung."""
    absent = set(FINDING) - present
    return absent - {"atelectasis"} if present & {"pneumothorax", "pleural_effusion"} else absent


def _positives(rng: Rng, spec: PhantomSpec, prior: PhantomSpec | None) -> list[str]:
    out = [_pick(rng, phrases.PLACED[device]) for device in spec.devices]
    for finding in sorted(spec.findings, key=lambda f: ORDER.index(f.key)):
        out.append(_sentence(rng, finding))
        change = _change(rng, finding, prior) if prior is not None else ""
        out += [change] if change else []
    return out


LUNG_KEYS = {"consolidation", "pulmonary_edema", "nodule", "atelectasis", "pneumothorax", "tension_pneumothorax", "pleural_effusion"}
SHIFTING = {"tension_pneumothorax", "cardiomegaly", "pulmonary_edema", "malpositioned_device"}


def _background(rng: Rng, spec: PhantomSpec, present: set[str]) -> list[str]:
    """Sentences about what the vocabulary does not name; kept away from findings they would contradict."""
    out = []
    if not present & LUNG_KEYS and rng.random() < 0.7:
        out.append(_pick(rng, phrases.CLEAR))
    moved = any(f.size == "large" and f.key in ("pleural_effusion", "atelectasis", "pneumothorax") for f in spec.findings)
    if not present & SHIFTING and not moved and rng.random() < 0.5:
        out.append(_pick(rng, phrases.MEDIASTINUM))
    if rng.random() < 0.45:
        out.append(_pick(rng, phrases.BONES))
    return out


def _impression(rng: Rng, spec: PhantomSpec, gone: Sequence[str]) -> tuple[str, ...]:
    findings = sorted(spec.findings, key=lambda f: ORDER.index(f.key))
    acute = [f for f in findings if f.key != "pacemaker"]
    out = [_say(_pick(rng, _form(f, phrases.SHORT)), f) for f in findings if acute or rng.random() < 0.5]
    if not acute:
        out.append(_pick(rng, phrases.NORMAL[:1] if findings or spec.devices else phrases.NORMAL))
    return (*out, *gone[:1]) if rng.random() < 0.6 else tuple(out)


def write(spec: PhantomSpec, *, seed: int, prior: PhantomSpec | None = None) -> ReportText:
    """Writes the report of `spec`, compared with `prior` where one is given.

    Every drawn finding is stated with its side, size and place; nothing is denied that was drawn or stated that was not.
    """
    rng = stream(seed, 401)
    present = {key for key, _ in truth(spec)}
    gone = _resolved(rng, spec, prior) if prior is not None else []
    negatives = _negatives(rng, _deniable(present), 0.85 if not present else 0.6)
    background = _background(rng, spec, present)
    rest = [*background, *negatives]
    order = rng.permutation(len(rest))
    findings = (*_positives(rng, spec, prior), *gone, *(rest[i] for i in order))
    if not findings:
        findings = (_pick(rng, phrases.CLEAR),)
    comparison = (
        "None available." if prior is None else _pick(rng, ("Prior chest radiograph.", "Previous examination of the same patient."))
    )
    return ReportText(findings, _impression(rng, spec, gone), _pick(rng, phrases.TECHNIQUE[spec.view]), comparison)

"""Labels a radiology report by rules: what it states, denies or doubts, on which side and where. Deterministic, without a model.

The ten findings of the vocabulary are read by `policies.grounding.lexicon`, the same that grounds claims; the others by the words
of `tools.label_words` with the same rules for denial, doubt and side. How well it agrees with people is measured in
docs/retrieval-labels.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from policies.evidence import Polarity
from policies.grounding.lexicon import Mention, entailed
from policies.grounding.prose import sentences
from retrieval.cards import CaseFinding
from tools.label_mentions import every_mention
from tools.places import each, places_of

Label = Literal["present", "absent", "uncertain"]

CHEXPERT: Final[Mapping[str, str]] = {
    "no_finding": "No Finding",
    "enlarged_cardiomediastinum": "Enlarged Cardiomediastinum",
    "cardiomegaly": "Cardiomegaly",
    "lung_opacity": "Lung Opacity",
    "lung_lesion": "Lung Lesion",
    "pulmonary_edema": "Edema",
    "consolidation": "Consolidation",
    "pneumonia": "Pneumonia",
    "atelectasis": "Atelectasis",
    "pneumothorax": "Pneumothorax",
    "pleural_effusion": "Pleural Effusion",
    "pleural_thickening": "Pleural Other",
    "fracture": "Fracture",
    "support_device": "Support Devices",
}
"""Label -> its name among the 14 of CheXpert (Irvin et al., AAAI 2019)."""

_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "nodule": ("lung_lesion",),
    "mass": ("lung_lesion",),
    "pacemaker": ("support_device",),
    "malpositioned_device": (),
}
"""What a finding that is present is besides: CheXpert counts nodules and masses as lesions, a pacemaker as a support device."""
_DERIVED: Final = frozenset({"lung_lesion", "pneumonia"})
"""Labels a case does not state as findings: one is a name for others, the other what a reader concludes from a consolidation."""
_GENERAL: Final = "lung_opacity"
_PARTICULAR: Final = frozenset({"consolidation", "atelectasis", "pulmonary_edema", "nodule", "mass", "interstitial_pattern", "scarring"})
"""Findings that an opacity is when the report says which."""
_NOT_DISEASE: Final = frozenset({"support_device", "pacemaker", "malpositioned_device"})


def label(report: str) -> tuple[CaseFinding, ...]:
    """What `report` states as present, each finding once for every side and place, sorted by key.

    >>> label("Small left effusion. RLL consolidation. No pneumothorax; possible nodule.")[1]
    CaseFinding(key='pleural_effusion', side='left', location=None)
    """
    said, read = sentences(report), every_mention(report)
    stated = [mention for mention in read if mention.polarity == "present" and mention.finding not in _DERIVED]
    if _PARTICULAR & {mention.finding for mention in stated}:
        stated = [mention for mention in stated if mention.finding != _GENERAL]
    found: dict[str, set[CaseFinding]] = defaultdict(set)
    together: dict[int, list[Mention]] = defaultdict(list)
    for mention in read:
        together[mention.sentence].append(mention)
    for mention in stated:
        sentence = said[mention.sentence]
        beside = (one for one in together[mention.sentence] if one.end <= mention.start or mention.end <= one.start)
        others = tuple((one.start - sentence.start, one.end - sentence.start) for one in beside)
        span = mention.start - sentence.start, mention.end - sentence.start
        for side, place in each(places_of(sentence.text, *span, others), mention.side):
            found[mention.finding].add(CaseFinding(mention.finding, side, place))
    told = (finding for findings in found.values() for finding in _telling(findings))
    return tuple(sorted(told, key=lambda one: (one.key, one.side or "", one.location or "")))


def _telling(findings: set[CaseFinding]) -> Iterable[CaseFinding]:
    """Without those that say nothing that another does not say more exactly."""
    return (one for one in findings if not any(_adds_nothing(one, other) for other in findings if other != one))


def _adds_nothing(one: CaseFinding, other: CaseFinding) -> bool:
    return one.side in (None, other.side) and one.location in (None, other.location)


def labels(report: str) -> Mapping[str, Label]:
    """Label -> what `report` says of it, for the labels it speaks of: those of `CHEXPERT` and the keys of `tools.label_words`.

    Present wins over uncertain, uncertain over absent. `no_finding` is present when the report says something and nothing of it is
    present or uncertain, devices apart; else absent. It is about every label here, not about CheXpert's alone.
    """
    said: dict[str, set[Polarity]] = defaultdict(set)
    for mention in every_mention(report):
        for key, polarity in ((mention.finding, mention.polarity), *entailed(mention.finding, mention.polarity)):
            for name in (key, *_ALSO.get(key, ())):
                if name == key or polarity != "absent":
                    said[name].add(polarity)
    found = {key: _strongest(polarities) for key, polarities in said.items()}
    if any(character.isalnum() for character in report):
        sound = all(one == "absent" for key, one in found.items() if key not in _NOT_DISEASE)
        found["no_finding"] = "present" if sound else "absent"
    return found


def _strongest(polarities: set[Polarity]) -> Label:
    return next(one for one in ("present", "uncertain", "absent") if one in polarities)

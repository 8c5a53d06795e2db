"""Which sentences of a narrative say what the calibrated findings say. The others are left out: a model's prose is not calibrated."""

from __future__ import annotations

from collections.abc import Mapping

from tools.med_vlm.reading import Presence, Sentence
from tools.med_vlm.report.stated import stated

_STRENGTH: tuple[Presence, ...] = ("present", "uncertain", "absent")


def agreeing(narrative: tuple[Sentence, ...], findings: Mapping[str, Presence]) -> tuple[Sentence, ...]:
    """The sentences each of whose findings is stated as `findings` has it; a sentence tied to none of them stays."""
    return tuple(sentence for sentence in narrative if _agrees(sentence, findings))


def _agrees(sentence: Sentence, findings: Mapping[str, Presence]) -> bool:
    return all(_fits(_said(sentence.text, key), findings[key]) for key in sentence.findings if key in findings)


def _said(text: str, key: str) -> Presence:
    """What the text says of a finding that it is tied to. In words that no rule knows it asserts it: a drawn box, say."""
    said = {one.polarity for one in stated(text) if one.finding == key}
    return next((polarity for polarity in _STRENGTH if polarity in said), "present")


def _fits(said: Presence, calibrated: Presence) -> bool:
    return said == calibrated or (said == "uncertain" and calibrated == "present")

"""read: the image model reads one frontal image, or it is said why none was read."""

from __future__ import annotations

from dataclasses import dataclass

from agent.asking import Words, asked_of, frontal
from agent.nodes.study import Seen
from policies.case import ImageFinding, ReadingFacts
from policies.outcome import PolicyOutcome
from tools.med_vlm.errors import MedVlmError
from tools.med_vlm.reading import Reader, Reading

NOTHING_SAID = Words()


@dataclass(frozen=True, slots=True)
class Read:
    """The reading and how it came about. `facts` is None when there was no image at all."""

    reading: Reading | None
    facts: ReadingFacts | None
    image_sha256: str | None = None


def read_image(
    seen: Seen, reader: Reader | None, *, image_model: bool, words: Words = NOTHING_SAID, barred: PolicyOutcome | None = None
) -> Read:
    """Have `reader` read the frontal image of `seen`, unless a policy bars it. Runs for a while: call it in a thread."""
    if reader is None or not image_model:
        reason = "the image model was turned off for this review" if reader is not None else "no image model is configured"
        return Read(None, ReadingFacts(mode="off", reason=reason))
    if barred is not None:
        return Read(None, ReadingFacts(mode="off", reason=f"policy {barred.id} keeps the image model from reading"))
    if reason := unsuitable(seen):
        return Read(None, ReadingFacts(mode="off", reason=reason))
    asked = asked_of(seen, words)
    if asked is None:
        codes = ", ".join(sorted(set(seen.facts.refused)))
        return Read(None, ReadingFacts(mode="refused", reason=f"no image could be used: {codes}") if codes else None)
    try:
        reading = reader.read(asked)
    except MedVlmError as error:
        return Read(None, ReadingFacts(mode="refused", reason=error.code), asked.focal.sha256)
    return Read(reading, reading_facts(reading), asked.focal.sha256)


def unsuitable(seen: Seen) -> str:
    """Why there is nothing to ask a model about, or an empty string: not this patient's image, or no frontal view.

    Whether an image is of a kind that the model reads is for its input gate to say (`tools.med_vlm.trust.input_gate`), which abstains.
    """
    if seen.facts.identity is not None and seen.facts.identity.outcome == "mismatch":
        return "the image's identity is not the patient's, so no model saw it"
    return "no image of the study is a frontal view" if seen.pictures and frontal(seen.pictures) is None else ""


def reading_facts(reading: Reading) -> ReadingFacts:
    """A reading as policies see it."""
    return ReadingFacts(
        mode="abstained" if reading.abstained else "read",
        reason=reading.reason,
        findings=tuple(ImageFinding(f.key, f.presence, f.probability, f.side) for f in reading.findings),
        ood_score=reading.ood_score,
        ood_threshold=reading.ood_threshold,
    )

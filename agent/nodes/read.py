"""read: the image model reads one frontal image, or it is said why none was read."""

from __future__ import annotations

from dataclasses import dataclass

from agent.nodes.study import Seen
from fhir.study import Picture
from policies.case import ImageFinding, ReadingFacts
from policies.outcome import PolicyOutcome
from tools.med_vlm.errors import MedVlmError
from tools.med_vlm.reading import Reader, Reading

READABLE = frozenset({"CR", "DX", "RG"})
"""DICOM modalities of projection radiographs: what the readers read. A CT slice is refused, not guessed at."""
_FRONTAL = ("PA", "AP")


@dataclass(frozen=True, slots=True)
class Read:
    """The reading and how it came about. `facts` is None when there was no image at all."""

    reading: Reading | None
    facts: ReadingFacts | None
    image_sha256: str | None = None


def read_image(seen: Seen, reader: Reader | None, *, image_model: bool, barred: PolicyOutcome | None = None) -> Read:
    """Have `reader` read the frontal image of `seen`, unless a policy bars it. Runs for a while: call it in a thread."""
    if reader is None or not image_model:
        reason = "the image model was turned off for this review" if reader is not None else "no image model is configured"
        return Read(None, ReadingFacts(mode="off", reason=reason))
    if barred is not None:
        return Read(None, ReadingFacts(mode="off", reason=f"policy {barred.id} keeps the image model from reading"))
    if reason := unsuitable(seen):
        return Read(None, ReadingFacts(mode="off", reason=reason))
    picture = frontal(seen.pictures)
    if picture is None:
        codes = ", ".join(sorted(set(seen.facts.refused)))
        return Read(None, ReadingFacts(mode="refused", reason=f"no image could be used: {codes}") if codes else None)
    try:
        reading = reader.read(picture.pixels)
    except MedVlmError as error:
        return Read(None, ReadingFacts(mode="refused", reason=error.code), picture.sha256)
    return Read(reading, reading_facts(reading), picture.sha256)


def frontal(pictures: tuple[Picture, ...]) -> Picture | None:
    """The first picture whose tags say that it is frontal, else the first that does not say its view; never another view."""
    said = [picture for picture in pictures if picture.tags.get("ViewPosition") in _FRONTAL]
    silent = [picture for picture in pictures if not picture.tags.get("ViewPosition")]
    return next(iter((*said, *silent)), None)


def unsuitable(seen: Seen) -> str:
    """Why the model is not asked at all, or an empty string: not this patient's image, not a radiograph, not a frontal view."""
    if seen.facts.identity is not None and seen.facts.identity.outcome == "mismatch":
        return "the image's identity is not the patient's, so no model saw it"
    modalities = set(seen.study.modality) if seen.study else set()
    if seen.pictures and modalities and not modalities & READABLE:
        return f"the study's modality ({', '.join(sorted(modalities))}) is not one the image model reads"
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

"""Before a model sees an image: is it what the model is for? Modality, body part, view and age against its profile, then the pixels.

Most wrong readings are of the wrong image. What the record does not say is no reason to refuse, but for the modality: an image
without one, a PNG say, is read only if its pixels could be a radiograph's, and the reading says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.quality import unreadable
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import Reader, Reading
from tools.med_vlm.trust.abstention import abstention
from tools.med_vlm.trust.appearance import appearance, may_be_radiograph, no_picture

SHORTEST = 64
"""Pixels of the shorter side: a chest of 40 cm in less shows nothing that could be called a finding (MedMNIST's thumbnails are 28)."""
LONGEST = 8
"""Times the shorter side that the longer may be."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the gate says of one image: a reason to refuse it or an empty string, and what a reader should know."""

    refused: str = ""
    notes: tuple[str, ...] = ()


class Gated:
    """Implements `tools.med_vlm.reading.Reader`: what the model is not for never reaches it. Safe to share between threads."""

    def __init__(self, reader: Reader) -> None:
        self.name = reader.name
        self.fingerprint = reader.fingerprint
        self.profile = reader.profile
        self._reader = reader

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """As the reader inside says, nothing gated."""
        return self._reader.probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        """The reading of what fits the model; abstains when the focal image does not, naming the model's bound.

        Other views and priors that do not fit are left out, and the reading notes how many.

        Raises:
            MedVlmError: the model did not answer.
        """
        reason = age_refused(asked.age_years, self.profile)
        focal = Looked(reason) if reason else looked_at(asked.focal, self.profile)
        if focal.refused:
            return abstention(self._reader, focal.refused)
        fitting, left_out = self._fitting(asked)
        reading = self._reader.read(fitting)
        notes = (*focal.notes, *_age_note(asked.age_years, self.profile), *left_out)
        return reading.model_copy(update={"notes": (*notes, *reading.notes)}) if notes else reading

    def _fitting(self, asked: Asked) -> tuple[Asked, tuple[str, ...]]:
        images = (asked.focal, *self._kept(asked.images[1:]))
        priors = self._kept(asked.priors)
        notes = [
            f"{before - after} {name} left out: not what this model reads"
            for name, before, after in (
                ("of the other images", len(asked.images), len(images)),
                ("of the prior images", len(asked.priors), len(priors)),
            )
            if before > after
        ]
        return replace(asked, images=images, priors=priors), tuple(notes)

    def _kept(self, images: Sequence[Image]) -> tuple[Image, ...]:
        return tuple(image for image in images if not looked_at(image, self.profile).refused)


def age_refused(age_years: float | None, profile: Profile) -> str:
    """Why a patient of that age is not read, or an empty string. An unknown age is no reason."""
    if age_years is None:
        return ""
    if profile.youngest is not None and age_years < profile.youngest:
        return f"the patient is younger than {profile.youngest:g} years, the youngest this model was validated for"
    if profile.oldest is not None and age_years > profile.oldest:
        return f"the patient is older than {profile.oldest:g} years, the oldest this model was validated for"
    return ""


def _age_note(age_years: float | None, profile: Profile) -> tuple[str, ...]:
    if age_years is not None or (profile.youngest is None and profile.oldest is None):
        return ()
    return ("the patient's age is not known; this model was validated for a range of ages",)


def looked_at(image: Image, profile: Profile) -> Looked:
    """What the gate says of `image` for a model of that profile. No text of the file is repeated."""
    reason = _other_kind(image, profile)
    return Looked(reason) if reason else _pixels(image)


def _other_kind(image: Image, profile: Profile) -> str:
    modality, view = _word(image.modality), _word(image.view)
    if modality and modality not in profile.modalities:
        return f"the image is of another modality than this model reads ({', '.join(profile.modalities)})"
    body_part = (image.body_part or "").strip()
    if body_part and body_part not in profile.body_parts:
        return f"the image shows another part of the body than this model reads ({', '.join(profile.body_parts)})"
    if view and view not in profile.views:
        return f"the image is of another view than this model reads ({', '.join(profile.views)})"
    return ""


def _word(text: str | None) -> str:
    """A DICOM code string as it is compared: without padding, in capitals."""
    return (text or "").strip().upper()


def _pixels(image: Image) -> Looked:
    if reason := unreadable(image.pixels) or _geometry(*image.pixels.shape):
        return Looked(reason)
    seen = appearance(image.pixels)
    if reason := no_picture(seen):
        return Looked(f"the image is no radiograph: {reason}")
    if _word(image.modality):
        return Looked()
    if not may_be_radiograph(seen):
        return Looked("the file does not say what kind of image it is, and its pixels do not look like a radiograph's")
    return Looked(notes=("the file does not say what kind of image it is; its pixels could be a radiograph's",))


def _geometry(rows: int, columns: int) -> str:
    shorter, longer = sorted((rows, columns))
    if shorter < SHORTEST:
        return f"the shorter side of the image is under {SHORTEST} pixels"
    return f"one side of the image is more than {LONGEST} times the other" if longer > LONGEST * shorter else ""

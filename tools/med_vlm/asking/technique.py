"""What a model looked at, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from tools.med_vlm.asked import Image

_WORDS: Final = {"PA": "frontal view (PA)", "AP": "frontal view (AP)", "LL": "lateral view (LL)", "RL": "lateral view (RL)"}
"""DICOM ViewPosition -> words; LL and RL: the side of the patient that faces the detector."""
LATERAL: Final = ("LATERAL", "LL", "RL")
"""ViewPositions of a lateral chest radiograph."""
_UNSAID: Final = "view of unknown position"
_LONGEST: Final = 16
"""Characters of a DICOM code string (PS3.5 6.2)."""
_COUNT: Final = ("no", "one", "two", "three", "four")


def position(image: Image) -> str:
    """The ViewPosition that the image states, as DICOM writes it; empty where it states none."""
    return (image.view or "").strip().upper()


def is_lateral(image: Image) -> bool:
    """Whether the image says that it is a lateral view."""
    return position(image) in LATERAL


def technique(images: Sequence[Image], priors: Sequence[Image] = ()) -> tuple[str, ...]:
    """One sentence for the images of the study, and one for those of the prior that the model was shown."""
    shown = f"The model was shown {_listed(images)}."
    return (shown, f"It was also shown {_listed(priors)} of the prior study.") if priors else (shown,)


def _listed(images: Sequence[Image]) -> str:
    kinds = ((_view(image), image.pixels.shape) for image in images)
    return " and ".join(_counted(view, shape, alike) for (view, shape), alike in groupby(kinds))


def _view(image: Image) -> str:
    view = image.view or ""
    return _WORDS.get(view, f"view ({view})" if view.isalpha() and len(view) <= _LONGEST else _UNSAID)


def _counted(view: str, shape: tuple[int, ...], alike: Iterable[object]) -> str:
    number = len(tuple(alike))
    count = _COUNT[number] if number < len(_COUNT) else str(number)
    plural = view.replace("view", "views", 1) if number > 1 else view
    return f"{count} {plural} of {' x '.join(map(str, shape[::-1]))} pixels"

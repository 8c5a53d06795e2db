"""What each image is that a model is shown, in a line of text before it."""

from __future__ import annotations

import re

from tools.med_vlm.asked import Asked, Image

_VIEW = re.compile(r"[A-Z0-9_]{1,16}")
"""DICOM CS, the value representation of ViewPosition: what else stands there is nobody's view."""


def captioned(asked: Asked, most_images: int, *, prior: bool) -> tuple[tuple[str, Image], ...]:
    """The image to read, so many of its study in all, and the newest prior image where the model may see it, each with its line."""
    focal, *views = asked.images[:most_images]
    named = [("The image to read", focal), *(("A further view of the same study", view) for view in views)]
    named += [("The earlier image to compare with", image) for image in asked.priors[: 1 if prior else 0]]
    return tuple((_with_view(words, image.view or ""), image) for words, image in named)


def _with_view(words: str, view: str) -> str:
    return f"{words} ({view}):" if _VIEW.fullmatch(view) else f"{words}:"

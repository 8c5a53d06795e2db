"""What a server is shown of a study: PNGs, each introduced by a line of text, in the two ways its protocols take them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.captions import captioned
from tools.med_vlm.backends.pixels import LONGEST, to_png
from tools.med_vlm.profile import Profile

MOST_ASSETS = 4
"""Images that one question of `/v1/systemone` may have."""

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One image as it is sent."""

    words: str
    """What it is."""
    data_url: str = field(repr=False)


def shown(asked: Asked, profile: Profile, longest: int = LONGEST) -> tuple[Shown, ...]:
    """The focal image, its study's further views and the prior, as far as the profile takes them.

    Raises:
        ImageRefused: one of them is no readable radiograph.
    """
    named = captioned(asked, profile.most_images, prior=profile.sees_priors)
    return tuple(Shown(line.removesuffix(":"), data_url(image, longest)) for line, image in named)


def message(images: Sequence[Shown], *texts: str) -> list[Part]:
    """One message of a person, for chat completions: each image after its line, then the texts.

    What a system message would say stands first among the texts: several models' templates take no system message.
    """
    content: list[Part] = []
    for image in images:
        content += [_text(f"{image.words}:"), {"type": "image_url", "image_url": {"url": image.data_url}}]
    content += [_text(text) for text in texts if text]
    return [{"role": "user", "content": content}]


def state(images: Sequence[Shown]) -> tuple[str, dict[str, Part]]:
    """The same for `/v1/systemone`: a text with a placeholder for each image, and the images by their placeholders."""
    assets = {placeholder(number): {"data_base64": image.data_url} for number, image in enumerate(images[:MOST_ASSETS])}
    lines = [f"{image.words}: {name}" for image, name in zip(images, assets, strict=False)]
    return "\n".join(lines), assets


def placeholder(number: int) -> str:
    """Where an image stands in a text."""
    return f"[[image {number + 1}]]"


def without_placeholders(text: str) -> str:
    """A text that shows no image anew."""
    return text.replace("[[image", "[image")


def data_url(image: Image, longest: int = LONGEST) -> str:
    """A PNG as a URL that holds it (RFC 2397)."""
    return f"data:image/png;base64,{b64encode(to_png(image, longest)).decode('ascii')}"


def _text(text: str) -> Part:
    return {"type": "text", "text": text}

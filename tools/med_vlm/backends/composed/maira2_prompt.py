"""What MAIRA-2 is told: which pictures it is shown in which order, and the turn of the user around them.

The order and the names of the parts are the model's; the sentences that ask for a report are ours, so it may write worse than as published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.technique import is_lateral
from tools.med_vlm.backends.composed.speech import plain
from tools.med_vlm.formats.document import clean

_NOTHING: Final = "N/A"
_LONGEST: Final = 400
"""Characters of an indication."""
_DESCRIBE: Final = " List the findings of this study one by one, compared with the prior frontal image where there is one."
_GROUND: Final = " One sentence for each. Where it can be seen in the current frontal image, add a bounding box for every place; else none."


@dataclass(frozen=True, eq=False)
class Shown:
    """The pictures it looks at."""

    frontal: Image
    lateral: Image | None = None
    prior: Image | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """In the order of the prompt."""
        return tuple(image for image in (self.frontal, self.lateral, self.prior) if image is not None)


def shown_of(asked: Asked) -> Shown:
    """The focal image, the study's first lateral one beside it, and the first prior that is no lateral."""
    lateral = next((image for image in asked.images[1:] if is_lateral(image)), None)
    prior = next((image for image in asked.priors if not is_lateral(image)), None)
    return Shown(asked.focal, lateral, prior)


def report_turn(shown: Shown, indication: str, *, grounded: bool) -> list[dict[str, Any]]:
    """The messages its chat template takes: each part with `type`, `text` and the `index` of a picture.

    There is no report of the prior, no comparison: those would be words of others about this patient.
    """
    parts = _pictures(shown)
    if shown.prior is not None:
        parts.append(_text(f" PRIOR_REPORT: {_NOTHING}"))
    told = f"INDICATION: {plain(clean(indication))[:_LONGEST].strip() or _NOTHING} TECHNIQUE: {_technique(shown)} COMPARISON: {_NOTHING}"
    parts.append(_text(f"{_DESCRIBE}{_GROUND if grounded else ''} {told}"))
    return [{"role": "user", "content": parts}]


def samples() -> tuple[Shown, ...]:
    """Every combination of pictures, of nobody."""
    image = Image(np.zeros((1, 1), np.float32), view="PA")
    return (Shown(image), Shown(image, lateral=image), Shown(image, prior=image), Shown(image, image, image))


def sample_turns(*, grounded: bool) -> tuple[str, ...]:
    """The messages for every combination of pictures, as JSON: what is ours of the words it is told."""
    return tuple(json.dumps(report_turn(each, "a reason", grounded=grounded)) for each in samples())


def _pictures(shown: Shown) -> list[dict[str, Any]]:
    if shown.lateral is None and shown.prior is None:
        return [_text("Given the current frontal image only"), _picture(0)]
    parts = [_text("Given the current frontal image"), _picture(0)]
    if shown.lateral is not None:
        joint = "" if shown.prior is not None else " and"
        parts += [_text(f"{joint} the current lateral image"), _picture(1)]
    if shown.prior is not None:
        parts += [_text(" and the prior frontal image"), _picture(len(shown.images) - 1)]
    return parts


def _technique(shown: Shown) -> str:
    view = shown.frontal.view if shown.frontal.view in ("PA", "AP") else None
    if view is None:
        return _NOTHING
    return f"{view} view of the chest." if shown.lateral is None else f"{view} and lateral views of the chest."


def _text(text: str) -> dict[str, Any]:
    return {"index": None, "text": text, "type": "text"}


def _picture(index: int) -> dict[str, Any]:
    return {"index": index, "text": None, "type": "image"}

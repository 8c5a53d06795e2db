"""A case as the question that any reader is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir.regions import regions
from tools.med_vlm.adapting.examples.corpus import Pair
from tools.med_vlm.asked import Asked, Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SEXES = {"female": "female", "male": "male"}


def asked_about(pair: Pair, pixels: NDArray[np.float32]) -> Asked:
    """The question to any reader about a case."""
    found = regions((), (pair.body_part,))
    image = Image(pixels, view=pair.view, modality=pair.modality, body_part=next(iter(found)) if len(found) == 1 else None)
    sex = pair.sex if pair.sex in _SEXES else None
    return Asked((image,), age_years=pair.age, sex=sex)  # type: ignore[arg-type]  # one of the two, as just looked up

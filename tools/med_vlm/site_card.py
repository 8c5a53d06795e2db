"""The card of a model that a site brings: what its publisher says of it, with nothing left blank and nothing made up."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from policies.evidence import Frozen
from tools.med_vlm.compact.card import ATTRIBUTES, NOT_AVAILABLE
from tools.med_vlm.errors import ModelCardUnusable
from tools.med_vlm.spec import ModelSpec

_LARGEST = 1_000_000


class SiteCard(Frozen):
    """A model's card as a site keeps it: JSON with any of these, and only these."""

    summary: str = ""
    cautions: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict)
    """Of the 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B) those that the publisher answers."""


CAUTION = "Brought by the site, for research. Not a medical device here, whatever it is elsewhere; never for time-critical decisions."
NOT_CALIBRATED = "Not calibrated on images of this site: nothing it says is more than uncertain."


def card_of(spec: ModelSpec) -> SiteCard:
    """The card with all 31 attributes, in the order of the rule; what nobody says is `not available`.

    Raises:
        ModelCardUnusable: the file is missing, no JSON, too large, or names an attribute that there is not.
    """
    told = _read(spec.card) if spec.card is not None else SiteCard()
    unknown = sorted(set(told.attributes) - set(ATTRIBUTES))
    if unknown:
        raise ModelCardUnusable(f"{len(unknown)} attributes are none of the 31")
    own = (CAUTION,) if spec.calibration is not None else (CAUTION, NOT_CALIBRATED)
    known = {**_known(spec), **told.attributes}
    return SiteCard(
        summary=told.summary or f"{spec.name}: the back end {spec.backend}, licence {spec.licence}.",
        cautions=(*own, *told.cautions),
        attributes={name: known.get(name, NOT_AVAILABLE) for name in ATTRIBUTES},
    )


def _known(spec: ModelSpec) -> dict[str, str]:
    """What the settings themselves say."""
    ages = f"{spec.youngest if spec.youngest is not None else 'any'} to {spec.oldest if spec.oldest is not None else 'any'} years"
    return {
        "intended_patient_population": f"As configured by the site: ages {ages}.",
        "out_of_scope_use": f"Anything but {', '.join(spec.body_parts)} in {', '.join(spec.modalities)}, views {', '.join(spec.views)}.",
        "output_type": "Findings of one study with a probability; a narrative where it writes one.",
    }


def _read(path: Path) -> SiteCard:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ModelCardUnusable("the file cannot be read") from error
    if len(data) > _LARGEST:
        raise ModelCardUnusable("the file is larger than a megabyte")
    try:
        return SiteCard.model_validate_json(data)
    except ValidationError as error:
        raise ModelCardUnusable(f"{error.error_count()} entries do not fit") from error

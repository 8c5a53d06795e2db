"""The image model of a site: the one that ships, or one of its `[[model]]` tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.errors import SettingsInvalid
from sidenote.settings import COMPACT, OFF, Settings
from sidenote.threads import use_one_thread

if TYPE_CHECKING:
    from tools.med_vlm.compact.reader import CompactReader
    from tools.med_vlm.reading import Reader
    from tools.med_vlm.spec import ModelSpec


def open_image_model(settings: Settings, name: str | None = None) -> Reader:
    """The reader that a model's name stands for, gated, probed and compared.

    Args:
        settings: The site's configuration.
        name: `compact` or the name of a `[[model]]`; without it, `image_model`.

    Raises:
        SettingsInvalid: no model has that name.
        tools.med_vlm.errors.MedVlmError: it cannot be loaded, or its licence was not accepted.
    """
    chosen = settings.image_model if name is None else name
    from tools.med_vlm.catalogue import guarded, open_reader

    if chosen == COMPACT:
        return guarded(open_compact(settings.model_folder))
    use_one_thread()
    return open_reader(spec_named(settings, chosen))


def open_compact(folder: Path | None) -> CompactReader:
    """The compact model alone.

    Raises:
        tools.med_vlm.errors.MedVlmError: a file is missing or changed.
    """
    from tools.med_vlm.compact.reader import load_compact

    use_one_thread()
    return load_compact(folder)


def spec_named(settings: Settings, name: str) -> ModelSpec:
    """The `[[model]]` of that name.

    Raises:
        SettingsInvalid: there is none.
    """
    found = next((spec for spec in settings.model if spec.name == name), None)
    if found is None:
        raise SettingsInvalid(f"no [[model]] has this name; there are: {', '.join(model_names(settings))}")
    return found


def model_names(settings: Settings) -> tuple[str, ...]:
    """Every model that can be named."""
    return (COMPACT, *(spec.name for spec in settings.model))


def check_image_model(settings: Settings) -> None:
    """Look at the image model's files as far as it goes without loading it.

    Raises:
        tools.med_vlm.errors.MedVlmError: a file is missing or changed, its licence was not accepted, its server may not be told of a
            patient, or its card or calibration cannot be read.
    """
    if settings.image_model == OFF:
        return
    spec = settings.image_model_spec
    if spec is not None:
        from tools.med_vlm.catalogue import check_model
        from tools.med_vlm.site_card import card_of
        from tools.med_vlm.trust.calibration_folder import load

        check_model(spec)
        card_of(spec)
        if spec.calibration is not None:
            load(spec.calibration)
        return
    from tools.med_vlm.compact.files import SHIPPED, verify

    verify(settings.model_folder or SHIPPED)

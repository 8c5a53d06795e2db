"""Every form of writing by its name in the settings: how it is asked for, read and mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tools.med_vlm.formats import maira2, prose, structured, vividmed
from tools.med_vlm.formats.document import Frame, Report
from tools.med_vlm.spec import Format


@dataclass(frozen=True, slots=True)
class Form:
    """One form of writing."""

    name: Format
    """Also of its prompt: `prompts/NAME.md`."""
    parse: Callable[[str, Frame], Report]
    """Raises `ModelOutputInvalid`, and nothing else, for whatever text."""
    mend: Callable[[str], tuple[str, tuple[str, ...]]]
    """A text that could not be read, without what was cut off or cannot be read; and what was done, in words."""
    json: bool = False
    """Whether the answer is one JSON object."""


FORMS: Final[Mapping[Format, Form]] = {
    "json": Form("json", structured.parse, structured.mend, json=True),
    "prose": Form("prose", prose.parse, prose.mend),
    "maira-2": Form("maira-2", maira2.parse, maira2.mend),
    "vividmed": Form("vividmed", vividmed.parse, vividmed.mend),
}

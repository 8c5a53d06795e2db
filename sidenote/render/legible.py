r"""Text of a record as a reader sees it: what would act on a terminal, or change the direction of a page, is written out.

A name or a unit may hold escape sequences (ECMA-48: `ESC [`, C1 controls), bidirectional controls or zero-width characters. The
machine formats keep the record's own characters; what is shown to a person spells these, as `\u001b`.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from tools.injection import spelled_out

Model = TypeVar("Model", bound=BaseModel)


def spelled(text: str) -> str:
    """`text` with every control, format and private-use character written as its code point; line breaks and tabs stay."""
    return spelled_out(text)


def legible(model: Model) -> Model:
    """`model` with every text in it spelled."""
    return type(model).model_validate(_legible(model.model_dump()))


def _legible(value: object) -> object:
    if isinstance(value, str):
        return spelled(value)
    if isinstance(value, dict):
        return {key: _legible(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_legible(inner) for inner in value]
    return value

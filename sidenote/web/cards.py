"""The card of the image model, within two clicks of every review (45 CFR 170.315(b)(11)(v))."""

from __future__ import annotations

import asyncio
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter

from sidenote.render.model_card import card_sections
from sidenote.web.bearer import PartsOf, SessionOf
from sidenote.web.errors import NotFound
from sidenote.web.wire.card import AttributeView, ModelCardView, SectionView

if TYPE_CHECKING:
    from sidenote.settings import Settings

router = APIRouter(tags=["model"])


@router.get("/api/model-card")
async def model_card(_: SessionOf, parts: PartsOf) -> ModelCardView:
    """The card of the model that reads images here; 404 where none does."""
    if not parts.image_model:
        raise NotFound
    return await asyncio.to_thread(_view, _folder(parts.settings))


@lru_cache(maxsize=2)
def _view(folder: Path) -> ModelCardView:
    from tools.med_vlm.compact.files import load_card

    card = load_card(folder)
    sections = tuple(
        SectionView(title=title, attributes=tuple(AttributeView(name=name, value=value) for name, value in rows))
        for title, rows in card_sections(card)
    )
    return ModelCardView(model=f"{card.name} {card.version}", summary=card.summary, sections=sections)


def card_sha256(settings: Settings) -> str:
    """SHA-256 of the card's file, by which a Provenance names it."""
    from tools.med_vlm.compact.files import CARD

    return hashlib.sha256((_folder(settings) / CARD).read_bytes()).hexdigest()


def _folder(settings: Settings) -> Path:
    from tools.med_vlm.compact.files import SHIPPED

    return settings.model_folder or SHIPPED

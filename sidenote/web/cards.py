"""The card of the image model, within two clicks of every review (45 CFR 170.315(b)(11)(v))."""

from __future__ import annotations

import asyncio
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter

from sidenote.render.card_pictures import Drawing, drawings
from sidenote.render.legible import spelled
from sidenote.render.model_card import Rows, card_sections, site_card_sections
from sidenote.web.bearer import PartsOf, SessionOf
from sidenote.web.errors import NotFound
from sidenote.web.wire.card import AttributeView, ModelCardView, PanelView, PictureView, SectionView
from tools.med_vlm.site_card import card_of

if TYPE_CHECKING:
    from sidenote.settings import Settings
    from tools.med_vlm.spec import ModelSpec

router = APIRouter(tags=["model"])


@router.get("/api/model-card")
async def model_card(_: SessionOf, parts: PartsOf) -> ModelCardView:
    """The card of the model that reads images here; 404 where none does."""
    if not parts.image_model:
        raise NotFound
    return await asyncio.to_thread(card_view, parts.settings)


def card_view(settings: Settings) -> ModelCardView:
    """The card of the image model of these settings.

    Raises:
        tools.med_vlm.errors.MedVlmError: the card is missing or does not fit.
    """
    spec = settings.image_model_spec
    return _compact(_folder(settings)) if spec is None else _brought(spec)


@lru_cache(maxsize=2)
def _compact(folder: Path) -> ModelCardView:
    from tools.med_vlm.compact.files import load_card

    card = load_card(folder)
    pictures = tuple(picture_view(one) for one in drawings(card.findings))
    return ModelCardView(
        model=f"{card.name} {card.version}", summary=card.summary, sections=_sections(card_sections(card)), pictures=pictures
    )


def picture_view(drawing: Drawing) -> PictureView:
    """A picture as it is sent: its plots one by one, so that a narrow page can lay them out."""
    panels = tuple(PanelView(title=one.title, note=one.note, alt=one.alt, svg=one.svg) for one in drawing.panels)
    return PictureView(title=drawing.title, words=" ".join(drawing.words), panels=panels)


def _brought(spec: ModelSpec) -> ModelCardView:
    card = card_of(spec)
    return ModelCardView(model=spec.name, summary=spelled(card.summary), sections=_sections(site_card_sections(card)), pictures=())


def _sections(told: tuple[tuple[str, Rows], ...]) -> tuple[SectionView, ...]:
    return tuple(SectionView(title=title, attributes=tuple(_attribute(*row) for row in rows)) for title, rows in told)


def _attribute(name: str, value: str) -> AttributeView:
    return AttributeView(name=name, value=spelled(value))  # a site's card is a text of somebody else


def card_sha256(settings: Settings) -> str:
    """SHA-256 of the card, by which a Provenance names it."""
    from tools.med_vlm.compact.files import CARD

    spec = settings.image_model_spec
    data = (_folder(settings) / CARD).read_bytes() if spec is None else card_of(spec).model_dump_json().encode()
    return hashlib.sha256(data).hexdigest()


def _folder(settings: Settings) -> Path:
    from tools.med_vlm.compact.files import SHIPPED

    return settings.model_folder or SHIPPED

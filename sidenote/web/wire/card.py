"""The model card: what the image model is, on what it was made, how good it is and where it is not (45 CFR 170.315(b)(11))."""

from __future__ import annotations

from policies.evidence import Frozen


class AttributeView(Frozen):
    """One source attribute. What is not known is written out as `not available`."""

    name: str
    value: str


class SectionView(Frozen):
    """Attributes that belong together."""

    title: str
    attributes: tuple[AttributeView, ...]


class PanelView(Frozen):
    """One small plot. `alt` says its figures in words."""

    title: str
    note: str
    alt: str
    svg: str


class PictureView(Frozen):
    """A figure of the card, drawn: a plot for each finding, and how to read them."""

    title: str
    words: str
    panels: tuple[PanelView, ...]


class ModelCardView(Frozen):
    """A model's card."""

    model: str
    summary: str
    sections: tuple[SectionView, ...]
    pictures: tuple[PictureView, ...]

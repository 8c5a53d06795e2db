"""A question to a model with its truth: what calibrating and checking a model need."""

from __future__ import annotations

from dataclasses import dataclass

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.compact.examples.example import TrainingExample


@dataclass(frozen=True, slots=True)
class Labelled:
    """One study with what is known of it."""

    asked: Asked
    present: frozenset[str]
    """Keys of the findings that are there."""
    known: frozenset[str]
    """Keys of the findings whose presence or absence somebody stated; the others teach nothing here."""
    group: str = ""
    """Whose study: images of one group are never on both sides of a split. Empty: a group of its own."""


def labelled_of(example: TrainingExample, *, group: str = "") -> Labelled:
    """A training example of the compact model as a question."""
    view = "LL" if example.view == "LATERAL" else example.view
    asked = Asked((Image(example.image, view=view, modality="DX", body_part="chest"),))
    return Labelled(asked, frozenset(example.labels), example.known, group)

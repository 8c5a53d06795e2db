"""Words are hidden to be guessed from the rest and from the image: BERT's recipe (Devlin et al., NAACL 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

HIDDEN = 0.15
"""Share of a text's tokens that are to be guessed."""
AS_MASK, AS_ANOTHER = 0.8, 0.1
"""Of those, how many show [MASK] and how many any other token; the rest shows itself."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may stand in a text."""

    size: int
    mask: int
    special: Collection[int]
    """Tokens that are never hidden and never stand in for another: frame, padding, [MASK] itself."""


def hide(tokens: torch.Tensor, vocabulary: Vocabulary, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Hide tokens of texts [n, length] on the CPU.

    Returns:
        What the model sees [n, length], and what it is to say [n, length]: `NOT_ASKED` where it is not asked.
    """
    import torch

    from tools.med_vlm.adapting.losses import NOT_ASKED

    special = torch.tensor(sorted(vocabulary.special))
    asked = (torch.rand(tokens.shape, generator=random) < HIDDEN) & ~torch.isin(tokens, special)
    labels = tokens.masked_fill(~asked, NOT_ASKED)
    kind = torch.rand(tokens.shape, generator=random)
    others = torch.arange(vocabulary.size)
    others = others[~torch.isin(others, special)]
    another = others[torch.randint(len(others), tokens.shape, generator=random)]
    shown = tokens.masked_fill(asked & (kind < AS_MASK), vocabulary.mask)
    return torch.where(asked & (kind >= AS_MASK) & (kind < AS_MASK + AS_ANOTHER), another, shown), labels

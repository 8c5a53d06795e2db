"""What a review is made with: the collaborators, built in `sidenote/wiring.py` and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from policies.case import PolicyCase
from policies.claim import Claim
from policies.evidence import Evidence
from retrieval.cards import Encoder, Query, SearchResult
from tools.med_vlm.reading import Reader

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from fhir.source import Source
    from policies.guidance_pack import Topic
    from policies.rule import Rule
    from retrieval.keys import Keyring

TOKENS = 8_000
"""What an evidence pack holds unless a site says otherwise: more than a composer without a language model ever cites from."""

Composer = Callable[[PolicyCase, tuple[Evidence, ...], "tuple[Topic, ...]"], tuple[Claim, ...]]
"""Turns evidence into claims. Whatever it returns is checked by grounding and policies before anyone sees it."""


class CaseLibrary(Protocol):
    """A library of past cases: one generation (`retrieval.library.Library`), or whichever is in use (`retrieval.following.Following`).

    The keys it recognises people by change only with the site's secret, whatever generation answers.
    """

    def search(self, query: Query) -> SearchResult:
        """The comparable cases, or none and why."""
        ...


@dataclass(frozen=True)
class Library:
    """An open case library with what is needed to ask it: its encoder, and the keys that keep this patient's own cases out."""

    cases: CaseLibrary
    encoder: Encoder
    """Of the index. It may be another model than the reader; an image is searched with only when the reader read it."""
    keyring: Keyring
    most: int = 5


@dataclass(frozen=True)
class Parts:
    """The collaborators of a review. Shared by all reviews of a process; nothing of a patient is kept in it."""

    source: Source
    records: Path
    checkpoints: BaseCheckpointSaver[str]
    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]
    compose: Composer
    composer: str
    """Name and version of `compose`."""
    product: str
    """Version of Sidenote."""
    reader: Reader | None = None
    library: Library | None = None
    evidence_tokens: int = TOKENS
    """Tokens that the evidence of a review holds at most."""

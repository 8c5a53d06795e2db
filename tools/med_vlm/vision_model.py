"""The one thing a back end is: a model that looks at images, chooses among allowed answers, and may write.

A back end knows nothing of findings, policies or patients; `tools.med_vlm.asking.questioned` makes a `Reader` of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tools.med_vlm.asked import Asked
from tools.med_vlm.profile import Profile

Basis = Literal["scored", "log-probabilities", "sampled"]
"""Where a probability comes from: a score for each allowed answer, the next token's probabilities, or counted samples."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its allowed answers, in a fixed order; the first is the one a probability is asked for."""

    name: str
    """Unique within one call, e.g. `pleural_effusion`."""
    text: str
    """For a model that is spoken to, e.g. `Is there a pleural effusion?`."""
    answers: tuple[str, ...]
    """As such a model would say them, e.g. ("yes", "no")."""
    captions: tuple[str, ...]
    """The same answers as captions of the image, for a model that matches: e.g. ("pleural effusion", "no pleural effusion")."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The probability of each allowed answer, adding up to one."""

    name: str
    probabilities: Mapping[str, float]
    """Of each of `Question.answers`."""
    basis: Basis
    samples: int = 0
    """How many were counted, when sampled."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told to write."""

    system: str
    user: str
    most_tokens: int = 512
    json: bool = False
    """Whether the answer is to be one JSON object, for a server that can be made to keep to it."""


@dataclass(frozen=True, slots=True)
class Written:
    """One text that a model wrote. `whole`: it ended by itself, and not at the limit of tokens."""

    text: str
    whole: bool


class VisionModel(Protocol):
    """A model that answers about images. One call at a time a thread; safe to share between threads."""

    name: str
    """With its version or revision, as a reading names it."""
    fingerprint: str
    """SHA-256 of the weights and all other files it reads, of the words that this back end itself puts around a question, and of how it
    comes to scores and texts. What it is asked in which words, what it is shown and the device are none of it:
    `tools.med_vlm.asking.fingerprint` adds them for every back end."""
    profile: Profile
    writes: bool
    """Whether `write` gives anything."""

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order.

        Raises:
            MedVlmError: the model did not answer.
        """
        ...

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """At most `samples` texts: the first without chance (temperature 0), the others drawn, fewer where nothing can be drawn.

        None where the model cannot write.

        Raises:
            MedVlmError: the model did not answer.
        """
        ...

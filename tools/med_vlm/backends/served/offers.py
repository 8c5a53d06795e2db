"""What a server really does of what its protocol lets one ask for: tried, not believed.

`transformers serve`, for one, takes `logprobs` and `response_format` and leaves them out without a word, and draws only from models
that say so themselves, whatever the temperature. Each thing is tried once, when it is first needed, with a drawn picture and a
question that no patient is in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.served.chat import Chat, Said, Wanted
from tools.med_vlm.backends.served.shown import Shown, data_url, message
from tools.med_vlm.backends.served.systemone import SystemOne
from tools.med_vlm.errors import ModelAnswerUnusable, ModelServerRefused, ModelServerUnreachable
from tools.med_vlm.vision_model import Question

Offer = Literal["systemone", "log-probabilities", "structured", "draws"]
OFFERS: Final[Mapping[Offer, str]] = {
    "systemone": "typed questions, each answered by a probability for each allowed answer",
    "log-probabilities": "the probabilities of the likeliest first words of an answer",
    "structured": "answers kept to a JSON Schema",
    "draws": "other answers to other seeds",
}
"""In words."""

_DRAWS: Final = 3
_KEY: Final = frozenset({401, 403})
_WORD: Final = "quartz-41"
"""What no model says of a picture unless a schema makes it."""
_SCHEMA: Final = {"type": "object", "properties": {"word": {"enum": [_WORD]}}, "required": ["word"], "additionalProperties": False}
_QUESTION: Final = Question(
    "half", "Is the left half of this picture darker than the right half? Answer yes or no.", ("yes", "no"), ("", "")
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found when each thing was tried."""

    systemone: bool
    log_probabilities: bool
    structured: bool
    draws: bool
    """False makes counted samples one answer, and agreement between samples meaningless."""

    @property
    def in_words(self) -> tuple[str, ...]:
        """A sentence for each, for who sets a model up."""
        found = (self.systemone, self.log_probabilities, self.structured, self.draws)
        return tuple(
            f"The server {'gives' if does else 'does not give'} {what}." for does, what in zip(found, OFFERS.values(), strict=True)
        )


class Offers:
    """The offers of one model of one server, each tried once. Safe to share between threads."""

    def __init__(self, chat: Chat, systemone: SystemOne) -> None:
        """Nothing is tried yet."""
        self._chat, self._systemone = chat, systemone
        self._found: dict[Offer, bool] = {}
        self._lock = threading.Lock()
        self._tries: Mapping[Offer, Callable[[], bool]] = {
            "systemone": self._answers_typed_questions,
            "log-probabilities": self._gives_log_probabilities,
            "structured": self._keeps_to_a_schema,
            "draws": self._draws,
        }

    def has(self, offer: Offer) -> bool:
        """Whether the server really does it.

        Raises:
            MedVlmError: it is not there, busy, or takes no question from us at all; then it is tried again the next time.
        """
        with self._lock:
            if offer not in self._found:
                self._found[offer] = self._tried(self._tries[offer])
            return self._found[offer]

    def all(self) -> Capabilities:
        """Everything tried. Raises as `has`."""
        return Capabilities(self.has("systemone"), self.has("log-probabilities"), self.has("structured"), self.has("draws"))

    def _tried(self, attempt: Callable[[], bool]) -> bool:
        try:
            return attempt()
        except ModelAnswerUnusable:
            return False
        except ModelServerRefused as error:
            if error.status in _KEY:
                raise
            return False
        except ModelServerUnreachable as error:
            if error.status not in (500, 501):
                raise
            self._say(_QUESTION.text, Wanted(1))  # broken for everything, or for this alone?
            return False

    def _answers_typed_questions(self) -> bool:
        self._systemone.choose([_picture()], [_QUESTION])
        return True

    def _gives_log_probabilities(self) -> bool:
        return len(self._say(_QUESTION.text, Wanted(1, log_probabilities=True)).first) > 1

    def _keeps_to_a_schema(self) -> bool:
        text = self._say("Say good morning.", Wanted(24, schema=_SCHEMA)).text
        try:
            return bool(json.loads(text) == {"word": _WORD})
        except (ValueError, RecursionError):
            return False

    def _draws(self) -> bool:
        drawn = (self._say("Write a sentence about the weather.", Wanted(12, temperature=1.0, seed=seed)) for seed in range(1, _DRAWS + 1))
        return len({one.text for one in drawn}) > 1

    def _say(self, text: str, wanted: Wanted) -> Said:
        return self._chat.say(message([_picture()], text), wanted)


@cache
def _picture() -> Shown:
    """From black to white: nothing of anybody."""
    ramp = np.tile(np.linspace(0, 1, 224, dtype=np.float32), (224, 1))
    return Shown("A drawn picture", data_url(Image(ramp)))

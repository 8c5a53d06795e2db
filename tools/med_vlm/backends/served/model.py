"""A served model as a `VisionModel`: how it is asked for probabilities by what its server really offers, and how it writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.pixels import LONGEST
from tools.med_vlm.backends.served.chat import Chat, Wanted
from tools.med_vlm.backends.served.endpoint import endpoint_of
from tools.med_vlm.backends.served.line import Line, Patience
from tools.med_vlm.backends.served.offers import Capabilities, Offer, Offers
from tools.med_vlm.backends.served.said_answer import from_counts, from_first_tokens
from tools.med_vlm.backends.served.served_name import ServedName
from tools.med_vlm.backends.served.shown import Part, Shown, message, shown
from tools.med_vlm.backends.served.systemone import SystemOne
from tools.med_vlm.errors import ModelAnswerUnusable, ModelServerRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

COUNTED: Final = 8
"""Answers drawn to each question where a server gives no probabilities; one where it draws none."""
TEMPERATURE: Final = 0.7
"""Of reports drawn to see what they agree on."""
AT_ONCE: Final = 4
"""Questions under way together: servers answer several at once in little more time than one, and share the image's part."""
_VERSION: Final = "served 1"
"""Raise when the same server, asked the same, comes to be understood otherwise."""
_ANSWER_TOKENS: Final = 16
_ONE_WORD: Final = "Answer with one word."
_OBJECT: Final = {"type": "object"}

One = TypeVar("One")
Other = TypeVar("Other")
Way = Callable[[Sequence[Shown], Sequence[Question]], tuple[Answered, ...]]


class ServedModel:
    """A model that a server holds. `close` gives its connections back."""

    writes = True

    def __init__(self, spec: ModelSpec, patience: Patience | None = None) -> None:
        """Nothing is asked yet.

        Raises:
            ModelSourceRefused: the server may not be told of a patient, or its key cannot be read.
        """
        self.name = spec.name if spec.revision is None else f"{spec.name} {spec.revision[:12]}"
        self.profile = spec.profile("generative reader")
        line = Line(endpoint_of(spec.source, spec.key_file), patience or _patience(spec.timeout))
        self._served = ServedName(line, spec.served_model or spec.name, spec.revision)
        self._chat, self._systemone = Chat(line, self._served), SystemOne(line, self._served.name)
        self._offers = Offers(self._chat, self._systemone)
        self._by = spec.answers_by
        self._ways: Mapping[str, Way] = {
            "systemone": self._systemone.choose,
            "log-probabilities": self._by_log_probabilities,
            "sampling": self._by_sampling,
        }
        self._last: tuple[Asked, tuple[Shown, ...]] | None = None
        self.close = line.close

    @property
    def fingerprint(self) -> str:
        """SHA-256 of server, name, revision, what the server says of the model, and how it is asked; asks the server if need be.

        Where probabilities come from belongs to it, and whether a server that is asked by sampling draws at all.

        Raises:
            ModelServerRefused: the settings ask for a way that the server has not.
            MedVlmError: the server is not there, or another model stands under the name.
        """
        way = self._way()
        drawn = COUNTED if way == "sampling" and self._offers.has("draws") else 1
        how = (_VERSION, way, drawn, _ONE_WORD, _ANSWER_TOKENS, TEMPERATURE, LONGEST)
        return hashlib.sha256("\n".join((self._served.fingerprint(), *map(str, how))).encode()).hexdigest()

    @property
    def capabilities(self) -> Capabilities:
        """What the server was found to do; tries each thing that was not tried before.

        Raises:
            MedVlmError: the server is not there.
        """
        return self._offers.all()

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order, by typed questions, log-probabilities or counted samples, whichever comes first.

        Raises:
            ModelServerRefused: the settings ask for a way that the server has not.
            ImageRefused, MedVlmError: an image is none; the server does not answer, or not as it should.
        """
        if not questions:
            return ()
        images = self._shown(asked)
        self._served.look()
        return self._ways[self._way()](images, questions)

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """The first text at temperature 0, the others drawn by seeds 1, 2 …; the first alone where the server does not draw.

        A drawn text that is unusable is an empty one that is not whole: it agrees with nothing.

        Raises:
            ModelAnswerUnusable: the first text is empty, cut off by the server, too long, or endlessly the same.
            ImageRefused, MedVlmError: as `choose`.
        """
        messages = message(self._shown(asked), prompt.system, prompt.user)
        self._served.look()
        schema = _OBJECT if prompt.json and self._offers.has("structured") else None
        said = self._chat.say(messages, Wanted(prompt.most_tokens, schema=schema))
        if not said.text.strip():
            raise ModelAnswerUnusable("it is empty")
        first = Written(said.text, said.whole)
        if samples < 2 or not self._offers.has("draws"):
            return (first,)
        wanted = [Wanted(prompt.most_tokens, TEMPERATURE, seed, schema=schema) for seed in range(1, samples)]
        return (first, *_together(lambda one: self._drawn(messages, one), wanted))

    def _shown(self, asked: Asked) -> tuple[Shown, ...]:
        """The images as PNGs: of one study the findings are asked, then the sides, then the report."""
        last = self._last
        if last is None or last[0] is not asked:
            self._last = last = (asked, shown(asked, self.profile))
        return last[1]

    def _way(self) -> str:
        """How this server is asked for probabilities: as the settings say, or the first it has."""
        if self._by == "sampling":
            return "sampling"
        ways: tuple[Offer, ...] = ("systemone", "log-probabilities") if self._by == "auto" else (self._by,)
        found = next((way for way in ways if self._offers.has(way)), None)
        if found is None and self._by != "auto":
            raise ModelServerRefused(f"it gives no answers by {self._by}, which the settings ask for")
        return found or "sampling"

    def _by_log_probabilities(self, images: Sequence[Shown], questions: Sequence[Question]) -> tuple[Answered, ...]:
        def answered(question: Question) -> Answered:
            said = self._chat.say(_put(images, question), Wanted(1, log_probabilities=True))
            return Answered(question.name, from_first_tokens(said.first, question.answers), "log-probabilities")

        return _together(answered, questions)

    def _by_sampling(self, images: Sequence[Shown], questions: Sequence[Question]) -> tuple[Answered, ...]:
        draws = self._offers.has("draws")
        wanted = [Wanted(_ANSWER_TOKENS, 1.0, seed) for seed in range(1, COUNTED + 1)] if draws else [Wanted(_ANSWER_TOKENS)]

        def answered(question: Question) -> Answered:
            texts = [self._drawn(_put(images, question), one).text for one in wanted]
            return Answered(question.name, from_counts(texts, question.answers), "sampled", len(texts))

        return _together(answered, questions)

    def _drawn(self, messages: list[Part], wanted: Wanted) -> Written:
        try:
            said = self._chat.say(messages, wanted)
        except ModelAnswerUnusable:
            return Written("", whole=False)
        return Written(said.text, said.whole)


def _patience(timeout: float) -> Patience:
    return Patience(total=timeout, silence=min(timeout, Patience().silence))


def _put(images: Sequence[Shown], question: Question) -> list[Part]:
    return message(images, question.text, _ONE_WORD)


def _together(do: Callable[[One], Other], ones: Sequence[One]) -> tuple[Other, ...]:
    """`do` for each, a few at a time, in order; what one raises ends the others that have not begun. All keep to the reading's time."""
    with ThreadPoolExecutor(min(AT_ONCE, len(ones))) as pool:
        contexts = [copy_context() for _ in ones]
        return tuple(pool.map(lambda context, one: context.run(do, one), contexts, ones))

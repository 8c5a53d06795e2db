"""Chat completions (OpenAI's protocol), streamed: a text is taken as it comes, and given up as soon as it cannot be an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from tools.med_vlm.backends.served.events import events
from tools.med_vlm.backends.served.line import Ask, Line, Stream
from tools.med_vlm.backends.served.repetition import repeats
from tools.med_vlm.backends.served.served_name import ServedName
from tools.med_vlm.backends.served.shown import Part
from tools.med_vlm.errors import ModelAnswerUnusable, ModelServerUnreachable

TOP = 20
"""Of the likeliest first tokens that are asked for: as many as servers give without being told otherwise."""
_BYTES_A_TOKEN = 4096
_BYTES_BESIDES = 1 << 18
_EVENTS_A_TOKEN = 4
"""At most: servers send one, and what stands between may cut it up."""
_EVENTS_BESIDES = 64
"""Who speaks, that it has ended, what it took."""
_CHARACTERS_A_TOKEN = 16
"""On the average of a whole text, at most: English has four."""
_CHARACTERS_BESIDES = 200_000
"""Masks that a server draws beside what its model says, and writes into the same text (VividMed)."""
_CUT = frozenset({"length", "content_filter"})
"""Reasons to finish that are none of the model's."""
_LOOK_EVERY = 256
"""Characters between two looks for endless repetition."""


class Alternative(BaseModel):
    """A token that might have stood there, with the natural logarithm of its probability."""

    token: str
    logprob: float = Field(le=0.01, allow_inf_nan=False)


class _Position(BaseModel):
    top_logprobs: list[Alternative] = []


class _LogProbabilities(BaseModel):
    content: list[_Position] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _LogProbabilities | None = None


class _Chunk(BaseModel):
    """One event of a stream, or the whole of an answer that is not streamed."""

    model: str | None = None
    choices: list[_Choice] = []
    error: Any = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an answer is to be made."""

    most_tokens: int
    temperature: float = 0.0
    seed: int | None = None
    log_probabilities: bool = False
    schema: dict[str, Any] | None = None
    """JSON Schema it should keep to; servers that cannot do it may say so, or not."""

    def body(self, model: str, messages: list[Part]) -> bytes:
        """The request."""
        said: Part = {"model": model, "messages": messages, "stream": True}
        said |= {"max_tokens": self.most_tokens, "temperature": self.temperature}
        if self.seed is not None:
            said["seed"] = self.seed
        if self.log_probabilities:
            said |= {"logprobs": True, "top_logprobs": TOP}
        if self.schema is not None:
            said["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": self.schema}}
        return json.dumps(said).encode()


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `whole`: it ended by itself. `first`: the likeliest first tokens, where they were asked for and given."""

    text: str
    whole: bool
    first: tuple[Alternative, ...] = ()


class Chat:
    """Chat completions of one model of one server."""

    def __init__(self, line: Line, name: ServedName) -> None:
        """Nothing is asked yet."""
        self._line, self._name = line, name

    def say(self, messages: list[Part], wanted: Wanted) -> Said:
        """The answer to messages, which may be empty.

        Raises:
            ModelAnswerUnusable: it is not in the protocol, is cut off, is longer than was allowed, or says the same for ever.
            MedVlmError: as `Line.ask` and `ServedName.recognise`.
        """
        most_bytes = _BYTES_BESIDES + wanted.most_tokens * _BYTES_A_TOKEN
        ask = Ask("chat/completions", most_bytes, wanted.body(self._name.name, messages))
        return self._line.ask(ask, lambda stream: gathered(stream, wanted.most_tokens, self._name.recognise))


def gathered(stream: Stream, most_tokens: int, recognise: Callable[[str | None], None]) -> Said:
    """The answer that a stream makes; nothing more is read once it can be none. `recognise` is told who answers.

    Raises:
        ModelAnswerUnusable: as `Chat.say`.
        ModelServerUnreachable: the server says in the stream that it failed.
    """
    answer = _Answer(most_tokens)
    for chunk in _chunks(stream):
        recognise(chunk.model or None)
        answer.take(chunk)
    return answer.said()


class _Answer:
    """An answer that is still coming."""

    def __init__(self, most_tokens: int) -> None:
        self._most = most_tokens * _CHARACTERS_A_TOKEN + _CHARACTERS_BESIDES
        self._events_left = most_tokens * _EVENTS_A_TOKEN + _EVENTS_BESIDES
        self._text, self._looked = "", 0
        self._finish: str | None = None
        self._first: tuple[Alternative, ...] = ()

    def take(self, chunk: _Chunk) -> None:
        if chunk.error is not None:
            raise ModelServerUnreachable("it failed while it answered")
        self._events_left -= 1
        if self._events_left < 0:
            raise ModelAnswerUnusable("it is longer than allowed")
        for choice in chunk.choices:
            if choice.index == 0:
                self._take(choice)

    def _take(self, choice: _Choice) -> None:
        self._finish = choice.finish_reason or self._finish
        positions = choice.logprobs.content if choice.logprobs else None
        if positions and not self._first:
            self._first = tuple(positions[0].top_logprobs)
        said = choice.delta or choice.message
        if said and said.content:
            self._add(said.content)

    def _add(self, text: str) -> None:
        self._text += text
        if len(self._text) > self._most:
            raise ModelAnswerUnusable("it is longer than allowed")
        if len(self._text) - self._looked >= _LOOK_EVERY:
            self._looked = len(self._text)
            if repeats(self._text):
                raise ModelAnswerUnusable("it says the same for ever")

    def said(self) -> Said:
        if self._finish is None:
            raise ModelAnswerUnusable("it was cut off")
        return Said(self._text, self._finish not in _CUT, self._first)


def _chunks(stream: Stream) -> Iterator[_Chunk]:
    if stream.media_type == "application/json":  # a server that does not stream
        yield _chunk(b"".join(stream.parts))
        return
    if stream.media_type != "text/event-stream":
        raise ModelAnswerUnusable("it is neither JSON nor a stream of events")
    done = False
    for data in events(stream.parts):  # to its end, or the connection could not be used again
        done = done or data.strip() == "[DONE]"
        if not done:
            yield _chunk(data)


def _chunk(data: str | bytes) -> _Chunk:
    try:
        return _Chunk.model_validate_json(data)
    except ValueError:  # pydantic's error among them, which would repeat the answer
        raise ModelAnswerUnusable("it is not in the protocol of chat completions") from None

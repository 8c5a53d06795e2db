"""A language model that is spoken to in rows of embeddings, words and pictures alike: it weighs answers, and it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.med_vlm.errors import ModelOutputInvalid, PromptTooLong
from tools.med_vlm.vision_model import Prompt, Written

if TYPE_CHECKING:
    from torch import Generator, Tensor

TEMPERATURE = 0.7
"""Of the samples after the first: published readers are sampled between 0.2 and 1."""
SAMPLE = Prompt("what the system says", "what the user says")
"""For a conversation to be written down about nobody."""
_BRACKETS = str.maketrans({"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"})
_LONGEST_PASSAGE, _TIMES, _SHORTEST_CIRCLE = 24, 4, 16


@dataclass(frozen=True, eq=False)
class Asking:
    """One question as it is put: what comes after the words and pictures that all questions of a call share, and the answers allowed."""

    rows: Tensor
    """[places, width]; at least one."""
    answers: tuple[str, ...]


def plain(text: str, *marks: str) -> str:
    """Words that somebody wrote, so that none of them is a mark of the prompt: no angle brackets, and none of `marks`."""
    for mark in marks:
        text = text.replace(mark, " ")
    return text.translate(_BRACKETS)


def ordered(prompt: Prompt) -> str:
    """An order to a model that knows of no system beside the user."""
    return f"{prompt.system} {prompt.user}"


class Speech:
    """A causal language model, its tokenizer and the words it ends its turn with."""

    def __init__(self, model: Any, tokenizer: Any, *, stops: Sequence[str] = ()) -> None:
        """Take a `LlamaForCausalLM` and its tokenizer. A text ends at the model's end token and before any of `stops`."""
        self.model = model
        self.tokenizer = tokenizer
        self._stops = tuple(stops)
        self._ends = _ends(model, tokenizer)
        self._room = _room(model.config)

    @property
    def width(self) -> int:
        """Numbers of one row."""
        return int(self.model.config.hidden_size)

    def tokens(self, text: str, *, begins: bool = False) -> list[int]:
        """The tokens of a passage; with the model's begin token before it where it begins the prompt."""
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        first = self.tokenizer.bos_token_id
        return [first, *tokens] if begins and first is not None else tokens

    def rows(self, tokens: Sequence[int]) -> Tensor:
        """The embeddings of tokens, [tokens, width]."""
        import torch

        table = self.model.get_input_embeddings()
        rows: Tensor = table(torch.tensor(list(tokens), dtype=torch.long, device=table.weight.device))
        return rows

    def spoken(self, text: str, *, begins: bool = False) -> Tensor:
        """The embeddings of a passage, [tokens, width]."""
        return self.rows(self.tokens(text, begins=begins))

    def weigh(self, opening: Tensor, asked: Sequence[Asking]) -> tuple[tuple[float, ...], ...]:
        """The log-probability of every answer after the opening and its question, summed over the answer's tokens.

        The opening, mostly pictures, is heard once.

        Raises:
            PromptTooLong: opening, question and answer are more than the model can attend to.
            ModelOutputInvalid: what it computes is no number.
        """
        heard = _Heard(self, opening)
        weighed = []
        for each in asked:
            mark = heard.places
            heard.hear(each.rows)
            weighed.append(tuple(self._likelihood(heard, self.tokens(answer)) for answer in each.answers))
            heard.forget(mark)
        return tuple(weighed)

    def _likelihood(self, heard: _Heard, answer: Sequence[int]) -> float:
        mark, after = heard.places, heard.after
        total = float(after[answer[0]])
        if len(answer) > 1:
            following = heard.hear(self.rows(answer[:-1]))
            total += sum(float(row[token]) for row, token in zip(following, answer[1:], strict=True))
            heard.forget(mark)
            heard.after = after
        return total

    def say(self, prompt: Tensor, most: int, chance: Generator | None = None) -> Written:
        """What the model writes after the prompt: its likeliest token each time, or one drawn with `chance` at `TEMPERATURE`.

        It ends at `most` tokens, where the model's room ends, and where one passage of up to 24 tokens has come round four times:
        none of these is the model's own end.

        Raises:
            PromptTooLong: the prompt leaves no room for a word.
            ModelOutputInvalid: as `weigh`.
        """
        heard = _Heard(self, prompt)
        most = min(most, self._room - heard.places)
        told: list[int] = []
        while len(told) < most and not circling(told):
            if told:
                heard.hear(self.rows(told[-1:]))
            token = _chosen(heard.after, chance)
            if token in self._ends:
                return Written(self._text(told), True)
            told.append(token)
            if self._stopped(told):
                return Written(self._text(told), True)
        return Written(self._text(told), False)

    def fits(self, places: int) -> None:
        """Say that so many places can be attended to, and one more.

        Raises:
            PromptTooLong: they cannot.
        """
        if places >= self._room:
            raise PromptTooLong(places, self._room)

    def _stopped(self, told: Sequence[int]) -> bool:
        if not self._stops:
            return False
        tail = self.tokenizer.decode(told[-16:], skip_special_tokens=True)
        return any(stop in tail for stop in self._stops)

    def _text(self, told: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(list(told), skip_special_tokens=True)
        for stop in self._stops:
            text = text.split(stop, 1)[0]
        return text.strip()


class _Heard:
    """What the model has in mind: its keys and values, and the log-probabilities of what comes next."""

    def __init__(self, speech: Speech, rows: Tensor) -> None:
        from transformers import DynamicCache

        self._speech = speech
        self._cache: Any = DynamicCache(config=speech.model.config)
        self.after = self.hear(rows)[-1]

    @property
    def places(self) -> int:
        return int(self._cache.get_seq_length())

    def hear(self, rows: Tensor) -> Tensor:
        """Take rows in; the log-probabilities after each, [rows, vocabulary], float32 on the CPU: every step asks for few of them.

        Raises:
            PromptTooLong: they are more than the model can attend to.
            ModelOutputInvalid: what came out is no number, as of weights that hold none.
        """
        self._speech.fits(self.places + len(rows))
        keep = len(rows) if self.places else 1
        made = self._speech.model(inputs_embeds=rows[None], past_key_values=self._cache, use_cache=True, logits_to_keep=keep)
        after: Tensor = made.logits[0].float().log_softmax(-1).cpu()
        if bool(after.isnan().any()):
            raise ModelOutputInvalid("its network computes what is no number")
        self.after = after[-1]
        return after

    def forget(self, places: int) -> None:
        if places < self.places:
            self._cache.crop(places - self.places)


def circling(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are one passage over and over: four times, and sixteen tokens in all."""
    for length in range(1, _LONGEST_PASSAGE + 1):
        times = max(_TIMES, -(-_SHORTEST_CIRCLE // length))
        if len(tokens) >= times * length and list(tokens[-times * length :]) == list(tokens[-length:]) * times:
            return True
    return False


def _chosen(after: Tensor, chance: Generator | None) -> int:
    if chance is None:
        return int(after.argmax())
    return int((after / TEMPERATURE).softmax(-1).multinomial(1, generator=chance))


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    named = [model.config.eos_token_id, tokenizer.eos_token_id]
    return frozenset(each for one in named if one is not None for each in (one if isinstance(one, list) else [one]))


def _room(sizes: Any) -> int:
    """Places it was trained for, and as many more as its rotary embedding was stretched."""
    stretched = (getattr(sizes, "rope_parameters", None) or {}).get("factor", 1)
    return int(sizes.max_position_embeddings * max(1, stretched))

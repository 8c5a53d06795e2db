"""Training pairs as conversations: the questions that a reader is asked, and the answers that the case's report gives.

The same words are asked here and in reading (`report.prompting`, `asking.questions`), so that what is learnt is used.
The loss is on the answer's tokens alone: of the question there is nothing to learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir.codes import FINDINGS
from tools.med_vlm.adapting.examples.asked import asked_about
from tools.med_vlm.adapting.examples.corpus import Pair
from tools.med_vlm.errors import TrainingBaseRefused

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image as Picture

    from tools.med_vlm.backends.local.prompting import Turns

_TRIED = "word"
_READ_AT_ONCE = frozenset({"paligemma"})
"""Families that see all of a question at once, and of an answer only what went before: it is told apart to their processors."""


@dataclass(frozen=True, slots=True)
class Task:
    """One question about one case, and its answer."""

    pair: int
    """Row of the case."""
    system: str
    user: str
    answer: str


def tasks_of(pairs: Sequence[Pair], questions: int) -> tuple[Task, ...]:
    """Of each case its report, and up to `questions` findings that the report affirms and as many that it denies."""
    return tuple(task for row, pair in enumerate(pairs) for task in (*_report(row, pair), *_questions(row, pair, questions)))


def _report(row: int, pair: Pair) -> tuple[Task, ...]:
    """The report without sentences that compare: who is shown one image would learn to make a comparison up."""
    import numpy as np

    from tools.med_vlm.compact.minilm import sentences
    from tools.med_vlm.formats.forms import FORMS
    from tools.med_vlm.report.prompting import prompt
    from tools.med_vlm.report.vetting import compares_with_nothing

    said = [sentence for sentence in sentences(pair.report) if not compares_with_nothing(sentence)]
    asked = prompt(asked_about(pair, np.zeros((1, 1), dtype=np.float32)), FORMS["prose"])
    return (Task(row, asked.system, asked.user, " ".join(said)),) if said else ()


def _questions(row: int, pair: Pair, most: int) -> tuple[Task, ...]:
    from tools.med_vlm.asking.questions import NO, YES, question

    keys = [finding.key for finding in FINDINGS]
    turned = keys[pair.line % len(keys) :] + keys[: pair.line % len(keys)]  # another finding comes first for every case
    answers = {"present": YES, "absent": NO}
    chosen = [(key, answers[word]) for word in answers for key in [key for key in turned if pair.said.get(key) == word][:most]]
    return tuple(Task(row, "", question(key).text, answer) for key, answer in chosen)


class Chat:
    """Writes tasks down as one family of models was taught to read."""

    def __init__(self, turns: Turns) -> None:
        """Try the family's template out.

        Raises:
            TrainingBaseRefused: its turns cannot be told from its words, so that nobody knows where an answer begins or ends.
        """
        self._turns = turns
        self.processor: Any = turns.processor
        self._end = self._ending()

    def _ending(self) -> str:
        """What stands behind an answer: the template's own mark, or the token that ends texts."""
        end: str | None = self.processor.tokenizer.eos_token
        if self.processor.chat_template is not None:
            asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": _TRIED}]}]
            told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": _TRIED}]}]
            before = self.processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
            after = self.processor.apply_chat_template(told, add_generation_prompt=False, tokenize=False)
            if not after.startswith(before) or _TRIED not in after[len(before) :]:
                raise TrainingBaseRefused("its chat template puts something between the question and the answer")
            behind = after[len(before) :].partition(_TRIED)[2].strip()
            end = behind or end
        if not end:
            raise TrainingBaseRefused("it has no token that ends an answer")
        return end

    def written(self, task: Task) -> tuple[str, str, int]:
        """What is asked, what is answered to its end, and how many of the last tokens of both are the answer's."""
        asked = self._turns.text(task.system, task.user, [""])
        answer = self._turns.joined(asked, self._plain(task.answer)) + self._end
        before, tokens = self._turns.tokens(asked), self._turns.tokens(asked + answer)
        shared = next((place for place, (one, other) in enumerate(zip(before, tokens, strict=False)) if one != other), len(before))
        return asked, answer, len(tokens) - shared

    def _plain(self, words: str) -> str:
        """Without marks that mean more to the tokenizer than their letters."""
        for mark in sorted(self.processor.tokenizer.get_added_vocab(), key=len, reverse=True):
            words = words.replace(mark, " ") if mark.strip() else words
        return words

    def batch(self, tasks: Sequence[Task], pictures: Sequence[Picture]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """The model's inputs for tasks and the picture of each, padded at the left, and the labels [n, length]."""
        from tools.med_vlm.adapting.losses import NOT_ASKED

        written = [self.written(task) for task in tasks]
        begun = self._turns.begun(written[0][0])
        shown: dict[str, Any] = {"images": [[picture] for picture in pictures], "padding": True, "return_tensors": "pt"}
        if self._turns.model_type in _READ_AT_ONCE:
            return self._read_at_once(written, shown)
        made = self.processor(text=[asked + answer for asked, answer, _ in written], add_special_tokens=not begun, **shown)
        labels = made["input_ids"].clone()
        for row, (_, _, count) in enumerate(written):
            labels[row, : labels.shape[1] - count] = NOT_ASKED
        return {name: tensor for name, tensor in made.items() if name != "labels"}, labels

    def _read_at_once(self, written: Sequence[tuple[str, str, int]], shown: dict[str, Any]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """The same for a processor that is told the answer apart, ends it itself, and marks its tokens."""
        from tools.med_vlm.adapting.losses import NOT_ASKED

        answers = [answer.removesuffix(self._end).strip() for _, answer, _ in written]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PaliGemma's makes labels the way of an older numpy
            made = self.processor(text=[asked for asked, _, _ in written], suffix=answers, **shown)
        said = (made["token_type_ids"] == 1) & (made["attention_mask"] == 1)
        labels = made["input_ids"].masked_fill(~said, NOT_ASKED)
        return {name: tensor for name, tensor in made.items() if name != "labels"}, labels

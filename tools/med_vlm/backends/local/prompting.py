"""How a model is spoken to: by its folder's chat template, or plainly where it has none."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_PLAIN = {"blip-2": "Question: {text} Answer:"}
"""BLIP-2 has no template and was asked like this in its paper (Li et al. 2023, section 4.1); its processor places the picture."""
_ANY_PLAIN = "{images}{text}"
_PROBE = "a word for the system role"


@dataclass(frozen=True)
class Turns:
    """One family's way of writing a question down."""

    processor: Any
    model_type: str
    takes_system: bool
    """Whether its template has a place for what the system says."""

    @property
    def conversation(self) -> str:
        """What is ours of how a question is written down: what is handed to the folder's template, or the form where there is none."""
        if self.processor.chat_template is None:
            return _PLAIN.get(self.model_type, _ANY_PLAIN) + _both("what the system says", "what the user says")
        said = _messages("what the system says", "what the user says", ["an image", "another image"])
        return json.dumps([self.takes_system, said, _both("what the system says", "what the user says")])

    def text(self, system: str, user: str, captions: Sequence[str]) -> str:
        """One question about the images of these captions, up to where the model's own words begin.

        A single image goes without its caption, as in what models were trained on. Marks of the model's own, such as the place of
        an image or the end of a turn, are taken out of the words.
        """
        system, user = self._plain(system), self._plain(user)
        if self.processor.chat_template is None:
            form = _PLAIN.get(self.model_type, _ANY_PLAIN)
            return form.format(images="<image>" * len(captions), text=_both(system, user))
        said = captions if len(captions) > 1 else [""] * len(captions)
        messages = _messages(system, user, said) if self.takes_system else _messages("", _both(system, user), said)
        return _render(self.processor, messages)

    def tokens(self, text: str) -> list[int]:
        """The numbers of a text's pieces, nothing put before or after it."""
        found: list[int] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def begun(self, text: str) -> bool:
        """Whether the text holds the token that begins texts, so that none may be put before it."""
        start = self.processor.tokenizer.bos_token
        return start is not None and text.startswith(start)

    def joined(self, text: str, answer: str) -> str:
        """What the model would have written had it given this answer: with a space after a word or a colon."""
        spaced = not (text[-1:].isspace() or text.endswith(tuple(self.processor.tokenizer.get_added_vocab())))
        return f" {answer}" if spaced else answer

    def _plain(self, words: str) -> str:
        return self._marks.sub(" ", words)

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        """What the tokenizer takes for more than its letters; `<image>` is one for several processors and not for their tokenizers."""
        added = {"<image>", *self.processor.tokenizer.get_added_vocab()}
        return re.compile("|".join(re.escape(mark) for mark in sorted(added, key=len, reverse=True) if mark.strip()))


def turns_of(processor: Any, model_type: str) -> Turns:
    """The way of a folder's processor; whether its template takes a system's words is tried out on it.

    Raises:
        jinja2.TemplateError, ValueError, TypeError: the template cannot even write down one question.
    """
    return Turns(processor, model_type, processor.chat_template is not None and _takes_system(processor))


def _takes_system(processor: Any) -> bool:
    from jinja2 import TemplateError

    _render(processor, _messages("", "a word", [""]))
    try:
        return _PROBE in _render(processor, _messages(_PROBE, "a word", [""]))
    except (TemplateError, TypeError):  # templates refuse the role by raising, or by adding lists to strings
        return False


def _messages(system: str, user: str, captions: Sequence[str]) -> list[dict[str, Any]]:
    said = [{"role": "system", "content": [_text(system)]}] if system else []
    shown: list[dict[str, Any]] = []
    for caption in captions:
        shown += [*([_text(f"\n{caption} " if shown else f"{caption} ")] if caption else []), {"type": "image"}]
    return [*said, {"role": "user", "content": [*shown, _text(f"\n{user}" if any(captions) else user)]}]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _render(processor: Any, messages: list[dict[str, Any]]) -> str:
    made: str = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return made


def _both(system: str, user: str) -> str:
    return f"{system}\n\n{user}" if system else user

"""A network with its processor as a `VisionModel`: one question at a time, answers as probabilities, texts as they were written."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.captions import captioned
from tools.med_vlm.backends.local.network import in_parts, inference, longest_text
from tools.med_vlm.backends.local.prompting import Turns
from tools.med_vlm.backends.local.scoring import Scores, Walk, answered, walks, ways
from tools.med_vlm.backends.local.sharing import SHARING, shared_length, shared_scores
from tools.med_vlm.backends.local.spoken import spoken
from tools.med_vlm.backends.local.walking import Drawn, Halted, Scored
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.deadline import in_turn, within
from tools.med_vlm.errors import ImageRefused, PromptTooLong
from tools.med_vlm.profile import Profile
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ONE_PICTURE: Mapping[str, Mapping[str, object]] = {"blip-2": {"most_images": 1, "sees_priors": False}}
"""Families whose texts go with one picture each, and what their profile says then, whatever the settings do."""
_OWN_TENSORS = frozenset({"paligemma"})
"""Families whose processor makes labels for training too, of tensors in a way that numpy warns of, so that it gets to see none."""
_SEED = 20_240


@dataclass
class LocalModel:
    """One folder's model in memory."""

    name: str
    fingerprint: str
    profile: Profile
    network: Any = field(repr=False)
    turns: Turns = field(repr=False)
    ends: frozenset[int] = field(repr=False)
    timeout: float = 120
    """Seconds that one call may take; fewer where the reading has no more."""
    writes: bool = field(default=True, init=False)
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False, init=False)

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order, from the log-probabilities of the allowed answers' tokens.

        Raises:
            ImageRefused, PromptTooLong, ModelOutOfMemory, ModelTimedOut: as `write`.
        """
        pictures, captions = self._shown(asked)
        texts = [self.turns.text("", question.text, captions) for question in questions]
        with in_turn(self._alone), within(self.timeout):  # the tokenizer too: it keeps how it pads between calls
            said = [{one: self._ways(text, one) for one in question.answers} for question, text in zip(questions, texts, strict=True)]
            scores = in_parts(walks(texts, said), lambda part: self._score(part, pictures))
        return answered(questions, said, scores)

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """`samples` texts: the likeliest, and others drawn with a fixed seed, so that the same question gives the same texts.

        Raises:
            ImageRefused: an image is no readable radiograph.
            PromptTooLong: words, pictures and answer are more than the model takes in.
            ModelOutOfMemory: the device has not the memory for one text.
            ModelTimedOut: the texts did not end in time.
        """
        pictures, captions = self._shown(asked)
        text = self.turns.text(prompt.system, prompt.user, captions)
        with in_turn(self._alone), within(self.timeout):
            return tuple(in_parts(range(samples), lambda part: self._draw(part, text, pictures, prompt.most_tokens)))

    def _ways(self, text: str, answer: str) -> frozenset[tuple[int, ...]]:
        return ways(self.turns, text, answer, apart=self.network.config.is_encoder_decoder)

    def _score(self, part: Sequence[Walk], pictures: Sequence[Picture]) -> list[Scores]:
        batch = self._batch([walk.text for walk in part], pictures)
        steps = max(len(walk.along) for walk in part) + 1
        length = shared_length(batch, self.network.config.image_token_id) if self.turns.model_type in SHARING else 0
        if length:
            self._room(batch, range(steps, steps + 1))
            with inference():
                return shared_scores(self.network, batch, length, part)
        scored = Scored([walk.along for walk in part], [walk.lasts for walk in part], min(self.ends, default=0))
        self._run(batch, range(steps, steps + 1), scored)
        return [Scores(walk, logs) for walk, logs in zip(part, scored.found, strict=True)]

    def _draw(self, part: Sequence[int], text: str, pictures: Sequence[Picture], most: int) -> list[Written]:
        drawn = Drawn(part, self.ends, _SEED)
        self._run(self._batch([text] * len(part), pictures), range(1, most + 1), drawn, Halted(drawn))
        return [self._written(drawn, row) for row in range(len(part))]

    def _written(self, drawn: Drawn, row: int) -> Written:
        said = spoken(self.turns.processor.tokenizer.decode(drawn.text(row), skip_special_tokens=True))
        return Written(said or "", whole=drawn.whole(row) and said is not None)

    def _run(self, batch: dict[str, Any], steps: range, each: Any, *halted: Halted) -> None:
        """Let the network go on from a batch, as `each` decides: as many of `steps` as there is room for."""
        most = self._room(batch, steps)
        with inference():
            self.network.generate(**batch, max_new_tokens=most, do_sample=False, logits_processor=[each], stopping_criteria=list(halted))

    def _room(self, batch: dict[str, Any], steps: range) -> int:
        """Tokens that may be added to a batch: the last of `steps`, or fewer where there is no room for it."""
        most, taken = longest_text(self.network), int(batch["input_ids"].shape[1])
        if most is None:
            return steps[-1]
        if taken + steps[0] > most:
            raise PromptTooLong(taken + steps[0], most)
        return min(steps[-1], most - taken)

    def _batch(self, texts: Sequence[str], pictures: Sequence[Picture]) -> dict[str, Any]:
        """The network's inputs on its device, floats in its precision."""
        how: dict[str, Any] = {"padding": True, "add_special_tokens": not self.turns.begun(texts[0])}
        if self.turns.model_type not in _OWN_TENSORS:
            how["return_tensors"] = "pt"
        try:
            made = self.turns.processor(images=[list(pictures) for _ in texts], text=list(texts), **how)
        except ValueError as error:  # Qwen-VL takes no strips: its message tells the sides, which are nobody's business
            raise ImageRefused("the model takes no image of this shape") from error
        made.pop("labels", None)
        made = made.convert_to_tensors("pt")
        like = {"device": self.network.device}
        floats = like | {"dtype": self.network.dtype}
        return {name: tensor.to(**(floats if tensor.is_floating_point() else like)) for name, tensor in made.items()}

    def _shown(self, asked: Asked) -> tuple[list[Picture], list[str]]:
        """The study's images, the one to read first, and last the prior where the model may see it; and what each is."""
        images = captioned(asked, self.profile.most_images, prior=self.profile.sees_priors)
        return [to_pil(image) for _, image in images], [caption for caption, _ in images]

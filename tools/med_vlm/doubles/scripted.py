"""A declared test double of a `VisionModel`: it answers as it was told and does not look at the image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from tools.med_vlm.asked import Asked
from tools.med_vlm.profile import Profile
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

PROFILE = Profile(role="generative reader", licence="Apache-2.0")


class ScriptedModel:
    """Answers each question by its name, and writes one script after the other, the last of them from then on.

    `answers`: by name of the question, the probability of the first answer (the others share the rest) or of every answer;
    `otherwise` is for questions not told. `scripts`: for each call of `write` the texts it gives, beginning with the one without
    chance; a text is whole unless it is given as `Written`. Without scripts the model does not write.
    """

    name = "scripted double 1"
    fingerprint = hashlib.sha256(b"scripted double 1").hexdigest()

    def __init__(
        self,
        answers: Mapping[str, float | Mapping[str, float]] | None = None,
        scripts: Sequence[Sequence[str | Written]] = (),
        *,
        otherwise: float = 0.1,
        profile: Profile = PROFILE,
    ) -> None:
        self.profile = profile
        self.writes = bool(scripts)
        self.chosen: list[tuple[Question, ...]] = []
        """The questions of each call of `choose`."""
        self.prompts: list[Prompt] = []
        """The prompt of each call of `write`."""
        self._answers, self._scripts, self._otherwise = dict(answers or {}), tuple(scripts), otherwise

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """As told."""
        self.chosen.append(tuple(questions))
        return tuple(Answered(one.name, self._probabilities(one), "scored") for one in questions)

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """The next script, begun again where more samples are asked for than it has; nothing without scripts."""
        if not self._scripts:
            return ()
        script = self._scripts[min(len(self.prompts), len(self._scripts) - 1)]
        self.prompts.append(prompt)
        texts = (script[number % len(script)] for number in range(samples))
        return tuple(text if isinstance(text, Written) else Written(text, whole=True) for text in texts)

    def _probabilities(self, question: Question) -> Mapping[str, float]:
        told = self._answers.get(question.name, self._otherwise)
        if isinstance(told, Mapping):
            return dict(told)
        rest = (1 - told) / (len(question.answers) - 1)
        return {answer: told if place == 0 else rest for place, answer in enumerate(question.answers)}

"""MAIRA-2 without the code that comes with it: a Dinov2 tower, a projector of four layers, and a Vicuna.

It is laid out like a LLaVA and is none: its projector is deeper, and what it projects is the tower's last layer *after* the tower's final
norm, where a LLaVA takes a hidden state before it; loaded as a LLaVA it would answer from other numbers.

It was trained to write reports and to find phrases, not to answer questions. So a question is put by its captions: how likely each is as
the sentence its report of this study begins with (`tools.med_vlm.vision_model.Question.captions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.technique import LATERAL
from tools.med_vlm.backends.composed.filling import filled, whole
from tools.med_vlm.backends.composed.llama import llama, tokenizer_of
from tools.med_vlm.backends.composed.maira2_prompt import Shown, report_turn, sample_turns, samples, shown_of
from tools.med_vlm.backends.composed.speaker import Speaker
from tools.med_vlm.backends.composed.speech import Asking, Speech
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.backends.placing import place
from tools.med_vlm.checkpoint import making, settings, stock_of
from tools.med_vlm.errors import CheckpointRefused, ImageRefused
from tools.med_vlm.identity import identified
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor, dtype

IMAGE = "<image>"
FORMATS = ("maira-2", "prose")
"""How it writes: with boxes, or without."""
_NARROWEST = 50
_MOST_IMAGES = 2
"""Of one study: frontal and lateral. The prior frontal comes beside them."""


def open_maira2(spec: ModelSpec) -> Speaker:
    """MAIRA-2 as it is published, its `.py` files unread.

    Raises:
        ModelNotPinned, ModelNotFound, ModelFilesChanged, ModelFormatRefused: as `tools.med_vlm.identity.identified`.
        CheckpointRefused: a tensor is missing, left over or of another shape, or the settings are not MAIRA-2's; or `format` is none of
            `FORMATS`.
    """
    files = identified(spec)
    made = maira2(files.path, spec)
    return Speaker(made, spec, files.fingerprint, sees_priors=True, most_images=_MOST_IMAGES, further_views=LATERAL)


def maira2(folder: Path, spec: ModelSpec) -> Maira2:
    """The composition of a folder.

    Raises:
        CheckpointRefused: as `open_maira2`.
    """
    if spec.format not in FORMATS:
        raise CheckpointRefused(f"it writes {' or '.join(FORMATS)} (`format`), and nothing else")
    where, number = place(spec.device)
    said = settings(folder)
    _published(said)
    held = stock_of(folder)
    tower = _tower(said["vision_config"], held.part("vision_tower."), number)
    projector = _projector(held.part("multi_modal_projector.layers."), said["projector_hidden_act"], number)
    tokenizer = tokenizer_of(folder)
    speech = llama(held.part("language_model."), said["text_config"], tokenizer, number)
    held.close()
    if (projector[0].in_features, projector[-1].out_features) != (tower.config.hidden_size, speech.width):
        raise CheckpointRefused("its projector does not fit between tower and language model")
    if tokenizer.convert_tokens_to_ids(IMAGE) != said["image_token_index"]:
        raise CheckpointRefused("its tokenizer has another number for an image than its settings")
    eyes = Eyes(_processor(folder), tower.to(where), projector.to(where))
    speech.model.to(where)
    made = Maira2(speech, eyes, image_token=said["image_token_index"], grounded=spec.format == FORMATS[0])
    for shown in samples():
        made.places(made.told(shown, "a reason", grounded=True), len(shown.images))
    return made


class Maira2:
    """The composition: a turn of the user in the model's own words, with a picture in each place that it keeps for one."""

    def __init__(self, speech: Speech, eyes: Eyes, *, image_token: int, grounded: bool) -> None:
        """Join the parts. `grounded`: whether its reports carry boxes."""
        self.speech = speech
        self._eyes = eyes
        self._image_token = image_token
        self._grounded = grounded

    @property
    def conversation(self) -> tuple[str, ...]:
        """The turns around pictures as they are handed to its chat template, and a caption as a sentence."""
        return (*sample_turns(grounded=False), *sample_turns(grounded=self._grounded), sentence("a caption"))

    def ask(self, asked: Asked, questions: Sequence[Question]) -> tuple[Tensor, tuple[Asking, ...]]:
        """The prompt of a plain report, heard once for all questions; each question's captions as sentences."""
        rows = self._prompt(asked, grounded=False)
        return rows[:-1], tuple(Asking(rows[-1:], tuple(sentence(each) for each in question.captions)) for question in questions)

    def order(self, asked: Asked, prompt: Prompt) -> Tensor:
        """The prompt of a report as the model knows it. Other words would be none it was trained on, so `prompt` gives its length alone."""
        return self._prompt(asked, grounded=self._grounded)

    def _prompt(self, asked: Asked, *, grounded: bool) -> Tensor:
        shown = shown_of(asked)
        return self.placed(self.told(shown, asked.indication, grounded=grounded), self._eyes.look(shown))

    def told(self, shown: Shown, indication: str, *, grounded: bool) -> list[int]:
        """The tokens of the prompt as the folder's chat template writes it, an image token in the place of each picture.

        Raises:
            CheckpointRefused: there is no template that can write it.
        """
        from jinja2 import TemplateError

        turn = report_turn(shown, indication, grounded=grounded)
        try:
            text = self.speech.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise CheckpointRefused(f"its chat template writes no prompt ({type(error).__name__})") from error
        return self.speech.tokens(text, begins=True)

    def places(self, tokens: Sequence[int], pictures: int) -> list[int]:
        """Where the pictures belong among the tokens.

        Raises:
            CheckpointRefused: the chat template keeps another number of places.
        """
        found = [place for place, token in enumerate(tokens) if token == self._image_token]
        if len(found) != pictures:
            raise CheckpointRefused("its chat template does not keep a place for each picture")
        return found

    def placed(self, tokens: Sequence[int], pictures: Tensor) -> Tensor:
        """The tokens' rows, with the rows of a picture in place of each image token, in order.

        Raises:
            CheckpointRefused: as `places`.
        """
        import torch

        parts, start = [], 0
        for place_, rows in zip(self.places(tokens, len(pictures)), pictures, strict=True):
            parts += [self.speech.rows(tokens[start:place_]), rows]
            start = place_ + 1
        return torch.cat([*parts, self.speech.rows(tokens[start:])])


@dataclass(frozen=True, eq=False)
class Eyes:
    """The tower, and what comes before and after it."""

    processor: Any
    tower: Any
    projector: Any

    def look(self, shown: Shown) -> Tensor:
        """[pictures, patches, width]: frontal, lateral, prior."""
        pictures = [stretched(image) for image in shown.images]
        pixels = self.processor(pictures, return_tensors="pt")["pixel_values"].to(self.tower.device, self.tower.dtype)
        seen = self.tower(pixels, output_hidden_states=True).feature_maps[-1]
        rows: Tensor = self.projector(seen[:, 1:])
        return rows


def stretched(image: Image) -> Picture:
    """The picture with its darkest pixel black and its brightest white, as the model was trained; one of a single shade is black.

    Raises:
        ImageRefused: it is none, or a strip: the processor keeps its proportions and would make gigabytes of it.
    """
    import numpy as np
    from PIL import Image as Pictures

    grey = np.asarray(to_pil(image).convert("L"), dtype=np.float64)
    if max(grey.shape) > _NARROWEST * min(grey.shape):
        raise ImageRefused(f"one side is more than {_NARROWEST} times the other")
    span = grey.max() - grey.min()
    full = (grey - grey.min()) / span * 255 if span else np.zeros_like(grey)
    return Pictures.fromarray(full.astype(np.uint8)).convert("RGB")


def sentence(caption: str) -> str:
    """A caption as a report would say it."""
    return f"{caption[:1].upper()}{caption[1:]}."


def _published(said: dict[str, Any]) -> None:
    expected = {"vision_feature_layer": -1, "vision_feature_select_strategy": "default"}
    named = {"text_config", "vision_config", "image_token_index", "projector_hidden_act"}
    if not named <= set(said) or any(said.get(name) != value for name, value in expected.items()):
        raise CheckpointRefused("its config.json is not MAIRA-2's")


def _tower(sizes: dict[str, Any], tensors: dict[str, Tensor], number: dtype) -> Any:
    from transformers import Dinov2Backbone, Dinov2Config

    with making("Dinov2"):
        config = Dinov2Config.from_dict(sizes)
    if config.out_features != config.stage_names[-1:] or not config.apply_layernorm or config.reshape_hidden_states:
        raise CheckpointRefused("its tower does not give its last layer, normed, as rows")
    return whole(Dinov2Backbone, config, tensors, number)


def _projector(tensors: dict[str, Tensor], activation: str, number: dtype) -> Any:
    """Linear layers with the activation between them; the published one has four, numbered 0, 2, 4, 6."""
    from torch import nn
    from transformers.activations import ACT2FN

    with making("its projector"):
        shapes = [tensors[f"{2 * layer}.weight"].shape for layer in range(len(tensors) // 2)]
        steps = [step for rows, columns in shapes for step in (nn.Linear(columns, rows), ACT2FN[activation])]
    return filled(nn.Sequential(*steps[:-1]), tensors, number)


def _processor(folder: Path) -> Any:
    from transformers import BitImageProcessorPil

    with making("an image processor"):
        return BitImageProcessorPil.from_pretrained(str(folder), local_files_only=True)

"""MiniGPT-4: BLIP-2's vision, one projection trained by its authors, and a Llama.

The published checkpoint holds the projection alone, `{"model": {"llama_proj.weight": …, "llama_proj.bias": …}}`; what it was trained
beside is fetched elsewhere. Here `source` holds those two tensors as safetensors (`sidenote model convert`), and `base` two folders:
`vision`, a BLIP-2 as transformers saves it, and `language`, the Vicuna or Llama-2.

The projection's width tells which of the two published models it is. With Vicuna it takes the 32 rows of the Q-Former; with Llama-2 it
takes the vision's patches, four side by side, and there is no Q-Former. The Llama-2 model was trained with a final vision norm that
nobody had trained: the authors' code loads that norm's weights with the Q-Former's. Its weights are one and its biases nought, whatever
the BLIP-2 folder holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.composed.filling import whole
from tools.med_vlm.backends.composed.llama import load_llama
from tools.med_vlm.backends.composed.speaker import Speaker
from tools.med_vlm.backends.composed.speech import SAMPLE, Asking, Speech, ordered, plain
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.backends.placing import place
from tools.med_vlm.checkpoint import making, settings, stock_of
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.identity import identified
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

if TYPE_CHECKING:
    from torch import Tensor, dtype

_SYSTEM = (
    "Give the following image: <Img>ImageContent</Img>. You will be able to see the image once I provide it to you. "
    "Please answer my questions."
)
_BETWEEN = "</Img><Img>"
"""Two pictures."""
_SIDE_BY_SIDE = 4
_NORM_EPS = 1e-5
"""Of torch's layer norm, which the authors' is."""
_PARTS_OF_BLIP2 = ("language_model.", "language_projection.")


@dataclass(frozen=True)
class Turns:
    """How a conversation is written."""

    opening: tuple[str, ...]
    """Up to the first picture: passages, with the begin token before each."""
    closing: str
    """After the question."""
    stops: tuple[str, ...]

    def put(self, text: str) -> str:
        """A question or an order after the last picture, up to where the model's own words begin."""
        return f"</Img> {plain(text, '###', '[INST]', '[/INST]')}{self.closing}"


VICUNA = Turns((f"{_SYSTEM}###Human: <Img>",), "###Assistant: ", ("###",))
LLAMA2 = Turns((_SYSTEM, "[INST] <Img>"), " [/INST] ", ())


def open_minigpt4(spec: ModelSpec) -> Speaker:
    """MiniGPT-4, put together of `source`, `base/vision` and `base/language`.

    Raises:
        ModelNotPinned, ModelNotFound, ModelFilesChanged, ModelFormatRefused: as `tools.med_vlm.identity.identified`.
        CheckpointRefused: a tensor is missing, left over or of another shape, or `base` is not named.
    """
    files = identified(spec)
    if files.base is None:
        raise CheckpointRefused("`base` names no folder with `vision` and `language`")
    made = minigpt4(files.path, files.base, spec)
    return Speaker(made, spec, files.fingerprint, sees_priors=False)


def minigpt4(source: Path, base: Path, spec: ModelSpec) -> MiniGpt4:
    """The composition of two folders.

    Raises:
        CheckpointRefused: as `open_minigpt4`.
    """
    where, number = place(spec.device)
    projection = _projection(source)
    vision = _vision(base / "vision", projection.in_features, number)
    speech = _language(base / "language", projection.out_features, vision.turns, number)
    speech.model.to(where)
    return MiniGpt4(speech, vision.to(where), projection.to(where, number), most_images=spec.most_images)


class MiniGpt4:
    """The composition: a prompt with pictures in it."""

    def __init__(self, speech: Speech, vision: _Vision, projection: Any, *, most_images: int) -> None:
        """Join the parts."""
        self.speech = speech
        self._vision = vision
        self._projection = projection
        self._most_images = most_images

    @property
    def conversation(self) -> tuple[str, ...]:
        """The passages before, between and after pictures, with an order in its place; and the words that end a text."""
        turns = self._vision.turns
        return (*turns.opening, _BETWEEN, turns.put(ordered(SAMPLE)), *turns.stops)

    def ask(self, asked: Asked, questions: Sequence[Question]) -> tuple[Tensor, tuple[Asking, ...]]:
        """The system's words and the pictures; then each question."""
        return self._opening(asked), tuple(Asking(self._turn(question.text), question.answers) for question in questions)

    def order(self, asked: Asked, prompt: Prompt) -> Tensor:
        """As `ask`, with the order in place of a question."""
        import torch

        return torch.cat([self._opening(asked), self._turn(ordered(prompt))])

    def look(self, asked: Asked) -> Tensor:
        """The rows of each picture, [pictures, rows, width]."""
        import torch

        pixels = torch.cat([self._vision.pixels(image) for image in asked.images[: self._most_images]])
        rows: Tensor = self._projection(self._vision.see(pixels))
        return rows

    def _opening(self, asked: Asked) -> Tensor:
        """Up to the last picture. What stands between two is one passage to the tokenizer, as it was to the authors'."""
        import torch

        parts = [self.speech.spoken(passage, begins=True) for passage in self._vision.turns.opening]
        for number, rows in enumerate(self.look(asked)):
            parts += [self.speech.spoken(_BETWEEN)] if number else []
            parts.append(rows.to(parts[0].dtype))
        return torch.cat(parts)

    def _turn(self, text: str) -> Tensor:
        return self.speech.spoken(self._vision.turns.put(text))


class _Vision:
    """BLIP-2's vision, with the Q-Former or without."""

    def __init__(self, model: Any, processor: Any, qformer: Any | None, queries: Tensor | None) -> None:
        self._model = model
        self._processor = processor
        self._qformer = qformer
        self._queries = queries
        self.turns = VICUNA if qformer is not None else LLAMA2

    def to(self, where: str) -> _Vision:
        self._model.to(where)
        if self._qformer is not None and self._queries is not None:
            self._qformer.to(where)
            self._queries = self._queries.to(where)
        return self

    def pixels(self, image: Any) -> Tensor:
        """One picture as BLIP-2's processor makes it: squashed to a square, CLIP's mean and deviation."""
        made: Tensor = self._processor(to_pil(image), return_tensors="pt")["pixel_values"]
        return made.to(self._model.device, self._model.dtype)

    def see(self, pixels: Tensor) -> Tensor:
        """[pictures, rows, numbers] that the projection takes."""
        if self._qformer is None or self._queries is None:
            return self._patches(pixels)
        seen = self._model(pixels).last_hidden_state
        queries = self._queries.expand(len(pixels), -1, -1)
        rows: Tensor = self._qformer(query_embeds=queries, encoder_hidden_states=seen.float()).last_hidden_state
        return rows.to(seen.dtype)

    def _patches(self, pixels: Tensor) -> Tensor:
        from torch.nn.functional import layer_norm

        seen = self._model.encoder(inputs_embeds=self._model.embeddings(pixels)).last_hidden_state
        seen = layer_norm(seen.float(), seen.shape[-1:], eps=_NORM_EPS).to(seen.dtype)[:, 1:]
        pictures, patches, width = seen.shape
        return seen.reshape(pictures, patches // _SIDE_BY_SIDE, width * _SIDE_BY_SIDE)


def _projection(folder: Path) -> Any:
    """The trained linear layer, named `llama_proj` as published."""
    held = stock_of(folder)
    made = held.linear("llama_proj", bias=True)
    held.close()
    return made.requires_grad_(requires_grad=False)


def _vision(folder: Path, taken: int, number: dtype) -> _Vision:
    """What the projection looks through; `taken`: numbers it takes."""
    from torch import float32
    from transformers import Blip2Config, BlipImageProcessorPil
    from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel, Blip2VisionModel

    with making("BLIP-2"):
        sizes = Blip2Config.from_dict(settings(folder))
        processor = BlipImageProcessorPil.from_pretrained(str(folder), local_files_only=True)
    held = stock_of(folder)
    held.leave(_PARTS_OF_BLIP2)
    model = whole(Blip2VisionModel, sizes.vision_config, held.part("vision_model."), number)
    queries, qformer = held.take("query_tokens"), held.part("qformer.")
    held.close()
    if taken == sizes.qformer_config.hidden_size:
        former = whole(Blip2QFormerModel, sizes.qformer_config, qformer, float32)  # as transformers keeps it: bfloat16 is too coarse for it
        return _Vision(model, processor, former, queries.float())
    if taken == _SIDE_BY_SIDE * sizes.vision_config.hidden_size and _patches(sizes.vision_config) % _SIDE_BY_SIDE == 0:
        return _Vision(model, processor, None, None)
    raise CheckpointRefused("llama_proj takes neither the Q-Former's rows nor four patches")


def _patches(sizes: Any) -> int:
    return int(sizes.image_size // sizes.patch_size) ** 2


def _language(folder: Path, width: int, turns: Turns, number: dtype) -> Speech:
    speech = load_llama(folder, number, stops=turns.stops)
    if speech.width != width:
        raise CheckpointRefused("llama_proj does not make rows of the language model's width")
    return speech

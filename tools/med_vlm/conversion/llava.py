"""LLaVA 1.5 in its authors' layout, and what was published in it (LLaVA-Med v1.5, HuatuoGPT-Vision), as transformers' `llava`.

Four prefixes are renamed; the vision tower, kept elsewhere, is put in; one token is added, the place of an image, which the authors'
code never looks up. Covered: a two-layer projector (`mlp2x_gelu`) between a CLIP and a Llama, Mistral or Qwen2. Not covered, and
refused: other projectors, towers of other families, and images in tiles (LLaVA 1.6), which transformers calls `llava_next`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.hugging_face import silenced
from tools.med_vlm.checkpoint import Stock, making, refuse_incomplete, settings
from tools.med_vlm.conversion.tensors import published, written
from tools.med_vlm.conversion.towers import Tower, clip_tower
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

IMAGE = "<image>"
_TEXT_MODELS = {"llava": "llama", "llava_llama": "llama", "llava_mistral": "mistral", "llava_qwen2": "qwen2"}
"""What the authors call a checkpoint, and the language model it is around."""
_PROJECTOR = "mlp2x_gelu"
_MORE_THAN_TEXT = (
    "mm_",
    "vision_tower",
    "image_",
    "tokenizer_",
    "unfreeze_",
    "tune_",
    "freeze_",
    "architectures",
    "auto_map",
    "model_type",
)
_TURN = (
    "{%% for message in messages %%}%(begin)s{%% for part in message['content'] %%}{%% if part['type'] == 'image' %%}%(image)s\n"
    "{%% else %%}{{ part['text'] }}{%% endif %%}{%% endfor %%}%(end)s{%% endfor %%}{%% if add_generation_prompt %%}%(answer)s{%% endif %%}"
)
_WAYS: Mapping[str, Mapping[str, str]] = {
    "vicuna": {
        "begin": "{{ {'user': 'USER: ', 'assistant': 'ASSISTANT: '}.get(message['role'], '') }}",
        "end": " ",
        "answer": "ASSISTANT:",
    },
    "mistral": {
        "begin": "{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}[INST] ",
        "end": " [/INST]",
        "answer": "",
    },
    "huatuo": {
        "begin": "{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}<|{{ message['role'] }}|>\n",
        "end": "{{ '\\n' }}",  # a line's end right after a tag would be trimmed
        "answer": "<|assistant|>\n",
    },
}
"""How each is spoken to: LLaVA's conversation styles `v1` and `mistral_instruct`, and HuatuoGPT-Vision's own."""


@dataclass(frozen=True)
class Parts:
    """A LLaVA in its authors' layout, its vision tower apart."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    tower: Tower
    words: Path
    """Folder of its tokenizer."""
    way: str
    pads: bool
    """Whether pictures are padded to squares; otherwise their middle is cut out."""


def write_vicuna(source: Path, out: Path, base: Path | None) -> None:
    """Write a LLaVA 1.5; see `write_llava`."""
    write_llava(_parts(source, base, "vicuna"), out)


def write_mistral(source: Path, out: Path, base: Path | None) -> None:
    """Write a LLaVA-Med v1.5; see `write_llava`."""
    write_llava(_parts(source, base, "mistral"), out)


def write_huatuo(source: Path, out: Path, base: Path | None) -> None:
    """Write a HuatuoGPT-Vision, whose code pads every picture; see `write_llava`."""
    write_llava(_parts(source, base, "huatuo", pads=True), out)


def _parts(source: Path, base: Path | None, way: str, *, pads: bool = False) -> Parts:
    if base is None:
        raise CheckpointRefused("the vision tower's folder is needed")
    config, stock = settings(source), Stock(published(source))
    stock.leave(endings=("position_ids", "rotary_emb.inv_freq"))
    own = stock.under("model.vision_tower.vision_tower.vision_model.")
    tower = clip_tower(base, own)
    return Parts(config, stock.under(""), tower, source, way, pads or config.get("image_aspect_ratio") == "pad")


def write_llava(parts: Parts, out: Path) -> None:
    """Write weights, settings and processor, and read them back as a whole.

    Raises:
        CheckpointRefused: another architecture; a tensor is missing, left over or of another shape; or no tokenizer can be read.
    """
    if parts.config.get("mm_projector_type") != _PROJECTOR:
        raise CheckpointRefused(f"its projector is not {_PROJECTOR}")
    tokenizer = _tokenizer(parts.words)
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    tensors = _renamed(parts)
    rows = _with_row(tensors, image)
    written(tensors, out)
    (out / "config.json").write_text(json.dumps(_config(parts, image, rows), indent=1))
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": tokenizer.pad_token_id}
    (out / "generation_config.json").write_text(json.dumps({name: value for name, value in ends.items() if value is not None}))
    _processor(parts, tokenizer).save_pretrained(out)
    check_whole(out)


def check_whole(out: Path) -> None:
    """Refuse a folder that transformers does not read as a whole.

    Raises:
        CheckpointRefused: as said.
    """
    from transformers import AutoModelForImageTextToText

    with making("a whole model"), silenced():
        _, notes = AutoModelForImageTextToText.from_pretrained(str(out), dtype="auto", local_files_only=True, output_loading_info=True)
    refuse_incomplete(notes)


def _renamed(parts: Parts) -> dict[str, Tensor]:
    stock = Stock(parts.tensors)
    made = {f"vision_tower.{name}": tensor for name, tensor in parts.tower.tensors.items()}
    for number, name in ((0, "linear_1"), (2, "linear_2")):
        for end in ("weight", "bias"):
            made[f"multi_modal_projector.{name}.{end}"] = stock.take(f"model.mm_projector.{number}.{end}")
    head = stock.take("lm_head.weight") if stock.has("lm_head.") else None
    made |= stock.under("model.", lambda name: f"language_model.model.{name}")
    stock.close()
    embedded = made.get("language_model.model.embed_tokens.weight")
    if embedded is None:
        raise CheckpointRefused("the tensor 'model.embed_tokens.weight' is missing")
    return made | {"language_model.lm_head.weight": embedded if head is None else head}


def _with_row(tensors: dict[str, Tensor], image: int) -> int:
    """Give the image's token rows of its own where there are none; how many there are then.

    They are the mean of all others. So is then its score, and no token of the mean's score is ever the likeliest.
    """
    import torch

    rows = 0
    for name in ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight"):
        table = tensors[name]
        more = image + 1 - len(table)
        if more > 0:
            mean = table.float().mean(0, keepdim=True).to(table.dtype)
            tensors[name] = table = torch.cat((table, mean.expand(more, -1)))
        rows = len(table)
    return rows


def _config(parts: Parts, image: int, rows: int) -> dict[str, Any]:
    named = parts.config.get("model_type")
    if named not in _TEXT_MODELS:
        raise CheckpointRefused(f"its language model is none of {', '.join(sorted(set(_TEXT_MODELS.values())))}")
    text = {name: value for name, value in parts.config.items() if not name.startswith(_MORE_THAN_TEXT)}
    return {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "text_config": text | {"model_type": _TEXT_MODELS[named], "vocab_size": rows, "tie_word_embeddings": False},
        "vision_config": dict(parts.tower.network),
        "image_token_index": image,
        "projector_hidden_act": "gelu",
        "vision_feature_layer": parts.config.get("mm_vision_select_layer", -2),
        "vision_feature_select_strategy": _strategy(parts),
        "tie_word_embeddings": False,
    }


def _strategy(parts: Parts) -> str:
    """Whether the tower's class token is shown beside the patches."""
    strategies = {"patch": "default", "cls_patch": "full"}
    named = parts.config.get("mm_vision_select_feature", "patch")
    if named not in strategies:
        raise CheckpointRefused("it takes neither the patches of its tower nor all its tokens")
    return strategies[named]


def _tokenizer(folder: Path) -> Any:
    from tokenizers import AddedToken
    from transformers import AutoTokenizer

    try:
        with silenced():
            made = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError) as error:
        raise CheckpointRefused(
            "its tokenizer cannot be read: one in tokenizer.json can, one in tokenizer.model needs sentencepiece"
        ) from error
    if IMAGE not in made.get_vocab():
        made.add_tokens([AddedToken(IMAGE, special=True, normalized=False)], special_tokens=True)
    if made.pad_token is None:
        made.pad_token = made.unk_token or made.eos_token
    return made


def _processor(parts: Parts, tokenizer: Any) -> Any:
    from transformers import CLIPImageProcessorPil, LlavaProcessor
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    told = _sized(parts.tower.pictures)
    pictures = LlavaImageProcessorPil(do_pad=True, **told) if parts.pads else CLIPImageProcessorPil(**told)
    return LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=parts.tower.patch,
        vision_feature_select_strategy=_strategy(parts),
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=_template(parts),
    )


def _sized(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of pictures, whose sizes older files give as one number."""
    size, crop = pictures.get("size"), pictures.get("crop_size")
    sizes = {"size": {"shortest_edge": size} if isinstance(size, int) else size}
    sizes |= {"crop_size": {"height": crop, "width": crop} if isinstance(crop, int) else crop}
    return {**pictures, **{name: value for name, value in sizes.items() if value is not None}}


def _template(parts: Parts) -> str:
    image = f"<im_start>{IMAGE}<im_end>" if parts.config.get("mm_use_im_start_end") else IMAGE
    return _TURN % {**_WAYS[parts.way], "image": image}

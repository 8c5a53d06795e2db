"""Tiny random checkpoints of generative models, saved whole in the layout each family is published in.

Test files cannot import each other: tests/tools/med_vlm/conftest.py loads this by its path and binds the fixture `tiny`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SIDE, PATCH = 28, 14
"""Pixels of an image and of a patch: two by two patches, which one image of every family but the tiled ones becomes."""
PROSE = (
    "Is there a pleural effusion? Answer with yes or no. Is there a pneumothorax? Is there consolidation in the left lung?",
    "Describe the findings and give an impression. The heart is enlarged. No pleural effusion or pneumothorax. The lungs are clear.",
    "You are a radiologist who reads chest radiographs. yes no Yes No present absent uncertain findings impression",
)
TURNS = (
    "{%% for message in messages %%}%s{%% for part in message['content'] %%}{%% if part['type'] == 'image' %%}%s{%% else %%}"
    "{{ part['text'] }}{%% endif %%}{%% endfor %%}%s{%% endfor %%}{%% if add_generation_prompt %%}%s{%% endif %%}"
)
"""A chat template: how a turn begins, an image's place, how a turn ends, how the model's own turn begins."""

Save = Callable[[Path], None]


def tokenizer_of(specials: Sequence[str], *, start: str | None, end: str, pad: str, extra: dict[str, str] | None = None) -> Any:
    """A byte-level BPE that spells any text: 400 pieces and the special ones, which come first."""
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator(PROSE, trainer)
    if start:
        raw.post_processor = processors.TemplateProcessing(single=f"{start} $A", special_tokens=[(start, raw.token_to_id(start))])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=start,
        eos_token=end,
        pad_token=pad,
        additional_special_tokens=list(specials),
        extra_special_tokens=extra or {},
        padding_side="left",
    )


def ends(tokenizer: Any) -> dict[str, int]:
    """The numbers of the tokens that begin, end and fill a text."""
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def text_sizes(tokenizer: Any, **more: Any) -> dict[str, Any]:
    """A decoder of two layers."""
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    return {"vocab_size": len(tokenizer), "max_position_embeddings": 4096, **sizes, **ends(tokenizer), **more}


def vision_sizes(**more: Any) -> dict[str, Any]:
    """A vision transformer of two layers."""
    return {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": PATCH,
        **more,
    }


def save(folder: Path, model: Any, processor: Any) -> None:
    """Model and processor in one folder, the weights as safetensors."""
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


LLAVA_TURNS = TURNS % ("{{ message['role'].upper() }}: ", "<image>\n", " ", "ASSISTANT:")


def save_llava(folder: Path) -> None:
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = tokenizer_of(["<unk>", "<s>", "</s>", "<pad>", "<image>"], start="<s>", end="</s>", pad="<pad>")
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision_sizes()), text_config=LlamaConfig(**text_sizes(tokenizer)), image_token_index=image
    )
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    how = {"patch_size": PATCH, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    processor = LlavaProcessor(CLIPImageProcessorPil(**sizes), tokenizer, chat_template=LLAVA_TURNS, **how)
    save(folder, LlavaForConditionalGeneration(config), processor)


def save_llava_next(folder: Path) -> None:
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
    )

    tokenizer = tokenizer_of(["<unk>", "<s>", "</s>", "<pad>", "<image>"], start="<s>", end="</s>", pad="<pad>")
    grids = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**vision_sizes()),
        text_config=LlamaConfig(**text_sizes(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grids,
    )
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}, "image_grid_pinpoints": grids}
    how = {"patch_size": PATCH, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    processor = LlavaNextProcessor(LlavaNextImageProcessorPil(**sizes), tokenizer, chat_template=LLAVA_TURNS, **how)
    save(folder, LlavaNextForConditionalGeneration(config), processor)


def save_gemma3(folder: Path) -> None:
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
        Gemma3TextConfig,
        SiglipVisionConfig,
    )

    names = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", *names.values()]
    tokenizer = tokenizer_of(specials, start="<bos>", end="<eos>", pad="<pad>", extra=names)
    number = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    text = Gemma3TextConfig(**text_sizes(tokenizer, head_dim=16, sliding_window=16))
    config = Gemma3Config(
        text_config=text,
        vision_config=SiglipVisionConfig(**vision_sizes()),
        mm_tokens_per_image=4,
        boi_token_index=number["boi_token"],
        eoi_token_index=number["eoi_token"],
        image_token_index=number["image_token"],
        eos_token_id=[tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")],
    )
    role = "{{ 'model' if message['role'] == 'assistant' else 'user' }}"
    turns = "{{ bos_token }}" + TURNS % (f"<start_of_turn>{role}\n", "<start_of_image>", "<end_of_turn>\n", "<start_of_turn>model\n")
    pictures = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    model = Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.3)  # starts at zero: blind
    save(folder, model, Gemma3Processor(pictures, tokenizer, turns, image_seq_length=4))


def save_idefics3(folder: Path) -> None:
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        LlamaConfig,
    )

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    specials = ["<unk>", "<|im_start|>", "<end_of_utterance>", "<pad>", "<image>", "<fake_token_around_image>", "<global-img>", *tiles]
    tokenizer = tokenizer_of(specials, start="<|im_start|>", end="<end_of_utterance>", pad="<pad>")
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_config=vision_sizes(),
        text_config=LlamaConfig(**text_sizes(tokenizer)),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    turns = "<|im_start|>" + TURNS % ("{{ message['role'].capitalize() }}: ", "<image>", "<end_of_utterance>\n", "Assistant:")
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    save(folder, Idefics3ForConditionalGeneration(config), Idefics3Processor(pictures, tokenizer, 1, turns))


def save_paligemma(folder: Path) -> None:
    from transformers import (
        GemmaConfig,
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
        SiglipVisionConfig,
    )

    tokenizer = tokenizer_of(["<pad>", "<eos>", "<bos>", "<unk>", "<image>"], start="<bos>", end="<eos>", pad="<pad>")
    pictures = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    pictures.image_seq_length = 4
    turns = TURNS % ("", "<image>", "", "")
    processor = PaliGemmaProcessor(pictures, tokenizer, turns)
    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**vision_sizes(projection_dim=32)),
        text_config=GemmaConfig(**text_sizes(processor.tokenizer, head_dim=16)),
        image_token_index=processor.image_token_id,
        projection_dim=32,
        hidden_size=32,
    )
    save(folder, PaliGemmaForConditionalGeneration(config), processor)


def save_blip2(folder: Path) -> None:
    from transformers import OPTConfig

    sizes = {"hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "word_embed_proj_dim": 32}
    save_blip2_around(
        folder, lambda tokenizer, words: OPTConfig(vocab_size=words, max_position_embeddings=1024, **sizes, **ends(tokenizer))
    )


def save_blip2_t5(folder: Path) -> None:
    from transformers import T5Config

    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
    save_blip2_around(folder, lambda tokenizer, words: T5Config(vocab_size=words, **sizes, **ends(tokenizer)))


def save_blip2_around(folder: Path, text: Callable[[Any, int], Any]) -> None:
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessorPil,
    )

    tokenizer = tokenizer_of(["<pad>", "</s>", "<unk>", "<image>"], start="</s>", end="</s>", pad="<pad>")
    processor = Blip2Processor(BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}), tokenizer, num_query_tokens=4)
    queries = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 8}
    config = Blip2Config(
        vision_config=Blip2VisionConfig(**vision_sizes(initializer_range=0.02)),
        qformer_config=Blip2QFormerConfig(**queries, max_position_embeddings=8),
        text_config=text(tokenizer, len(processor.tokenizer)),
        num_query_tokens=4,
        image_token_index=processor.tokenizer.convert_tokens_to_ids("<image>"),
    )
    save(folder, Blip2ForConditionalGeneration(config), processor)


QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN_TURNS = TURNS % (
    "<|im_start|>{{ message['role'] }}\n",
    "<|vision_start|><|image_pad|><|vision_end|>",
    "<|im_end|>\n",
    "<|im_start|>assistant\n",
)
QWEN_VIDEO = {"video_processor_type": "Qwen2VLVideoProcessor", "patch_size": PATCH, "temporal_patch_size": 2, "merge_size": 2}


def save_qwen(folder: Path, family: str, model: Callable[[Any, dict[str, int]], Any], patch: int = PATCH) -> None:
    """As Qwen's models are published: settings of pictures and of videos in files of their own, the processor named among the former.

    Written without the processor's class, which cannot be made without torchvision.
    """
    from transformers import Qwen2VLImageProcessorPil

    tokenizer = tokenizer_of(QWEN, start=None, end="<|im_end|>", pad="<|endoftext|>")
    names = {"image_token_id": QWEN[5], "video_token_id": QWEN[6], "vision_start_token_id": QWEN[3], "vision_end_token_id": QWEN[4]}
    made = model(tokenizer, {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()})
    made.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    made.generation_config.pad_token_id = tokenizer.pad_token_id
    made.save_pretrained(folder)
    tokenizer.chat_template = QWEN_TURNS
    tokenizer.save_pretrained(folder)
    smallest, largest = (2 * patch) ** 2, 4 * (2 * patch) ** 2
    pictures = Qwen2VLImageProcessorPil(patch_size=patch).to_dict()
    pictures |= {"processor_class": f"{family}Processor"}
    if family == "Qwen3VL":
        size = {"shortest_edge": smallest, "longest_edge": largest}
        pictures |= {"image_processor_type": "Qwen2VLImageProcessorFast", "size": size}
    else:
        del pictures["size"]
        pictures |= {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": smallest, "max_pixels": largest}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))
    (folder / "video_preprocessor_config.json").write_text(json.dumps(QWEN_VIDEO | {"processor_class": f"{family}Processor"}))


def save_qwen2_vl(folder: Path) -> None:
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    def make(tokenizer: Any, places: dict[str, int]) -> Any:
        text = text_sizes(tokenizer, rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
        vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": PATCH}
        return Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=text, vision_config=vision, **places))

    save_qwen(folder, "Qwen2VL", make)


def save_qwen2_5_vl(folder: Path) -> None:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    def make(tokenizer: Any, places: dict[str, int]) -> Any:
        text = text_sizes(tokenizer, rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
        vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32, "patch_size": PATCH}
        vision |= {"window_size": 56, "fullatt_block_indexes": [1]}
        return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision, **places))

    save_qwen(folder, "Qwen2_5_VL", make)


def save_qwen3_vl(folder: Path) -> None:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    def make(tokenizer: Any, places: dict[str, int]) -> Any:
        turning = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
        text = text_sizes(tokenizer, head_dim=16, rope_parameters=turning)
        vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32, "patch_size": 16}
        vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
        return Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision, **places))

    save_qwen(folder, "Qwen3VL", make, patch=16)


BUILDERS: dict[str, Save] = {
    "llava": save_llava,
    "llava-next": save_llava_next,
    "gemma3": save_gemma3,
    "idefics3": save_idefics3,
    "paligemma": save_paligemma,
    "blip2": save_blip2,
    "blip2-t5": save_blip2_t5,
    "qwen2-vl": save_qwen2_vl,
    "qwen2.5-vl": save_qwen2_5_vl,
    "qwen3-vl": save_qwen3_vl,
}


def build(name: str, folder: Path) -> Path:
    """Write the tiny checkpoint of a family into a folder, the same bytes each time, and give the folder back."""
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(7)
        BUILDERS[name](folder)
    finally:
        torch.random.set_rng_state(state)
    return folder

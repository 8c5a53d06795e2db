"""How fast a vision-language model of MedGemma 4B's shape answers through transformers, with random weights, and how near the bound.

    python -m bench.gpu.reader [--out FOLDER]

No weights are fetched: speed does not depend on their values. One step of decoding reads every weight of the language model
once, so its floor is those bytes over the memory's bandwidth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from bench.gpu.ceilings import bandwidth, card

PROMPT = 96
NEW = 128
IMAGE_TOKENS = 256


def model() -> Any:
    """A Gemma 3 of 4B's shape (SigLIP 896 px, 34 layers of 2,560) with random weights in bfloat16."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
        "sliding_window": 1024,
        "max_position_embeddings": 131072,
    }
    vision = {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 896,
        "patch_size": 14,
    }
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=IMAGE_TOKENS)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        made = Gemma3ForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    return made.eval()


def question(made: Any, batch: int) -> dict[str, torch.Tensor]:
    """One image and a question of 96 tokens, `batch` times."""
    image = made.config.image_token_id
    text = torch.randint(1000, 200_000, (batch, PROMPT), device="cuda")
    tokens = torch.cat((text[:, :8], torch.full((batch, IMAGE_TOKENS), image, device="cuda"), text[:, 8:]), 1)
    pixels = torch.randn(batch, 3, 896, 896, device="cuda", dtype=torch.bfloat16)
    kinds = (tokens == image).long()
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "pixel_values": pixels, "token_type_ids": kinds}


def timed(made: Any, batch: int, new: int, **how: Any) -> float:
    """Median seconds of an answer of `new` tokens."""
    asked = question(made, batch)
    taken = []
    for _ in range(4):
        torch.cuda.synchronize()
        began = time.perf_counter()
        with torch.inference_mode():
            made.generate(**asked, max_new_tokens=new, min_new_tokens=new, do_sample=False, **how)
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def main() -> None:
    """Measure, and write reader.json."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--out", type=Path, default=Path())
    given = asked.parse_args()
    rate, made = bandwidth(), model()
    decoder = sum(p.numel() * p.element_size() for n, p in made.named_parameters() if "vision" not in n and "projector" not in n)
    floor = decoder / rate
    found: dict[str, Any] = {
        "card": card(),
        "bandwidth": rate,
        "parameters": sum(p.numel() for p in made.parameters()),
        "decoder_bytes": decoder,
    }
    for name, how in (("eager", {}), ("static cache, compiled", {"cache_implementation": "static"})):
        for batch in (1, 16):
            first, whole = timed(made, batch, 1, **how), timed(made, batch, NEW, **how)
            step = (whole - first) / (NEW - 1)
            said = {"first_token_s": first, "step_ms": step * 1000, "tokens_per_s": batch / step, "of_bound": floor / step}
            found[f"{name}, batch {batch}"] = said
            print(name, batch, json.dumps(said), flush=True)
            (given.out / "reader.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""VividMed's adapter, merged as PEFT itself merges it; what has no place in the base is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tools.med_vlm.backends.composed.vividmed import ADDED_TOKENS, adapter_settings, merged_adapter
from tools.med_vlm.errors import CheckpointRefused

SIZES = {"num_hidden_layers": 2, "vocab_size": 12}
WIDTH, ROWS = 8, SIZES["vocab_size"] + len(ADDED_TOKENS)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.vision_expert_query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.language_expert_query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.input_layernorm = nn.LayerNorm(WIDTH, bias=False)


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(ROWS, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(SIZES["num_hidden_layers"])])


class Tiny(nn.Module):
    """The names of a CogVLM with VividMed's additions, two layers of width 8."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Inner()
        self.vg_proj = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 4))
        self.sam = nn.ModuleDict({"mask_decoder": nn.Linear(4, 4)})

    def forward(self, tokens: Tensor) -> Tensor:
        seen: Tensor = self.model.embed_tokens(tokens)
        for layer in self.model.layers:
            seen = layer.input_layernorm(seen + layer.self_attn.vision_expert_query_key_value(seen)[..., :WIDTH])
        out: Tensor = self.sam["mask_decoder"](self.vg_proj(seen))
        return out


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor], dict[str, Tensor]]:
    """An adapter as PEFT writes it under VividMed's settings (rsLoRA); the base's tensors; and what PEFT merges."""
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = Tiny()
        base = {name: each.clone() for name, each in model.state_dict().items() if name.startswith("model.")}
        linear = [f"model.layers.{layer}.self_attn.vision_expert_query_key_value" for layer in range(2)]
        config = LoraConfig(
            r=4,
            lora_alpha=8,
            lora_dropout=0.05,
            use_rslora=True,
            target_modules=[*linear, "model.embed_tokens"],
            modules_to_save=["model.layers.0.input_layernorm", "vg_proj.0", "vg_proj.2", "sam.mask_decoder"],
        )
        adapted = get_peft_model(model, config)
        for name, each in adapted.named_parameters():
            if each.requires_grad:
                each.data = torch.randn_like(each) if "lora_" in name else each.data + torch.randn_like(each)
        folder = tmp_path_factory.mktemp("stage2") / "adapter"
        adapted.save_pretrained(str(folder), save_embedding_layers=False)
        merged = {name: each.clone() for name, each in adapted.merge_and_unload().state_dict().items()}
    return folder, base, merged


def copied(released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], folder: Path) -> tuple[Path, dict[str, Tensor]]:
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (folder / name).write_bytes((released[0] / name).read_bytes())
    return folder, released[1]


def test_the_merged_tensors_are_those_that_peft_merges(released: tuple[Path, dict[str, Tensor], dict[str, Tensor]]) -> None:
    folder, base, expected = released
    before = {name: each.clone() for name, each in base.items()}
    merged = merged_adapter(folder, base, SIZES)
    assert set(merged) == set(expected)
    for name, each in expected.items():
        torch.testing.assert_close(merged[name], each, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(base[name], before[name]) for name in before)


def test_an_update_is_scaled_by_the_root_of_the_rank(released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path) -> None:
    folder, base = copied(released, tmp_path)
    assert adapter_settings(folder).scale == 8 / 2
    said = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(said | {"use_rslora": False}))
    assert adapter_settings(folder).scale == 8 / 4
    name = "model.layers.1.self_attn.vision_expert_query_key_value.weight"
    halved = merged_adapter(folder, base, SIZES)[name] - base[name]
    torch.testing.assert_close(2 * halved, released[2][name] - base[name], atol=1e-4, rtol=1e-4)


def test_the_published_rank_and_alpha_leave_an_update_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 64, "lora_alpha": 8, "use_rslora": True}))
    assert adapter_settings(tmp_path).scale == 1


def test_a_bare_parameter_of_the_base_is_found_under_its_wrapped_name(
    released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path
) -> None:
    folder, base = copied(released, tmp_path)
    patches = "model.vision.patch_embedding"
    base = base | {f"{patches}.cls_embedding": torch.zeros(1, 4), f"{patches}.position_embedding.weight": torch.zeros(10, 4)}
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors |= {f"base_model.model.{patches}.cls_embedding.weight": torch.ones(1, 4)}
    tensors |= {f"base_model.model.{patches}.position_embedding.weight": torch.ones(1, 4, 8, 3, 3)}
    save_file(tensors, folder / "adapter_model.safetensors")
    merged = merged_adapter(folder, base, SIZES)
    assert torch.equal(merged[f"{patches}.cls_embedding"], torch.ones(1, 4))
    assert f"{patches}.cls_embedding.weight" not in merged
    assert merged[f"{patches}.position_embedding.weight"].shape == (1, 4, 8, 3, 3)


def test_the_vocabulary_may_grow_by_the_added_tokens_and_by_no_other_number(
    released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path
) -> None:
    folder, base = copied(released, tmp_path)
    small = base | {"model.embed_tokens.weight": base["model.embed_tokens.weight"][: SIZES["vocab_size"]]}
    with pytest.raises(CheckpointRefused):
        merged_adapter(folder, small, SIZES)  # an update of rows that nobody has
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors["base_model.model.model.embed_tokens.base_layer.weight"] = base["model.embed_tokens.weight"].clone()
    save_file(tensors, folder / "adapter_model.safetensors")
    torch.testing.assert_close(
        merged_adapter(folder, small, SIZES)["model.embed_tokens.weight"], released[2]["model.embed_tokens.weight"], atol=1e-5, rtol=1e-5
    )
    with pytest.raises(CheckpointRefused):
        merged_adapter(folder, small, SIZES | {"vocab_size": 11})


PREFIX = "base_model.model."
QKV = f"{PREFIX}model.layers.0.self_attn.vision_expert_query_key_value"
CHANGED: list[tuple[str, Callable[[dict[str, Tensor]], object]]] = [
    ("half a pair", lambda each: each.pop(f"{QKV}.lora_B.weight")),
    ("the other half", lambda each: each.pop(f"{QKV}.lora_A.weight")),
    ("halves that do not fit", lambda each: each.update({f"{QKV}.lora_B.weight": torch.zeros(24, 3)})),
    ("another width", lambda each: each.update({f"{QKV}.lora_A.weight": torch.zeros(4, 9)})),
    ("no number of two axes", lambda each: each.update({f"{QKV}.lora_A.weight": torch.zeros(4)})),
    (
        "a module that the base has not",
        lambda each: each.update({f"{PREFIX}model.head.lora_{half}.weight": torch.zeros(4, 4) for half in "AB"}),
    ),
    ("a tensor that the base has not", lambda each: each.update({f"{PREFIX}model.layers.0.extra.weight": torch.zeros(8)})),
    ("a layer that the base has not", lambda each: each.update({f"{PREFIX}model.layers.2.input_layernorm.weight": torch.zeros(8)})),
    ("a norm of another width", lambda each: each.update({f"{PREFIX}model.layers.0.input_layernorm.weight": torch.zeros(9)})),
    ("a name from elsewhere", lambda each: each.update({"lm_head.weight": torch.zeros(8)})),
]


@pytest.mark.fault(68)
@pytest.mark.parametrize("change", [each[1] for each in CHANGED], ids=[each[0] for each in CHANGED])
def test_what_has_no_place_in_the_base_is_refused(
    released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path, change: Callable[[dict[str, Tensor]], object]
) -> None:
    folder, base = copied(released, tmp_path)
    tensors = load_file(folder / "adapter_model.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(CheckpointRefused):
        merged_adapter(folder, base, SIZES)


@pytest.mark.parametrize(
    "said",
    [
        {"peft_type": "IA3"},
        {"use_dora": True},
        {"bias": "all"},
        {"rank_pattern": {"q": 2}},
        {"alpha_pattern": {"q": 2}},
        {"fan_in_fan_out": True},
        {"r": 0},
        {"lora_alpha": "much"},
        {"layer_replication": [[0, 1]]},
    ],
)
def test_an_adapter_of_another_kind_is_refused(
    released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path, said: dict[str, Any]
) -> None:
    folder, base = copied(released, tmp_path)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | said))
    with pytest.raises(CheckpointRefused):
        merged_adapter(folder, base, SIZES)


@pytest.mark.fault(118)
def test_an_adapter_that_is_a_pickle_is_not_read(released: tuple[Path, dict[str, Tensor], dict[str, Tensor]], tmp_path: Path) -> None:
    folder, base = copied(released, tmp_path)
    tensors = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(tensors, folder / "adapter_model.bin")
    with pytest.raises(CheckpointRefused, match="no safetensors"):
        merged_adapter(folder, base, SIZES)


def test_sizes_without_layers_bound_nothing_and_are_refused(released: tuple[Path, dict[str, Tensor], dict[str, Tensor]]) -> None:
    with pytest.raises(CheckpointRefused):
        merged_adapter(released[0], released[1], {"vocab_size": 12})

"""Adapters of low rank: the loss falls, nothing but the adapter moves, and what is merged says what the adapter says."""

from __future__ import annotations

import builtins
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from retrieval.errors import ExtraMissing
from tools.med_vlm.adapting.loading import source_of
from tools.med_vlm.adapting.lora.adapter import LoraPlan, adapt, open_adapted, refuse_foresight
from tools.med_vlm.adapting.lora.chat import Task
from tools.med_vlm.adapting.progress import Progress
from tools.med_vlm.adapting.training.adapted import Adapted
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.local.network import load_network
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.errors import TrainingBaseRefused, TrainingDataRefused

Tiny = Callable[..., Path]
ADAPTER = "adapter_model.safetensors"
PIXELS = np.random.default_rng(1).random((40, 40)).astype(np.float32)
TASK = Task(0, "", "Is there a pleural effusion?", "yes")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight cases of four persons with short reports."""
    from PIL import Image as Pictures

    folder = tmp_path_factory.mktemp("few")
    lines = []
    for number in range(8):
        Pictures.fromarray(np.random.default_rng(number).integers(0, 255, (40, 40)).astype(np.uint8)).save(folder / f"{number}.png")
        person = {"key": f"k{number}", "person": f"A|{number // 2 + 16}", "study": f"s{number}", "as_of": "2020-01-01", "modality": "CR"}
        rest = {"view": "PA", "age": 50, "sex": "male", "report": ("Cardiomegaly.", "No effusion.")[number % 2], "image": f"{number}.png"}
        lines.append(json.dumps({**person, **rest, "consent": "yes", "licence": "CC0-1.0"}))
    (folder / "cases.jsonl").write_text("\n".join(lines))
    return folder


def plan_of(base: Path, **changes: object) -> LoraPlan:
    told = LoraPlan(base=str(base), rank=4, questions=0, epochs=2, batch=2, share=2, peak=2e-2, held_out=0.0, device="cpu", seed=5)
    return dataclasses.replace(told, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.fixture(scope="module")
def run(tiny: Tiny, few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapted]:
    """A tiny Gemma 3 with an adapter, merged as well."""
    folder = tmp_path_factory.mktemp("lora") / "run"
    return folder, adapt(plan_of(tiny("gemma3"), merge=True), few, folder)


def test_the_loss_falls(run: tuple[Path, Adapted]) -> None:
    assert run[1].losses[-1] < 0.99 * run[1].losses[0]
    assert set(run[1].files) == {"adapter_config.json", ADAPTER}


def test_nothing_but_the_adapter_is_saved_and_it_has_moved(run: tuple[Path, Adapted], tiny: Tiny) -> None:
    tensors = load_file(run[0] / "model" / ADAPTER)
    assert all(".lora_A." in name or ".lora_B." in name for name in tensors)
    assert not any("vision" in name for name in tensors)
    fresh, _ = open_adapted(plan_of(tiny("gemma3")), source_of(str(tiny("gemma3"))))
    before = {name.replace(".default", ""): tensor for name, tensor in fresh.state_dict().items() if "lora_" in name}
    assert before.keys() == tensors.keys()
    assert not any(torch.equal(before[name], tensors[name]) for name in tensors)


def test_training_leaves_every_weight_of_the_base_bit_identical(
    tiny: Tiny, few: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Any] = []

    def watched(plan: LoraPlan, source: Any) -> Any:
        made.append(open_adapted(plan, source))
        return made[0]

    monkeypatch.setattr("tools.med_vlm.adapting.lora.adapter.open_adapted", watched)
    adapt(plan_of(tiny("llava"), epochs=1), few, tmp_path / "run")
    base = load_network(tiny("llava"), "cpu").state_dict()
    after = {
        name.removeprefix("base_model.model.").replace(".base_layer", ""): tensor
        for name, tensor in made[0][0].state_dict().items()
        if "lora_" not in name
    }
    assert after.keys() == base.keys()
    assert [name for name in base if not torch.equal(base[name], after[name])] == []


def logits(network: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        said: torch.Tensor = network.eval()(**batch).logits
    return said


def test_the_adapter_reloads_and_the_merged_model_says_the_same(run: tuple[Path, Adapted], tiny: Tiny) -> None:
    import warnings

    import peft

    fresh, chat = open_adapted(plan_of(tiny("gemma3")), source_of(str(tiny("gemma3"))))
    batch, _ = chat.batch([TASK], [to_pil(Image(PIXELS))])
    untrained = logits(fresh, batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's own, as where it is made
        reloaded = peft.PeftModel.from_pretrained(load_network(tiny("gemma3"), "cpu"), str(run[0] / "model"))
    said = logits(reloaded, batch)
    merged = logits(load_network(run[0] / "merged", "cpu"), batch)
    assert torch.allclose(said, merged, atol=1e-5)
    assert float((said - untrained).abs().max()) > 1e-3


def test_the_merged_model_is_opened_as_a_reader(run: tuple[Path, Adapted]) -> None:
    from tools.med_vlm.asked import asked_of
    from tools.med_vlm.asking.questions import question
    from tools.med_vlm.backends.local import open_local
    from tools.med_vlm.identity import pins
    from tools.med_vlm.spec import ModelSpec

    folder = run[0] / "merged"
    spec = ModelSpec(name="site", backend="transformers", source=str(folder), licence="MIT", files=pins(folder), device="cpu")
    (answered,) = open_local(spec).choose(asked_of(PIXELS), [question("cardiomegaly")])
    assert sum(answered.probabilities.values()) == pytest.approx(1)


def test_the_base_is_named_and_not_its_path(run: tuple[Path, Adapted], tiny: Tiny) -> None:
    told = (run[0] / "model" / "adapter_config.json").read_text() + (run[0] / "adapted.json").read_text()
    assert json.loads((run[0] / "model" / "adapter_config.json").read_text())["base_model_name_or_path"] == tiny("gemma3").name
    assert str(tiny("gemma3").parent) not in told


def test_a_killed_training_ends_with_the_same_bytes(
    run: tuple[Path, Adapted], tiny: Tiny, few: Path, tmp_path: Path, killer: Callable[[int], Callable[[Progress], None]]
) -> None:
    plan = plan_of(tiny("gemma3"), save_every=1)
    with pytest.raises(KeyboardInterrupt):
        adapt(plan, few, tmp_path / "killed", killer(3))
    assert adapt(plan, few, tmp_path / "killed").files == run[1].files


class Blind:
    """A chat that does not tell a model what of a text is the answer."""

    def __init__(self, chat: Any) -> None:
        self._chat = chat

    def batch(self, tasks: Any, pictures: Any) -> Any:
        batch, labels = self._chat.batch(tasks, pictures)
        return {**batch, "token_type_ids": torch.zeros_like(batch["token_type_ids"])}, labels


def test_a_model_that_sees_its_answer_before_it_gives_it_is_refused(tiny: Tiny) -> None:
    model, chat = open_adapted(plan_of(tiny("paligemma")), source_of(str(tiny("paligemma"))))
    with pytest.raises(TrainingBaseRefused, match="before it gives it"):
        refuse_foresight(model, Blind(chat))  # type: ignore[arg-type]  # as much of a chat as is asked for


def test_a_model_that_writes_apart_from_what_it_reads_is_refused(tiny: Tiny) -> None:
    with pytest.raises(TrainingBaseRefused, match="decoder"):
        open_adapted(plan_of(tiny("blip2-t5")), source_of(str(tiny("blip2-t5"))))


@pytest.mark.parametrize("kind", ["llava", "idefics3", "qwen2.5-vl", "blip2"])
def test_every_family_that_goes_on_with_one_text_takes_an_adapter(kind: str, tiny: Tiny) -> None:
    model, _ = open_adapted(plan_of(tiny(kind)), source_of(str(tiny(kind))))
    assert {name.split(".lora_")[1][0] for name, each in model.named_parameters() if each.requires_grad} == {"A", "B"}


def test_answers_that_are_too_long_are_left_out(tiny: Tiny, few: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataRefused, match="0 examples"):
        adapt(plan_of(tiny("gemma3"), longest=1), few, tmp_path / "run")


def test_a_model_without_such_layers_is_refused(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.med_vlm.adapting.lora.adapter.LANGUAGE", "nothing")
    with pytest.raises(TrainingBaseRefused, match="no layers"):
        open_adapted(plan_of(tiny("gemma3")), source_of(str(tiny("gemma3"))))


def test_without_peft_it_says_what_to_install(tiny: Tiny, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, globals_: Any = None, locals_: Any = None, names: Sequence[str] = (), level: int = 0) -> Any:
        if name == "peft":
            raise ImportError(name)
        return real(name, globals_, locals_, names, level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtraMissing, match=r"sidenote\[training\]"):
        adapt(plan_of(tiny("gemma3")), few, tmp_path / "run")

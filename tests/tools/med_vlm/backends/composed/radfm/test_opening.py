"""RadFM's whole checkpoint: what is used, what may be left, and that pictures are looked up behind the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.backends.composed.llama import tokenizer_of
from tools.med_vlm.backends.composed.radfm.opening import RadFM, open_radfm, radfm, volume
from tools.med_vlm.checkpoint import settings, stock_of
from tools.med_vlm.conversion import convert
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

Spec = Callable[..., ModelSpec]

ASKED = Question("effusion", "Is there a pleural effusion?", ("yes", "no"), ("effusion", "no effusion"))


def image(seed: int, rows: int = 40, columns: int = 30) -> Image:
    return Image(np.random.default_rng(seed).random((rows, columns), dtype=np.float32))


def composed(spec: ModelSpec) -> RadFM:
    base = Path(str(spec.base))
    return radfm(stock_of(Path(spec.source)), settings(base), tokenizer_of(base), spec)


def test_a_flat_picture_becomes_512_by_512_by_4() -> None:
    pixels = np.zeros((8, 16), np.float32)
    pixels[:, 8:] = 1
    made = volume(Image(pixels))
    assert made.shape == (3, 512, 512, 4)
    assert made.dtype == torch.float32
    assert all(torch.equal(made[..., 0], made[..., depth]) for depth in range(4))
    assert float(made[:, :, :200].max()) == 0  # columns run across: dark left of the middle, bright right of it
    assert float(made[:, :, 312:].min()) == 1


@torch.no_grad()
def test_pictures_are_rows_behind_the_vocabulary_that_tokens_look_up(radfm_spec: Spec) -> None:
    """The authors' own way: one hot vector a token, times [vocabulary; `<image>`, `</image>`; the pictures' rows]."""
    spec = radfm_spec(most_images=2)
    made = composed(spec)
    asked = Asked((image(1), image(2), image(3)))
    tensors = load_file(Path(spec.source) / "model.safetensors")
    vocabulary = tensors["embedding_layer.weight"]
    rows = made.look(asked)
    assert rows.shape == (2, 4, 32)
    table = torch.cat([vocabulary, tensors["embedding_layer.figure_token_weight"], rows.flatten(0, 1)])
    count = len(vocabulary)
    begin, end, first = count, count + 1, count + 2
    question = made.speech.tokenizer(ASKED.text, add_special_tokens=False)["input_ids"]
    tokens = [1, begin, *range(first, first + 4), end, begin, *range(first + 4, first + 8), end, *question]
    expected = torch.nn.functional.one_hot(torch.tensor(tokens), len(table)).float() @ table
    opening, (asking,) = made.ask(asked, [ASKED])
    torch.testing.assert_close(torch.cat([opening, asking.rows]), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_rows_of_a_picture_are_tower_then_perceiver_then_a_linear_layer(radfm_spec: Spec) -> None:
    from tools.med_vlm.backends.composed.filling import filled
    from tools.med_vlm.backends.composed.radfm.perceiver import perceiver_of
    from tools.med_vlm.backends.composed.radfm.vision import vision_of

    spec = radfm_spec()
    tensors = load_file(Path(spec.source) / "model.safetensors")

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}

    eyes, mind = part("embedding_layer.vision_encoder."), part("embedding_layer.perceiver.")
    seen = filled(vision_of(eyes), eyes, torch.float32)(volume(image(4))[None])
    latents = filled(perceiver_of(mind), mind, torch.float32)(seen)
    expected = latents @ tensors["embedding_layer.fc.weight"].T + tensors["embedding_layer.fc.bias"]
    torch.testing.assert_close(composed(spec).look(Asked((image(4),))), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_it_weighs_answers_as_its_llama_does_without_any_memory(radfm_spec: Spec) -> None:
    spec = radfm_spec()
    made = composed(spec)
    asked = Asked((image(5),))
    opening, (asking,) = made.ask(asked, [ASKED])
    weights = []
    for answer in ASKED.answers:
        words = made.speech.tokens(answer)
        given = torch.cat([opening, asking.rows, made.speech.rows(words)])
        logits = made.speech.model(inputs_embeds=given[None]).logits[0].log_softmax(-1)
        weights.append(sum(float(logits[len(given) - len(words) + at - 1, word]) for at, word in enumerate(words)))
    (answered,) = open_radfm(spec).choose(asked, [ASKED])
    assert list(answered.probabilities.values()) == pytest.approx(torch.tensor(weights).softmax(0).tolist(), abs=1e-5)


@torch.no_grad()
def test_the_prior_is_shown_last_where_the_settings_say_so(radfm_spec: Spec) -> None:
    asked = Asked((image(6),), (image(7), image(8)))
    with_it, without = composed(radfm_spec(sees_priors=True)), composed(radfm_spec())
    assert without.look(asked).shape[0] == 1
    torch.testing.assert_close(with_it.look(asked)[1], without.look(Asked((image(7),)))[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_vocabulary_may_stand_in_the_checkpoint_once_in_either_place(radfm_spec: Spec) -> None:
    asked = Asked((image(9),))
    twice = composed(radfm_spec())
    for name in ("embedding_layer.weight", "lang_model.model.embed_tokens.weight"):
        once = composed(radfm_spec(lambda tensors, name=name: tensors.pop(name)))
        for one, other in zip(once.ask(asked, [])[:1], twice.ask(asked, [])[:1], strict=True):
            assert torch.equal(one, other)


@torch.no_grad()
@pytest.mark.fault(118)
def test_the_published_pickle_is_converted_and_then_gives_the_same_rows(radfm_spec: Spec, tmp_path: Path) -> None:
    spec = radfm_spec()
    tensors = load_file(Path(spec.source) / "model.safetensors")
    tensors["lang_model.model.embed_tokens.weight"] = tensors["embedding_layer.weight"]  # one tensor under two names, as published
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    converted = convert("safetensors", tmp_path / "pytorch_model.bin", tmp_path / "converted")
    base, asked = Path(str(spec.base)), Asked((image(11),))
    again = radfm(stock_of(converted), settings(base), tokenizer_of(base), spec)
    assert torch.equal(again.ask(asked, [])[0], composed(spec).ask(asked, [])[0])


CHANGED: list[tuple[str, Callable[[dict[str, Tensor]], object]]] = [
    ("a strange part", lambda each: each.update({"segmentation.weight": torch.zeros(2)})),
    ("a strange part within", lambda each: each.update({"embedding_layer.extra.weight": torch.zeros(2)})),
    ("a strange layer of the tower", lambda each: each.update({"embedding_layer.vision_encoder.head.weight": torch.zeros(2)})),
    ("no perceiver", lambda each: [each.pop(name) for name in tuple(each) if ".perceiver." in name]),
    ("half a linear layer", lambda each: each.pop("embedding_layer.fc.weight")),
    ("a linear layer of another width", lambda each: each.update({"embedding_layer.fc.weight": torch.zeros(40, 24)})),
    ("three frame rows", lambda each: each.update({"embedding_layer.figure_token_weight": torch.zeros(3, 32)})),
    ("no frame rows", lambda each: each.pop("embedding_layer.figure_token_weight")),
    ("another vocabulary in its copy", lambda each: each.update({"embedding_layer.weight": each["embedding_layer.weight"] + 1})),
    ("half a Llama", lambda each: each.pop("lang_model.lm_head.weight")),
    ("no Llama", lambda each: [each.pop(name) for name in tuple(each) if name.startswith("lang_model.")]),
]


@pytest.mark.fault(68)
@pytest.mark.parametrize("change", [each[1] for each in CHANGED], ids=[each[0] for each in CHANGED])
def test_a_checkpoint_with_more_or_less_than_its_layout_is_refused(radfm_spec: Spec, change: Callable[[dict[str, Tensor]], object]) -> None:
    with pytest.raises(CheckpointRefused):
        open_radfm(radfm_spec(change))


def test_without_its_language_files_it_is_refused(radfm_spec: Spec) -> None:
    spec = radfm_spec()
    alone = {name: digest for name, digest in spec.files.items() if not name.startswith("base/")}
    with pytest.raises(CheckpointRefused):
        open_radfm(spec.model_copy(update={"base": None, "files": alone}))


def test_it_writes_within_its_tokens(radfm_spec: Spec) -> None:
    (written,) = open_radfm(radfm_spec()).write(asked_of(image(10).pixels), Prompt("Be brief.", "Describe.", most_tokens=5))
    assert len(written.text) <= 5 * 40

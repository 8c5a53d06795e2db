"""MAIRA-2 without its code: the tower's normed last layer, four projections, pictures in their places."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.backends.composed.maira2 import Maira2, maira2, open_maira2, sentence, stretched
from tools.med_vlm.catalogue import open_model
from tools.med_vlm.errors import CheckpointRefused, ImageRefused, LicenceNotAccepted, ModelFilesChanged
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

Spec = Callable[..., ModelSpec]

SIDE, WIDTH = 28, 32
ASKED = Question("effusion", "Is there a pleural effusion?", ("yes", "no"), ("pleural effusion", "no pleural effusion"))


def grey(seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Of the tower's size, from black to white: neither resized nor stretched."""
    made = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE))
    made[0, 0], made[0, 1] = 0, 255
    return (made / 255).astype(np.float32)


def image(seed: int, view: str | None = None) -> Image:
    return Image(grey(seed), view=view)


def composed(spec: ModelSpec) -> Maira2:
    return maira2(Path(spec.source), spec)


def tensors_of(spec: ModelSpec) -> dict[str, Tensor]:
    return {name: each for path in sorted(Path(spec.source).glob("*.safetensors")) for name, each in load_file(path).items()}


def rows_by_hand(spec: ModelSpec, seed: int) -> Tensor:
    """The plain Dinov2's last hidden state, which is normed, without its class token; then four linear layers with GELU between."""
    from transformers import Dinov2Config, Dinov2Model

    tensors = tensors_of(spec)
    said = json.loads((Path(spec.source) / "config.json").read_text())
    tower = {name.removeprefix("vision_tower."): each for name, each in tensors.items() if name.startswith("vision_tower.")}
    plain_tower = Dinov2Model.from_pretrained(None, config=Dinov2Config.from_dict(said["vision_config"]), state_dict=tower).eval()
    pixels = (torch.from_numpy(np.rint(grey(seed) * 255) / 255) - 0.5307) / 0.2583
    rows = plain_tower(pixels.float().expand(1, 3, SIDE, SIDE)).last_hidden_state[0, 1:]
    for layer in range(4):
        name = f"multi_modal_projector.layers.{2 * layer}"
        rows = rows @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]
        rows = rows if layer == 3 else torch.nn.functional.gelu(rows)
    return rows


@torch.no_grad()
def test_a_question_is_how_likely_its_captions_begin_the_report(maira2_spec: Spec) -> None:
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    spec = maira2_spec()
    said = json.loads((Path(spec.source) / "config.json").read_text())
    language = {name.removeprefix("language_model."): each for name, each in tensors_of(spec).items() if name.startswith("language_model.")}
    model = LlamaForCausalLM.from_pretrained(None, config=LlamaConfig.from_dict(said["text_config"]), state_dict=language).eval()
    tokenizer = AutoTokenizer.from_pretrained(spec.source)
    table = language["model.embed_tokens.weight"]

    def rows(text: str, *, begins: bool = False) -> Tensor:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        return table[[1, *tokens] if begins else tokens]

    before = rows("An expert reads.  USER: Given the current frontal image only ", begins=True)
    after = rows(
        " List the findings of this study one by one, compared with the prior frontal image where there is one."
        " INDICATION: cough TECHNIQUE: PA view of the chest. COMPARISON: N/A ASSISTANT: "
    )
    prompt = torch.cat([before, rows_by_hand(spec, 1), after])
    weights = []
    for caption in ("Pleural effusion.", "No pleural effusion."):
        words = tokenizer(caption, add_special_tokens=False)["input_ids"]
        logits = model(inputs_embeds=torch.cat([prompt, table[words]])[None]).logits[0].log_softmax(-1)
        weights.append(sum(float(logits[len(prompt) + at - 1, word]) for at, word in enumerate(words)))
    (answered,) = open_maira2(spec).choose(Asked((image(1, "PA"),), indication="cough"), [ASKED])
    assert list(answered.probabilities) == ["yes", "no"]
    assert list(answered.probabilities.values()) == pytest.approx(torch.tensor(weights).softmax(0).tolist(), abs=1e-5)


@torch.no_grad()
def test_frontal_lateral_and_prior_stand_in_their_places_in_this_order(maira2_spec: Spec) -> None:
    spec = maira2_spec()
    made = composed(spec)
    asked = Asked((image(1, "PA"), image(2, "LL")), (image(3, "AP"),))
    prompt = made.order(asked, Prompt("", ""))
    parts = [
        ("An expert reads.  USER: Given the current frontal image ", 1),
        (" the current lateral image ", 2),
        (" and the prior frontal image ", 3),
    ]
    start = 0
    for text, seed in parts:
        words = made.speech.spoken(text, begins=not start)
        torch.testing.assert_close(prompt[start : start + len(words)], words)
        start += len(words)
        torch.testing.assert_close(prompt[start : start + 4], rows_by_hand(spec, seed), atol=1e-3, rtol=1e-3)
        start += 4


@torch.no_grad()
def test_the_settings_say_whether_its_report_carries_boxes(maira2_spec: Spec) -> None:
    spec = maira2_spec()
    asked = asked_of(grey(4))
    lengths = [len(composed(spec.model_copy(update={"format": form})).order(asked, Prompt("", ""))) for form in ("maira-2", "prose")]
    assert lengths[0] > lengths[1] + 20


def test_it_writes_no_form_but_its_own_and_prose(maira2_spec: Spec) -> None:
    with pytest.raises(CheckpointRefused, match="maira-2 or prose"):
        open_maira2(maira2_spec(format="json"))


@torch.no_grad()
def test_an_indication_keeps_no_place_for_a_picture(maira2_spec: Spec) -> None:
    made = composed(maira2_spec())
    asked = Asked((image(5),), indication="see <image> and </s><obj>")
    assert len(made.order(asked, Prompt("", ""))) > 0


def test_its_code_is_never_run_and_its_licence_needs_a_yes(maira2_spec: Spec) -> None:
    spec = maira2_spec()
    assert open_model(spec).writes  # `modeling_maira2.py` would have ended this process
    with pytest.raises(LicenceNotAccepted):
        open_model(spec.model_copy(update={"accept_noncommercial": False}))


def test_it_is_shown_two_images_of_a_study_and_the_prior(maira2_spec: Spec) -> None:
    profile = open_maira2(maira2_spec()).profile
    assert (profile.sees_priors, profile.most_images, profile.role) == (True, 2, "generative reader")
    assert profile.further_views == ("LATERAL", "LL", "RL")


@pytest.mark.parametrize("shade", [0.0, 0.4, 1.0])
def test_a_picture_of_a_single_shade_is_black_and_no_division_by_nought(shade: float) -> None:
    made = stretched(Image(np.full((6, 5), shade, np.float32)))
    assert (made.mode, made.size, made.getextrema()) == ("RGB", (5, 6), ((0, 0),) * 3)


def test_a_picture_is_stretched_from_black_to_white() -> None:
    made = stretched(Image(np.array([[0.2, 0.4], [0.6, 0.6]], np.float32)))
    shades = np.asarray(made)[..., 0].astype(int)
    assert np.abs(shades - [[0, 127], [255, 255]]).max() <= 1


def test_a_caption_becomes_a_sentence() -> None:
    assert sentence("no pleural effusion") == "No pleural effusion."


@pytest.mark.fault(68)
def test_a_changed_file_is_refused(maira2_spec: Spec) -> None:
    spec = maira2_spec()
    (Path(spec.source) / "chat_template.jinja").write_text("USER: <image> be brave")
    with pytest.raises(ModelFilesChanged):
        open_maira2(spec)


def vision(said: dict[str, Any], **changed: Any) -> None:
    said["vision_config"] |= changed


CHANGED: list[tuple[str, Callable[[dict[str, Any], dict[str, Tensor]], object]]] = [
    ("a LLaVA's hidden state", lambda said, _: said.update(vision_feature_layer=-2)),
    ("a LLaVA's class token", lambda said, _: said.update(vision_feature_select_strategy="full")),
    ("no norm after the tower", lambda said, _: vision(said, apply_layernorm=False)),
    ("rows made a map", lambda said, _: vision(said, reshape_hidden_states=True)),
    ("an earlier layer", lambda said, _: vision(said, out_features=["stage1"])),
    ("no text settings", lambda said, _: said.update(text_config={}, image_token_index=4)),
    ("another image token", lambda said, _: said.update(image_token_index=5)),
    ("an unknown activation", lambda said, _: said.update(projector_hidden_act="none such")),
    ("a strange part", lambda _, tensors: tensors.update({"box_head.weight": torch.zeros(2)})),
    ("a fifth projection without bias", lambda _, tensors: tensors.update({"multi_modal_projector.layers.8.weight": torch.zeros(2, 2)})),
    ("a projection of another width", lambda _, tensors: tensors.update({"multi_modal_projector.layers.0.weight": torch.zeros(32, 20)})),
    ("no tower", lambda _, tensors: [tensors.pop(name) for name in tuple(tensors) if name.startswith("vision_tower.")]),
    ("half a tower", lambda _, tensors: tensors.pop("vision_tower.layernorm.bias")),
    ("half a Llama", lambda _, tensors: tensors.pop("language_model.lm_head.weight")),
]


@pytest.mark.fault(68)
@pytest.mark.parametrize("change", [each[1] for each in CHANGED], ids=[each[0] for each in CHANGED])
def test_a_checkpoint_with_more_or_less_than_its_layout_is_refused(
    maira2_spec: Spec, change: Callable[[dict[str, Any], dict[str, Tensor]], object]
) -> None:
    with pytest.raises(CheckpointRefused):
        open_maira2(maira2_spec(change))


@pytest.fixture(scope="module")
def shared(maira2_spec: Spec) -> ModelSpec:
    return maira2_spec()


@contextmanager
def rewritten(spec: ModelSpec, name: str, text: str) -> Iterator[None]:
    path = Path(spec.source) / name
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


TEMPLATES = [
    "USER: {{ messages[0]['content'][0]['text'] }}",
    "",
    "{% for",
    "{{ raise_exception('no') }}",
    "{{ messages[9].content }}",
    "{{ 1 / 0 }}",
]


@torch.no_grad()
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_template_that_does_not_write_its_prompt_is_refused_when_it_is_opened(shared: ModelSpec, template: str) -> None:
    with rewritten(shared, "chat_template.jinja", template), pytest.raises(CheckpointRefused, match="chat template"):
        composed(shared)


PICTURES: list[tuple[str, dict[str, Any]]] = [
    ("no size", {"size": {"shortest_edge": None}}),
    ("a size in words", {"crop_size": {"height": "x", "width": 28}}),
    ("less than a patch", {"crop_size": {"height": 7, "width": 28}}),
    ("a picture of terabytes", {"crop_size": {"height": 10**9, "width": 10**4}}),
    ("one mean", {"image_mean": [0.5]}),
    ("an unknown filter", {"resample": -1}),
]


@pytest.mark.parametrize("changed", [each[1] for each in PICTURES], ids=[each[0] for each in PICTURES])
def test_pictures_that_its_settings_make_unfit_are_found_when_it_is_opened(shared: ModelSpec, changed: dict[str, Any]) -> None:
    name = "preprocessor_config.json"
    said = json.loads((Path(shared.source) / name).read_text()) | changed
    with rewritten(shared, name, json.dumps(said)), pytest.raises(CheckpointRefused):
        open_maira2(shared.model_copy(update={"files": pins(Path(shared.source))}))


def test_a_strip_is_refused_and_what_is_nearly_one_is_not() -> None:
    with pytest.raises(ImageRefused):
        stretched(Image(np.zeros((2, 102), np.float32)))
    assert stretched(Image(np.zeros((2, 100), np.float32))).size == (100, 2)

"""VisualBERT over regions: both ways of choosing, worked out again by the library's classes; and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.backends.matchers.regions import open_regions
from tools.med_vlm.backends.matchers.visualbert import hidden_behind, open_visualbert
from tools.med_vlm.backends.matchers.words import Words, read_words
from tools.med_vlm.errors import AnswerNotKnown, CheckpointRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

Spec = Callable[..., ModelSpec]
Folder = Callable[..., Path]


@pytest.fixture(scope="module")
def words(published: Folder) -> Words:
    return read_words((ModelFolder(published("visualbert_answers")),))


def forward(model: Any, tokens: list[int], seen: torch.Tensor) -> Any:
    with torch.inference_mode():
        return model(
            input_ids=torch.tensor([tokens]),
            attention_mask=torch.ones(1, len(tokens), dtype=torch.long),
            visual_embeds=seen,
            visual_attention_mask=torch.ones(seen.shape[:2]),
        )


def test_a_checkpoint_with_answers_is_read_at_the_mask_behind_the_question(
    published: Folder, spec_of: Spec, image: Image, words: Words
) -> None:
    from transformers import VisualBertForQuestionAnswering

    model = VisualBertForQuestionAnswering.from_pretrained(str(published("visualbert_answers"))).eval()
    seen = open_regions(ModelFolder(published("vit")), 24, "cpu")(image)
    asked = side_question("nodule")
    tokens = [words.cls, *words.pieces(asked.text[: asked.text.index("?") + 1]), words.mask, words.sep]
    logits = forward(model, tokens, seen).logits[0].tolist()
    with torch.inference_mode():
        out = model.visual_bert(
            torch.tensor([tokens]), attention_mask=torch.ones(1, len(tokens)), visual_embeds=seen, visual_attention_mask=torch.ones(1, 49)
        )
        assert torch.allclose(model.cls(out.last_hidden_state[0, tokens.index(words.mask)]), torch.tensor(logits), atol=1e-5)
    (answered,) = open_visualbert(spec_of("visualbert_answers")).choose(Asked((image,)), [asked])
    whole = sum(math.exp(logits[number]) for number in (2, 3, 4))
    assert answered.probabilities == pytest.approx(
        {answer: math.exp(logits[number]) / whole for answer, number in (("left", 2), ("right", 3), ("both", 4))}, abs=1e-5
    )


def test_a_pretraining_checkpoint_is_read_by_its_hidden_words_and_the_alignment_of_captions(
    published: Folder, spec_of: Spec, image: Image, words: Words
) -> None:
    from transformers import VisualBertForPreTraining

    model = VisualBertForPreTraining.from_pretrained(str(published("visualbert_pretraining"))).eval()
    seen = open_regions(ModelFolder(published("vit")), 24, "cpu")(image)
    asked = Question("nodule", "Is there a nodule? Answer yes or no.", ("left effusion", "no"), ("nodule", "no nodule"))
    scores = []
    for answer, caption in zip(asked.answers, asked.captions, strict=True):
        pieces = words.pieces(answer)
        start = [words.cls, *words.pieces("Is there a nodule?")]
        out = forward(model, [*start, *[words.mask] * len(pieces), words.sep], seen)
        said = 0.0
        for number, piece in enumerate(pieces):
            row = out.prediction_logits[0, len(start) + number].double()
            said += float(row[piece] - row.exp().sum().log()) / len(pieces)
        fits = forward(model, words.framed(caption, 128), seen).seq_relationship_logits[0].double()
        scores.append(said + float(fits[1] - fits.exp().sum().log()))
    (answered,) = open_visualbert(spec_of("visualbert_pretraining")).choose(Asked((image,)), [asked])
    assert answered.probabilities["left effusion"] == pytest.approx(1 / (1 + math.exp(scores[1] - scores[0])), abs=1e-5)


def test_only_the_question_is_read_and_a_long_one_leaves_room_for_what_is_hidden(words: Words) -> None:
    assert hidden_behind("Is it so? Answer yes or no.", 2, words) == [
        words.cls,
        *words.pieces("Is it so?"),
        words.mask,
        words.mask,
        words.sep,
    ]
    long = hidden_behind("effusion " * 300, 1, words)
    assert len(long) == 128
    assert long[-2:] == [words.mask, words.sep]


def test_an_answer_the_head_does_not_know_is_an_error_and_no_guess(spec_of: Spec, image: Image) -> None:
    model = open_visualbert(spec_of("visualbert_answers"))
    with pytest.raises(AnswerNotKnown, match="unchanged"):
        model.choose(Asked((image,)), [Question("one", "Is it?", ("yes", "unchanged"), ("a", "b"))])


def test_an_answer_without_words_is_an_error(spec_of: Spec, image: Image) -> None:
    with pytest.raises(AnswerNotKnown):
        open_visualbert(spec_of("visualbert_pretraining")).choose(Asked((image,)), [Question("one", "Is it?", ("yes", " "), ("a", "b"))])


def test_answers_are_known_in_any_case(spec_of: Spec, image: Image) -> None:
    (answered,) = open_visualbert(spec_of("visualbert_answers")).choose(
        Asked((image,)), [Question("one", "Is it?", ("Yes", "No"), ("a", "b"))]
    )
    assert list(answered.probabilities) == ["Yes", "No"]


def settings(folder: Path, **more: object) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **more}))
    return folder


def test_settings_that_name_the_answers_need_no_list(changed: Folder, spec_of: Spec, image: Image) -> None:
    folder = settings(changed("visualbert_answers"), id2label={str(n): name for n, name in enumerate(("yes", "no", "l", "r", "b", "2"))})
    (folder / "answers_vqa.txt").unlink()
    named, listed = open_visualbert(spec_of("visualbert_answers", folder)), open_visualbert(spec_of("visualbert_answers"))
    asked = [question("nodule")]
    assert named.choose(Asked((image,)), asked) == listed.choose(Asked((image,)), asked)


def unlisted(folder: Path) -> None:
    (folder / "answers_vqa.txt").unlink()


def one_less(folder: Path) -> None:
    (folder / "answers_vqa.txt").write_text("yes\nno\n")


def another_task(folder: Path) -> None:
    settings(folder, architectures=["VisualBertForVisualReasoning"])


def a_tensor_less(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("visual_bert.embeddings.visual_projection.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def few_places(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    shorter = {name: tensor[:100] if "position_embeddings" in name else tensor for name, tensor in tensors.items()}
    save_file(shorter, settings(folder, max_position_embeddings=100) / "model.safetensors", metadata={"format": "pt"})


def a_tensor_more(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "cls.extra": torch.zeros(2)}, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (unlisted, "answers_vqa"),
        (one_less, "answers_vqa"),
        (another_task, "VisualBertForQuestionAnswering"),
        (a_tensor_less, "1 tensors are missing"),
        (a_tensor_more, "1 tensors are missing, left over"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
        (lambda folder: settings(folder, visual_embedding_dim=2048), "RuntimeError"),
        (few_places, "128 places"),
    ],
    ids=["no list", "a short list", "another task", "a tensor less", "a tensor more", "no words", "other regions", "few places"],
)
def test_a_checkpoint_that_cannot_answer_is_refused(spoil: Callable[[Path], object], says: str, changed: Folder, spec_of: Spec) -> None:
    folder = changed("visualbert_answers")
    spoil(folder)
    with pytest.raises(CheckpointRefused, match=says):
        open_visualbert(spec_of("visualbert_answers", folder))


def test_an_image_tower_of_another_width_than_the_regions_is_refused(spec_of: Spec, published: Folder) -> None:
    with pytest.raises(CheckpointRefused, match="40 wide, the checkpoint's regions 24"):
        open_visualbert(spec_of("visualbert_answers", base=str(published("resnet"))))


def test_without_an_image_tower_there_are_no_regions(spec_of: Spec) -> None:
    with pytest.raises(CheckpointRefused, match="base"):
        open_visualbert(spec_of("visualbert_answers", base=None))


def test_the_numbered_positions_of_early_files_may_be_left(changed: Folder, spec_of: Spec, image: Image) -> None:
    folder = changed(
        "visualbert_answers",
        lambda tensors: tensors.update({"visual_bert.embeddings.position_ids": torch.arange(160)[None]}),
    )
    model = open_visualbert(spec_of("visualbert_answers", folder))
    assert np.isfinite(list(model.choose(Asked((image,)), [question("nodule")])[0].probabilities.values())).all()

"""Folders for sentence-transformers, held to the published models' own outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.encoders.sentence_transformer import document_prompt, open_image_text, open_texts
from retrieval.errors import EncoderDamaged

Copy = Callable[[str], Path]


def unit(rows: Any) -> np.ndarray:
    found = np.asarray(rows.detach() if isinstance(rows, torch.Tensor) else rows)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def published_vectors(folder: Path, images: Sequence[np.ndarray], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """As the model's own library computes them in float32, with the padding its paper trained with."""
    from transformers import AutoModel, AutoProcessor

    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    pictures = [Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB") for image in images]
    padding = "max_length" if "siglip" in model.config.model_type else True
    words = processor(text=list(texts), padding=padding, truncation=True, return_tensors="pt")
    pixels = processor(images=pictures, return_tensors="pt")
    with torch.inference_mode():
        return unit(model.get_image_features(**pixels).pooler_output), unit(model.get_text_features(**words).pooler_output)


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_vectors_are_those_of_the_published_model(kind: str, published: Copy, images: Sequence[np.ndarray], reports: Sequence[str]) -> None:
    encoder = open_image_text(str(published(kind)))
    truth = published_vectors(published(kind), images, reports)
    assert (encoder.images(images) * truth[0]).sum(axis=1).min() > 0.999
    assert (encoder.texts(reports) * truth[1]).sum(axis=1).min() > 0.999


def test_a_report_takes_the_prompt_for_documents_and_an_image_takes_none(
    published: Copy, images: Sequence[np.ndarray], reports: Sequence[str]
) -> None:
    plain, prompted = open_image_text(str(published("clip"))), open_image_text(str(published("prompted")))
    said = plain.texts([f"no effusion {report}" for report in reports])
    assert (prompted.texts(reports) * said).sum(axis=1).min() > 0.9999
    assert (prompted.texts(reports) * plain.texts(reports)).sum(axis=1).max() < 0.999
    assert (prompted.images(images) * plain.images(images)).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize(
    ("prompts", "default", "chosen"),
    [
        ({"query": "q ", "document": "d ", "passage": "p "}, None, "d "),
        ({"query": "q ", "document": "", "passage": "p "}, None, "p "),
        ({"query": "q ", "document": ""}, None, ""),
        ({"query": "", "document": "", "medical": "m "}, "medical", "m "),
        ({"query": "q ", "corpus": "c "}, "query", "c "),
        ({"document": None}, None, ""),
        ({}, "absent", ""),
    ],
)
def test_the_prompt_is_that_for_documents_else_the_default(prompts: dict[str, str | None], default: str | None, chosen: str) -> None:
    assert document_prompt(prompts, default) == chosen


def test_the_name_and_the_licence_are_the_folders(published: Copy) -> None:
    encoder = open_image_text(str(published("clip")))
    assert (encoder.name, encoder.licence) == ("clip", "mit")


def test_for_many_the_vectors_stay(published: Copy, images: Sequence[np.ndarray], reports: Sequence[str]) -> None:
    few, many = (open_image_text(str(published("clip")), many=many) for many in (False, True))
    assert few.fingerprint == many.fingerprint
    assert (few.images(images) * many.images(images)).sum(axis=1).min() > 0.999
    assert (few.texts(reports) * many.texts(reports)).sum(axis=1).min() > 0.999


def test_a_text_model_embeds_texts_and_is_no_image_text_model(published: Copy, reports: Sequence[str]) -> None:
    from sentence_transformers import SentenceTransformer

    tower = open_texts(str(published("text")))
    truth = SentenceTransformer(str(published("text")), device="cpu").encode(list(reports), show_progress_bar=False)
    assert (unit(tower.run(reports)) * unit(truth)).sum(axis=1).min() > 0.999
    with pytest.raises(EncoderDamaged, match="both images and texts"):
        open_image_text(str(published("text")))


def test_one_changed_weight_is_another_encoder(published: Copy, changed: Copy) -> None:
    from safetensors.torch import load_file, save_file

    folder = changed("clip")
    tensors = load_file(folder / "model.safetensors")
    tensors["visual_projection.weight"][0, 0] += 1e-3
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert open_image_text(str(folder)).fingerprint != open_image_text(str(published("clip"))).fingerprint


def test_a_changed_prompt_is_another_encoder(published: Copy, changed: Copy) -> None:
    path = changed("prompted") / "config_sentence_transformers.json"
    path.write_text(path.read_text().replace("no effusion", "an effusion"))
    assert open_image_text(str(path.parent)).fingerprint != open_image_text(str(published("prompted"))).fingerprint


def test_missing_weights_are_refused(changed: Copy) -> None:
    from safetensors.torch import load_file, save_file

    folder = changed("clip")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("text_projection.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderDamaged, match="1 weights"):
        open_image_text(str(folder))


def test_a_module_from_elsewhere_is_not_imported(changed: Copy, tmp_path: Path) -> None:
    folder = changed("prompted")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "own.Module"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(EncoderDamaged):
        open_image_text(str(folder))
    assert not (tmp_path / "ran").exists()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderDamaged):
        open_image_text(str(tmp_path))

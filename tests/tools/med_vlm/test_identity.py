"""A model's files are those the settings name, or it is not loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.errors import CheckpointRefused, ModelCodeRefused, ModelFilesChanged, ModelFormatRefused, ModelNotFound, ModelNotPinned
from tools.med_vlm.identity import identified, located, pins, refuse_code, verified
from tools.med_vlm.spec import ModelSpec

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"numbers",
    "tokenizer.json": b"[]",
    "processor/preprocessor_config.json": b"{}",
    "README.md": b"# A model",
    "LICENSE.txt": b"MIT",
    "modeling_own.py": b"raise SystemExit",
    ".cache/huggingface/note.lock": b"",
}
PART = {"config.json", "model.safetensors", "tokenizer.json", "processor/preprocessor_config.json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    for name, held in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(held)
    return made


def spec(folder: Path, **more: Any) -> ModelSpec:
    return ModelSpec(**({"name": "m", "backend": "transformers", "source": str(folder), "licence": "mit", "files": pins(folder)} | more))


def test_pins_are_the_hashes_of_what_answers_depend_on(folder: Path) -> None:
    assert pins(folder) == {name: hashlib.sha256(FILES[name]).hexdigest() for name in PART}


def test_the_fingerprint_is_of_names_and_hashes_sorted(folder: Path) -> None:
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(pins(folder).items()))
    files = identified(spec(folder))
    assert files.fingerprint == hashlib.sha256(lines.encode()).hexdigest()
    assert (files.path, files.base) == (folder, None)


def write(name: str, held: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(held)


def flip(folder: Path) -> None:
    held = bytearray((folder / "model.safetensors").read_bytes())
    held[3] ^= 1
    (folder / "model.safetensors").write_bytes(held)


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (flip, "model.safetensors"),
        (write("config.json", b"{ }"), "config.json"),
        (write("processor/preprocessor_config.json", b"[]"), "processor/preprocessor_config.json"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json"),
        (write("chat_template.jinja", b"{{ x }}"), "chat_template.jinja"),
        (write("model-00002-of-00002.safetensors", b"more"), "model-00002-of-00002.safetensors"),
        (write("added_tokens.json", b"{}"), "added_tokens.json"),
        (write("weights.gguf", b"more"), "weights.gguf"),
        (lambda folder: (folder / "tokenizer.json").rename(folder / "vocab.json"), "tokenizer.json"),
    ],
)
def test_a_file_that_changed_went_or_came_is_named_and_refused(change: Callable[[Path], object], name: str, folder: Path) -> None:
    pinned = spec(folder)
    change(folder)
    with pytest.raises(ModelFilesChanged) as refused:
        identified(pinned)
    assert refused.value.file == name
    assert str(folder) not in str(refused.value)


@pytest.mark.fault(68)
@pytest.mark.parametrize("name", ["NOTICE.safetensors", "LICENSE.json", "readme.jinja", "use_policy.model"])
def test_what_a_loader_reads_is_pinned_whatever_it_is_called(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"{}")
    pinned = spec(folder)
    assert name in pinned.files
    (folder / name).write_bytes(b"{ }")
    with pytest.raises(ModelFilesChanged):
        identified(pinned)


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    "weights", ["../outside.safetensors", "/outside.safetensors", ".cache/hidden.safetensors", "figure.png", "gone.safetensors", 4]
)
def test_an_index_that_names_weights_nobody_pinned_is_refused(weights: object, folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors"}}))
    assert identified(spec(folder))
    for held in (folder.parent / "outside.safetensors", folder / ".cache/hidden.safetensors", folder / "figure.png"):
        held.write_bytes(b"others")
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": weights}}))
    with pytest.raises(CheckpointRefused, match="not in the folder"):
        identified(spec(folder))
    base = folder.parent / "empty"
    base.mkdir()
    (base / "config.json").write_bytes(b"{}")
    with pytest.raises(CheckpointRefused):
        identified(spec(base, base=str(folder), files=pins(base, folder)))


@pytest.mark.fault(68)
def test_a_link_to_a_folder_is_refused_and_one_to_a_file_is_read(folder: Path, tmp_path: Path) -> None:
    """Files are links in the hub's cache; what is behind a link to a folder would be listed nowhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "default.jinja").write_bytes(b"{{ x }}")
    (folder / "chat_template.jinja").symlink_to(elsewhere / "default.jinja")
    pinned = spec(folder)
    assert identified(pinned)
    assert "chat_template.jinja" in pinned.files
    (folder / "additional_chat_templates").symlink_to(elsewhere)
    for ask in (lambda: identified(pinned), lambda: pins(folder)):
        with pytest.raises(ModelFilesChanged, match="link to a folder"):
            ask()


@given(place=st.integers(0, 6), bit=st.integers(0, 7))
@pytest.mark.fault(68)
def test_any_flipped_bit_is_found(place: int, bit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "flipped"
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"numbers")
    pinned = spec(folder)
    held = bytearray(b"numbers")
    held[place] ^= 1 << bit
    (folder / "model.safetensors").write_bytes(held)
    with pytest.raises(ModelFilesChanged):
        identified(pinned)


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "NOTICE.txt", "figure.png", "modeling_new.py", ".gitattributes", ".cache/x.json"])
def test_what_no_answer_depends_on_may_come_and_change(name: str, folder: Path) -> None:
    pinned = spec(folder)
    (folder / name).write_bytes(b"new")
    assert identified(pinned).fingerprint == identified(spec(folder)).fingerprint


@pytest.mark.fault(118)
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.PTH", "deep/er/model.ckpt", "x.pkl", "x.npy", "x.joblib"])
def test_a_format_that_can_run_code_is_refused_even_when_it_is_listed(name: str, folder: Path) -> None:
    pinned = spec(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"pickle")
    listed = pinned.model_copy(update={"files": {**pinned.files, name: hashlib.sha256(b"pickle").hexdigest()}})
    for each in (pinned, listed):
        with pytest.raises(ModelFormatRefused, match="sidenote model convert"):
            identified(each)
    with pytest.raises(ModelFormatRefused):
        pins(folder)


@pytest.mark.fault(118)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "preprocessor_config.json", "processor/preprocessor_config.json"])
@pytest.mark.parametrize("key", ["auto_map", "custom_pipelines"])
def test_a_folder_that_asks_to_run_its_code_is_refused(name: str, key: str, folder: Path) -> None:
    refuse_code(folder)
    (folder / name).write_text(f'{{"{key}": {{"AutoModel": "modeling_own.Model"}}}}')
    with pytest.raises(ModelCodeRefused) as refused:
        refuse_code(folder)
    assert refused.value.file == name


@pytest.mark.parametrize("held", [b"[]", b"{", b"\xff", b"[" * 99_999])
def test_settings_that_are_none_are_refused(held: bytes, folder: Path) -> None:
    (folder / "config.json").write_bytes(held)
    with pytest.raises(CheckpointRefused, match=r"config\.json"):
        refuse_code(folder)


def test_the_base_models_files_are_held_to_the_same_table(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base-model"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"base")
    pinned = spec(folder, base=str(base), files=pins(folder, base))
    assert set(pinned.files) == {*PART, "base/model.safetensors"}
    files = identified(pinned)
    assert files.base == base
    assert files.fingerprint != identified(spec(folder)).fingerprint
    (base / "model.safetensors").write_bytes(b"bass")
    with pytest.raises(ModelFilesChanged, match=r"base/model\.safetensors"):
        identified(pinned)
    with pytest.raises(ModelFilesChanged):
        verified(folder, pinned)


@pytest.mark.fault(68)
def test_a_model_without_hashes_or_a_hub_name_without_its_commit_is_not_pinned(folder: Path) -> None:
    with pytest.raises(ModelNotPinned, match="sidenote model pin"):
        identified(spec(folder, files={}))
    with pytest.raises(ModelNotPinned, match="40"):
        identified(spec(folder, source="owner/model"))


@pytest.mark.parametrize("source", ["/nowhere/at/all", "./nowhere", "owner", "a/b/c", "../up/model", "https://host/model", ""])
def test_what_is_neither_a_folder_nor_a_name_of_the_hub_is_not_found(source: str) -> None:
    with pytest.raises(ModelNotFound) as refused:
        located(source, "0" * 40)
    assert not source or source not in str(refused.value)


def test_a_commit_of_the_hub_that_is_here_serves_and_another_does_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's own cache, laid out as its client does; the suite never asks the hub (`HF_HUB_OFFLINE`)."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    snapshot = cache / "models--owner--model" / "snapshots" / ("a" * 40)
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    assert located("owner/model", "a" * 40) == snapshot
    with pytest.raises(ModelNotFound):
        located("owner/model", "b" * 40)

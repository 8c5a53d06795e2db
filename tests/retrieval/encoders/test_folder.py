"""A model's folder: found, described, and told from every other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.encoders.folder import ModelFolder, find_model
from retrieval.errors import EncoderDamaged, EncoderMissing, EncoderUnknown

FILES = {
    "config.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
    "model.safetensors": b"weights",
    "tokenizer.json": b"[]",
    "1_Pooling/config.json": b"{}",
}


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    for name, held in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(held)
    return ModelFolder(tmp_path)


def rewrite(name: str, held: bytes) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(held)


@pytest.mark.parametrize(
    "change",
    [
        rewrite("model.safetensors", b"weightz"),
        rewrite("config.json", b"{ }"),
        rewrite("1_Pooling/config.json", b"[]"),
        rewrite("vocab.txt", b"a"),
        rewrite("chat_template.jinja", b"a"),
        lambda path: (path / "tokenizer.json").unlink(),
        lambda path: (path / "tokenizer.json").rename(path / "other.json"),
        lambda path: (path / "model.safetensors").rename(path / "pytorch_model.bin"),
    ],
)
def test_whatever_vectors_depend_on_changes_the_fingerprint(change: Callable[[Path], object], folder: ModelFolder) -> None:
    before = folder.fingerprint("1")
    change(folder.path)
    assert folder.fingerprint("1") != before


@pytest.mark.parametrize("change", [rewrite("README.md", b"new"), rewrite("model.onnx", b"x"), rewrite("pytorch_model.bin", b"older form")])
def test_what_they_do_not_depend_on_leaves_it(change: Callable[[Path], object], folder: ModelFolder) -> None:
    before = folder.fingerprint("1")
    change(folder.path)
    assert folder.fingerprint("1") == before


def test_how_our_code_uses_the_files_is_part_of_it(folder: ModelFolder) -> None:
    assert folder.fingerprint("1") != folder.fingerprint("2")


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\ntags:\n- x\nlicense: 'apache-2.0'\n---\nlicense: gpl\n", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: health-ai-developer-foundations\n---\n", "health-ai-developer-foundations"),
        ("---\ntags: []\n---\nlicense: mit\n", None),
        ("license: mit\n", None),
        ("---\nlicense:\n- mit\n---\n", None),
        ("", None),
    ],
)
def test_the_licence_is_what_the_head_of_the_readme_states(head: str, licence: str | None, folder: ModelFolder) -> None:
    (folder.path / "README.md").write_text(head)
    assert folder.licence == licence


def test_without_a_readme_no_licence_is_known(tmp_path: Path) -> None:
    assert ModelFolder(tmp_path).licence is None


def test_a_snapshot_of_the_hub_is_named_by_the_model_and_a_folder_by_itself(tmp_path: Path) -> None:
    assert ModelFolder(tmp_path / "models--owner--model" / "snapshots" / "0a1b").name == "owner/model"
    assert ModelFolder(tmp_path / "my-clip").name == "my-clip"


@pytest.mark.parametrize("held", [b"[]", b"{", b"\xff", b"[" * 99_999])
def test_settings_that_are_no_object_are_refused(held: bytes, folder: ModelFolder) -> None:
    (folder.path / "config.json").write_bytes(held)
    with pytest.raises(EncoderDamaged, match=r"config\.json"):
        folder.json("config.json")


def test_weights_that_are_none_are_refused_and_missing_ones_named(folder: ModelFolder) -> None:
    with pytest.raises(EncoderDamaged, match=r"model\.safetensors"):
        folder.tensors("model.safetensors")
    with pytest.raises(EncoderMissing, match=r"other\.safetensors"):
        folder.tensors("other.safetensors")


def test_a_missing_file_is_named_without_its_folder(folder: ModelFolder) -> None:
    with pytest.raises(EncoderMissing, match=r"absent\.json") as refused:
        folder.file("absent.json")
    assert str(folder.path) not in str(refused.value)


def test_a_folder_is_found_by_its_path(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model(str(folder.path)) == folder
    monkeypatch.setenv("HOME", str(folder.path.parent))
    assert find_model(f"~/{folder.path.name}").path == folder.path


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("/nowhere/at/all", EncoderMissing),
        ("./nowhere", EncoderMissing),
        ("a/b/c", EncoderMissing),
        ("../up", EncoderMissing),
        ("", EncoderUnknown),
        ("two words", EncoderUnknown),
        ("https:", EncoderUnknown),
        ("a..b", EncoderUnknown),
    ],
)
def test_what_is_no_folder_and_names_no_model_is_refused(name: str, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        find_model(name)


def test_offline_a_model_of_the_hub_is_taken_from_its_copy_or_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderMissing):
        find_model("owner/model")
    copy = tmp_path / "models--owner--model"
    (copy / "snapshots" / "0a1b").mkdir(parents=True)
    (copy / "snapshots" / "0a1b" / "model.safetensors").write_bytes(b"weights")
    (copy / "refs").mkdir()
    (copy / "refs" / "main").write_text("0a1b")
    assert find_model("owner/model").name == "owner/model"
    assert find_model("owner/model").has("model.safetensors")

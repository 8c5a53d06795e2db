"""A model is opened only if its files are the pinned ones, hold numbers alone, and ask for no code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.med_vlm.backends.local import open_local, prompting
from tools.med_vlm.errors import (
    CheckpointRefused,
    MedVlmError,
    ModelCodeRefused,
    ModelFilesChanged,
    ModelFormatRefused,
    ModelNotFound,
    ModelNotPinned,
)
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec


def test_the_module_is_taken_in_without_torch_and_transformers() -> None:
    code = "import sys, tools.med_vlm.backends.local; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    held = bytearray(path.read_bytes())
    held[-1] ^= 1
    path.write_bytes(held)


def rewritten(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def ask_for_code(folder: Path) -> None:
    rewritten(folder, auto_map={"AutoModel": "modeling.Own"})


@pytest.mark.fault(68)
@pytest.mark.fault(118)
@pytest.mark.parametrize(
    ("change", "pin", "refusal"),
    [
        (flip, "before", ModelFilesChanged),
        (lambda folder: (folder / "added_tokens.json").write_text("{}"), "before", ModelFilesChanged),
        (lambda folder: (folder / "pytorch_model.bin").write_bytes(b"x"), "before", ModelFormatRefused),
        (ask_for_code, "after", ModelCodeRefused),
        (lambda folder: None, "never", ModelNotPinned),
        (lambda folder: (folder / "config.json").unlink(), "after", CheckpointRefused),
        (lambda folder: (folder / "config.json").write_text("{}"), "after", CheckpointRefused),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "smolvlm"}'), "after", CheckpointRefused),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "of_nobody"}'), "after", CheckpointRefused),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "after", CheckpointRefused),
        (lambda folder: rewritten(folder, image_token_index="many"), "after", CheckpointRefused),
        (lambda folder: rewritten(folder, text_config={"model_type": "llama", "hidden_size": "wide"}), "after", CheckpointRefused),
        (lambda folder: (folder / "chat_template.jinja").write_text("{% for %}"), "after", CheckpointRefused),
    ],
)
def test_a_folder_that_is_not_as_it_must_be_is_refused_with_its_reason(
    change: Callable[[Path], Any],
    pin: str,
    refusal: type[MedVlmError],
    tiny: Callable[..., Path],
    pinned: Callable[..., ModelSpec],
    tmp_path: Path,
) -> None:
    folder = tiny("llava", tmp_path / "model")
    before = pinned(folder)
    change(folder)
    spec = {"before": before, "after": None, "never": before.model_copy(update={"files": {}})}[pin] or pinned(folder)
    with pytest.raises(refusal) as caught:
        open_local(spec)
    assert type(caught.value) is refusal
    assert str(tmp_path) not in str(caught.value)


def test_a_name_of_the_hub_needs_its_commit_and_its_hashes(pinned: Callable[..., ModelSpec], tiny: Callable[..., Path]) -> None:
    files = pins(tiny("llava"))
    for more, refusal in (
        ({"files": files}, ModelNotPinned),
        ({"revision": "a" * 40}, ModelNotPinned),
        ({"files": files, "revision": "a" * 40}, ModelNotFound),
    ):
        with pytest.raises(refusal):
            open_local(ModelSpec(name="hub", backend="transformers", source="owner/model", licence="mit", **more))


def test_a_model_is_named_by_its_commit_where_it_has_one(tiny: Callable[..., Path], pinned: Callable[..., ModelSpec]) -> None:
    assert open_local(pinned(tiny("llava"), revision="ab" * 20)).name == "tiny abababababab"


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("family", "word", "other"),
    [
        ("blip2", "_PLAIN", {"blip-2": "Q: {text} A:"}),
        ("blip2", "_both", lambda system, user: f"{user} {system}"),
        ("llava", "_both", lambda system, user: f"{user} {system}"),
        ("llava", "_text", lambda text: {"type": "text", "text": f"{text}!"}),
    ],
)
def test_other_words_around_a_question_are_another_model(
    family: str, word: str, other: Any, tiny: Callable[..., Path], pinned: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = pinned(tiny(family))
    before = open_local(spec).fingerprint
    monkeypatch.setattr(prompting, word, other)
    assert open_local(spec).fingerprint != before

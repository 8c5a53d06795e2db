"""A folder's settings are a JSON object, its tensors are taken out until none is left; what is wrong with it is one kind of error."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from retrieval.errors import EncoderDamaged
from tools.med_vlm.checkpoint import Stock, joined, making, refuse_incomplete, refusing, settings, stock_of, tensors_of
from tools.med_vlm.errors import CheckpointRefused


def held() -> Stock:
    return Stock({"a.weight": torch.ones(3, 2), "a.bias": torch.zeros(3), "b.x": torch.ones(1), "b.y": torch.tensor([7])})


def test_what_is_taken_is_gone_and_at_the_end_nothing_is_left() -> None:
    some = held()
    layer = some.linear("a", bias=True)
    assert (layer.in_features, layer.out_features) == (2, 3)
    assert layer(torch.ones(1, 2)).tolist() == [[2, 2, 2]]
    assert some.has("b.")
    assert set(some.part("b.")) == {"x", "y"}
    assert not some.has("b.")
    assert some.under("b.") == {}
    some.close()


def test_a_part_may_be_renamed_and_what_reading_needs_not_left_behind() -> None:
    some = held()
    assert set(some.under("b.", str.upper)) == {"X", "Y"}
    some.leave(endings=("bias",))
    some.leave(("a.",))
    some.close()


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda some: some.take("c"), "the tensor 'c' is missing"),
        (lambda some: (some.take("b.x"), some.take("b.x")), "the tensor 'b.x' is missing"),
        (lambda some: some.part("tower."), "there is no tower"),
        (lambda some: (some.part("b."), some.part("b.")), "there is no b"),
        (lambda some: some.linear("b", bias=False), "'b.weight' is missing"),
        (lambda some: some.close(), "4 tensors are left over, such as 'a.bias'"),
        (lambda some: Stock({"a.weight": torch.ones(3, 2).int()}).linear("a", bias=False), "whole numbers"),
        (lambda some: Stock({"a.weight": torch.ones(3)}).linear("a", bias=False), "another shape"),
        (lambda some: Stock({"a.weight": torch.ones(3, 2), "a.bias": torch.ones(2)}).linear("a", bias=True), "another shape"),
    ],
)
def test_what_is_missing_left_over_or_of_another_shape_is_refused(act: Callable[[Stock], object], says: str) -> None:
    with pytest.raises(CheckpointRefused, match=says):
        act(held())


def test_weights_split_into_files_are_read_as_one(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2), "c.a": torch.ones(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.zeros(2), "c.b": torch.ones(1)}, tmp_path / "model-00002-of-00002.safetensors")
    some = stock_of(tmp_path)
    assert some.take("a").tolist() == [1, 1]
    assert some.take("b").tolist() == [0, 0]
    assert set(some.part("c.")) == {"a", "b"}
    some.close()


@pytest.mark.fault(118)
def test_a_folder_without_safetensors_or_with_a_damaged_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused, match="no safetensors"):
        stock_of(tmp_path)
    with pytest.raises(CheckpointRefused, match=r"model\.safetensors is missing"):
        tensors_of(tmp_path / "model.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    for damaged in (b"\x80\x02}q\x00.", whole[:-2], b""):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(CheckpointRefused, match="cut short"):
            stock_of(tmp_path)


def test_two_files_with_a_tensor_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("model-1", "model-2"):
        save_file({"a": torch.ones(2)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointRefused, match="one name"):
        stock_of(tmp_path)
    assert set(joined([{"a": torch.ones(1)}, {"b": torch.ones(1)}])) == {"a", "b"}


def test_what_nobody_looks_at_takes_no_memory(tmp_path: Path) -> None:
    """Published checkpoints hold parts of many gigabytes that reading does without."""
    save_file({"unused": torch.ones(8_000_000), "used": torch.ones(1)}, tmp_path / "model.safetensors")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    some = stock_of(tmp_path)
    some.leave(("unused",))
    assert some.take("used").tolist() == [1]
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert pages * resource.getpagesize() < 16_000_000


@pytest.mark.parametrize("written", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_settings_are_a_json_object_or_refused(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "config.json").write_bytes(written)
    with pytest.raises(CheckpointRefused, match=r"config\.json is no JSON object"):
        settings(tmp_path)


def test_settings_that_are_not_there_or_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused, match=r"adapter_config\.json is missing"):
        settings(tmp_path, "adapter_config.json")
    with (tmp_path / "config.json").open("wb") as opened:
        opened.truncate(40_000_000)
    with pytest.raises(CheckpointRefused, match="too large"):
        settings(tmp_path)


def test_what_the_index_says_of_files_is_said_of_a_model() -> None:
    with pytest.raises(CheckpointRefused, match="cut short"), refusing():
        raise EncoderDamaged("a file of the encoder is cut short")


@pytest.mark.parametrize("raised", [OSError, KeyError, RuntimeError, ZeroDivisionError, EOFError])
def test_what_a_loader_says_is_not_repeated(raised: type[Exception]) -> None:
    with pytest.raises(CheckpointRefused) as refused, making("a tower"):
        raise raised("/srv/models/patient-7")
    assert str(refused.value).endswith(f"a tower cannot be made of it ({raised.__name__})")


@pytest.mark.parametrize(
    ("notes", "wrong"),
    [
        ({"missing_keys": ["a"], "unexpected_keys": [], "mismatched_keys": []}, 1),
        (
            {
                "missing_keys": {"a"},
                "unexpected_keys": {"b", "b.position_ids"},
                "mismatched_keys": [("c", (1,), (2,))],
                "error_msgs": ["d"],
            },
            4,
        ),
    ],
)
def test_what_a_loader_notes_is_counted(notes: dict[str, Any], wrong: int) -> None:
    with pytest.raises(CheckpointRefused, match=f"{wrong} tensors are missing, left over or of another shape"):
        refuse_incomplete(notes, unread=("position_ids",))


def test_a_model_that_was_read_whole_passes() -> None:
    refuse_incomplete({"missing_keys": [], "unexpected_keys": ["position_ids"], "mismatched_keys": [], "error_msgs": []}, unread=("_ids",))

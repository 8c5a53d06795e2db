"""RadFM's vision: the two traps of its positions and its patches, and every number against a computation by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tools.med_vlm.backends.composed.filling import filled
from tools.med_vlm.backends.composed.radfm.vision import Positions, attend, cut, strided, vision_of
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec

EYES = "embedding_layer.vision_encoder."


@pytest.fixture(scope="module")
def eyes(radfm_spec: Callable[..., ModelSpec]) -> dict[str, Tensor]:
    tensors = load_file(Path(radfm_spec().source) / "model.safetensors")
    return {name.removeprefix(EYES): each for name, each in tensors.items() if name.startswith(EYES)}


@pytest.mark.parametrize(
    ("count", "entries", "taken"),
    [
        (1, 128, [127]),
        (16, 16, list(range(16))),
        (8, 16, [1, 3, 5, 7, 9, 11, 13, 15]),
        (16, 128, [7, 15, 23, 31, 39, 47, 55, 63, 71, 79, 87, 95, 103, 111, 119, 127]),
        (3, 16, [4, 9, 14]),
    ],
)
def test_places_take_the_last_entry_of_each_stretch_and_never_the_first_entries(count: int, entries: int, taken: list[int]) -> None:
    assert strided(count, entries).tolist() == taken


def test_a_flat_picture_takes_the_last_slice_of_the_table() -> None:
    positions = Positions(6, (16, 16, 128))
    with torch.no_grad():
        made = positions((16, 16, 1))
    assert made.shape == (256, 6)
    for row in (0, 3, 15):
        for column in (0, 7, 15):
            place = [positions.row_embed.weight[row], positions.col_embed.weight[column], positions.dep_embed.weight[127]]
            assert torch.equal(made[row * 16 + column], torch.cat(place))


def test_places_of_a_volume_run_slice_by_slice_within_column_within_row() -> None:
    positions = Positions(3, (16, 16, 128))
    with torch.no_grad():
        made = positions((2, 4, 8))
    expected = [
        torch.cat([positions.row_embed.weight[r], positions.col_embed.weight[c], positions.dep_embed.weight[d]])
        for r in (7, 15)
        for c in (3, 7, 11, 15)
        for d in (15, 31, 47, 63, 79, 95, 111, 127)
    ]
    assert torch.equal(made, torch.stack(expected))


def test_a_patch_runs_channel_within_slice_within_column_within_row() -> None:
    volume = torch.randn(2, 3, 4, 6, 4, generator=torch.Generator().manual_seed(1))
    made = cut(volume, 2, 2)
    assert made.shape == (2, 2 * 3 * 2, 2 * 2 * 2 * 3)
    number = 0
    for row in range(0, 4, 2):
        for column in range(0, 6, 2):
            for depth in range(0, 4, 2):
                by_hand = [
                    float(volume[1, channel, row + r, column + c, depth + d])
                    for r in range(2)
                    for c in range(2)
                    for d in range(2)
                    for channel in range(3)
                ]
                assert made[1, number].tolist() == by_hand
                number += 1


def test_attention_is_the_softmax_of_each_head_of_64_numbers() -> None:
    generator = torch.Generator().manual_seed(2)
    query, key, value = torch.randn(1, 3, 128, generator=generator), *torch.randn(2, 1, 5, 128, generator=generator)
    made = attend(query, key, value)
    for head in (slice(0, 64), slice(64, 128)):
        for at in range(3):
            scores = torch.tensor([float(query[0, at, head] @ key[0, other, head]) / math.sqrt(64) for other in range(5)])
            expected = sum(weight * value[0, other, head] for other, weight in enumerate(scores.softmax(0)))
            torch.testing.assert_close(made[0, at, head], expected, atol=1e-5, rtol=1e-4)


def norm(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = rows - rows.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * weight + bias


@torch.no_grad()
def test_the_whole_tower_gives_what_its_tensors_give_by_hand(eyes: dict[str, Tensor]) -> None:
    volume = torch.rand(1, 3, 64, 96, 8, generator=torch.Generator().manual_seed(3))
    made = filled(vision_of(eyes), eyes, torch.float32)(volume)

    rows = cut(volume, 32, 4)[0]
    rows = norm(rows, eyes["to_patch_embedding.1.weight"], eyes["to_patch_embedding.1.bias"])
    rows = rows @ eyes["to_patch_embedding.2.weight"].T + eyes["to_patch_embedding.2.bias"]
    rows = norm(rows, eyes["to_patch_embedding.3.weight"], eyes["to_patch_embedding.3.bias"])
    places = [(r, c, d) for r in (7, 15) for c in (4, 9, 14) for d in (63, 127)]
    tables = [eyes[f"pos_embedding.{axis}_embed.weight"] for axis in ("row", "col", "dep")]
    rows = rows + torch.stack([torch.cat([table[at] for table, at in zip(tables, place, strict=True)]) for place in places])
    for layer in range(2):
        one, two = f"transformer.layers.{layer}.0.", f"transformer.layers.{layer}.1."
        inside = norm(rows, eyes[f"{one}norm.weight"], eyes[f"{one}norm.bias"])
        query, key, value = (inside @ part.T for part in eyes[f"{one}fn.to_qkv.weight"].chunk(3))
        heads = [
            torch.softmax(query[:, at] @ key[:, at].T / 8, -1) @ value[:, at]  # 8: the root of 64
            for at in (slice(0, 64), slice(64, 128))
        ]
        rows = rows + torch.cat(heads, -1) @ eyes[f"{one}fn.to_out.0.weight"].T + eyes[f"{one}fn.to_out.0.bias"]
        inside = norm(rows, eyes[f"{two}norm.weight"], eyes[f"{two}norm.bias"])
        inside = torch.nn.functional.gelu(inside @ eyes[f"{two}fn.net.0.weight"].T + eyes[f"{two}fn.net.0.bias"])
        rows = rows + inside @ eyes[f"{two}fn.net.3.weight"].T + eyes[f"{two}fn.net.3.bias"]
    torch.testing.assert_close(made[0], rows, atol=1e-3, rtol=1e-3)


WRONG: list[Callable[[dict[str, Tensor]], object]] = [
    lambda each: each.pop("to_patch_embedding.2.weight"),
    lambda each: each.update({"pos_embedding.row_embed.weight": torch.zeros(8, 8)}),
    lambda each: each.update({"to_patch_embedding.2.weight": torch.zeros(24, 100)}),
    lambda each: each.update({"transformer.layers.0.0.fn.to_qkv.weight": torch.zeros(30, 24)}),
    lambda each: each.update({"to_patch_embedding.2.weight": torch.zeros(24)}),
]


@pytest.mark.parametrize("change", WRONG)
def test_tensors_of_another_tower_are_refused(eyes: dict[str, Tensor], change: Callable[[dict[str, Tensor]], object]) -> None:
    changed = dict(eyes)
    change(changed)
    with pytest.raises(CheckpointRefused):
        vision_of(changed)

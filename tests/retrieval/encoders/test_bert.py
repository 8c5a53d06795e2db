"""Our BERT is `BertModel`, and takes only tensors that are wholly its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from retrieval.encoders.bert import load_bert
from retrieval.errors import EncoderDamaged

Tensors = dict[str, Tensor]


@pytest.fixture(scope="module")
def published_bert() -> torch.nn.Module:
    from transformers import BertConfig, BertModel

    torch.manual_seed(4)
    shape = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 40}
    return BertModel(BertConfig(vocab_size=90, initializer_range=0.3, **shape)).eval()


@pytest.fixture
def tensors(published_bert: torch.nn.Module) -> Tensors:
    return {name: tensor.clone() for name, tensor in published_bert.state_dict().items()}


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    numbers, mask = torch.randint(0, 90, (3, 17), generator=torch.Generator().manual_seed(1)), torch.ones(3, 17, dtype=torch.long)
    mask[1, 5:] = mask[2, 1:] = 0
    return numbers, mask


@torch.inference_mode()
def test_the_first_token_and_the_mean_are_those_of_the_published_model(
    published_bert: torch.nn.Module, tensors: Tensors, batch: tuple[Tensor, Tensor]
) -> None:
    numbers, mask = batch
    tokens = published_bert(input_ids=numbers, attention_mask=mask).last_hidden_state
    mean = torch.stack([row[: int(kept.sum())].mean(0) for row, kept in zip(tokens, mask, strict=True)])
    assert torch.allclose(load_bert(tensors, 4, "first").eval()(*batch), tokens[:, 0], atol=1e-5)
    assert torch.allclose(load_bert(tensors, 4, "mean").eval()(*batch), mean, atol=1e-5)


def test_weights_of_another_number_format_become_float32(tensors: Tensors) -> None:
    halved = {name: tensor.half() for name, tensor in tensors.items()}
    assert {each.dtype for each in load_bert(halved, 4, "mean").parameters()} == {torch.float32}


def test_a_pooler_and_the_numbers_of_places_may_be_there(tensors: Tensors) -> None:
    load_bert({**tensors, "embeddings.position_ids": torch.arange(40)[None]}, 4, "mean")
    load_bert({name: tensor for name, tensor in tensors.items() if not name.startswith("pooler")}, 4, "mean")


def without(tensors: Tensors, name: str) -> Tensors:
    assert name in tensors
    return {other: tensor for other, tensor in tensors.items() if other != name}


@pytest.mark.parametrize(
    "break_it",
    [
        lambda tensors: without(tensors, "embeddings.word_embeddings.weight"),
        lambda tensors: without(tensors, "encoder.layer.1.attention.self.key.bias"),
        lambda tensors: without(tensors, "encoder.layer.2.output.LayerNorm.weight"),
        lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder.layer.1.")},
        lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder.")},
        lambda tensors: {**tensors, "encoder.layer.0.attention.self.extra": torch.zeros(3)},
        lambda tensors: {**tensors, "cls.predictions.bias": torch.zeros(90)},
        lambda tensors: {**tensors, "encoder.layer.0.output.dense.weight": torch.zeros(48, 79)},
        lambda tensors: {**tensors, "encoder.layer.0.attention.self.query.weight": torch.zeros(47, 48)},
        lambda tensors: {**tensors, "embeddings.token_type_embeddings.weight": torch.zeros(3, 48)},
        lambda tensors: {},
    ],
)
def test_a_tensor_missing_left_over_or_of_another_shape_is_refused(break_it: Callable[[Tensors], Tensors], tensors: Tensors) -> None:
    with pytest.raises(EncoderDamaged):
        load_bert(break_it(tensors), 4, "mean")


@pytest.mark.parametrize("heads", [0, 5, 96])
def test_heads_that_do_not_split_the_width_are_refused(heads: int, tensors: Tensors) -> None:
    with pytest.raises(EncoderDamaged):
        load_bert(tensors, heads, "mean")

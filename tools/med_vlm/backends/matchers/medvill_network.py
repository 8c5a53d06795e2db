"""MedViLL's network by its published tensors: a ResNet's grid and a text through one BERT, with its matching and its word head."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.bert import Bert, load_bert
from tools.med_vlm.backends.matchers.resnet import ResNet, load_resnet
from tools.med_vlm.backends.matchers.words import Words
from tools.med_vlm.checkpoint import Stock, refusing
from tools.med_vlm.errors import CheckpointRefused

PIXELS = 180
"""Of the image's grid, that go beside a text."""
FIRST = 2
"""Tokens beside the image's: [CLS] before them, [SEP] behind."""
_HEAD_WIDTH = 64
_RESNET = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""torchvision's children by number, ReLU and pooling being 2 and 3."""
_SHARED = ("position_embeddings.weight", "token_type_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias")
"""Of the text's embeddings, used for the image too; a file that keeps shared tensors once lacks them."""


class WordHead(nn.Module):
    """Hidden states [n, length, width] to a score for each word piece [n, length, vocabulary], by the matrix of the embeddings."""

    def __init__(self, dense: nn.Linear, norm: nn.LayerNorm, decoder: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.dense = dense
        self.norm = norm
        self.decoder = nn.Parameter(decoder)
        self.bias = nn.Parameter(bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """The scores of all word pieces at all places."""
        return functional.linear(self.norm(functional.gelu(self.dense(hidden))), self.decoder, self.bias)


class Regions(nn.Module):
    """Pixels [n, 3, side, side] to features [n, 180 at most, width] of the grid pixels, and the places [180 at most] these have."""

    def __init__(self, resnet: ResNet, projection: nn.Linear) -> None:
        super().__init__()
        self.resnet = resnet
        self.projection = projection

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The same places for every image."""
        grid = self.resnet(pixels).flatten(2).transpose(1, 2)
        places = grid_pixels(grid.shape[1]).to(grid.device)
        return self.projection(grid[:, places]), places


class MedVillNetwork(nn.Module):
    """Image and text through one BERT. `word_head` is None in a checkpoint that was fine-tuned to match alone."""

    def __init__(self, regions: Regions, bert: Bert, pooler: nn.Linear, itm: nn.Linear, word_head: WordHead | None) -> None:
        super().__init__()
        self.regions = regions
        self.bert = bert
        self.pooler = pooler
        self.itm = itm
        self.word_head = word_head

    @property
    def pretrained(self) -> bool:
        """Whether it is read with the attention of pre-training."""
        return self.word_head is not None

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.itm.weight.device

    def image(self, pixels: Tensor) -> Tensor:
        """Pixels [n, 3, side, side] to the embeddings [n, 180 at most, width] of grid pixels that are always the same."""
        features, places = self.regions(pixels)
        made: Tensor = self.bert.norm(features + self.bert.places(places) + self.bert.kinds.weight[0])
        return made

    def read(self, seen: Tensor, texts: Tensor, words: Words) -> Tensor:
        """Embeddings [n, pixels, width] and word pieces [n, length], each text ending in [SEP] and padding, to hidden states of all.

        Returns:
            [n, 2 + pixels + length, width]: [CLS], pixels, [SEP], text.
        """
        ends = self._embedded(torch.tensor([[words.cls], [words.sep]], device=seen.device), 0).transpose(0, 1).expand(len(texts), -1, -1)
        x = torch.cat((ends[:, :1], seen, ends[:, 1:], self._embedded(texts, 1)), dim=1)
        first = FIRST + seen.shape[1]
        kept = pretraining_mask(first, texts.shape[1]).to(x.device) if self.pretrained else full_mask(first, texts != words.pad)
        for layer in self.bert.layers:
            x = layer(x, kept)
        return x

    def matched(self, hidden: Tensor) -> Tensor:
        """Hidden states [n, length, width] to the scores [n, 2] of a text that does not belong to the image, and of one that does."""
        made: Tensor = self.itm(torch.tanh(self.pooler(hidden[:, 0])))
        return made

    def _embedded(self, tokens: Tensor, kind: int) -> Tensor:
        x: Tensor = self.bert.norm(self.bert.words(tokens) + self.bert.places.weight[: tokens.shape[1]] + self.bert.kinds.weight[kind])
        return x


def grid_pixels(total: int) -> Tensor:
    """The places of 180 of `total` grid pixels, evenly spread and in order; all of them where there are no more."""
    return torch.arange(min(PIXELS, total)) * total // min(PIXELS, total)


def pretraining_mask(first: int, length: int) -> Tensor:
    """What may be looked at, [1, 1, first + length, first + length]: by the first part all, by the text what went before."""
    kept = torch.ones(first + length, first + length, dtype=torch.bool)
    kept[first:, first:] = torch.ones(length, length, dtype=torch.bool).tril()
    return kept[None, None]


def full_mask(first: int, written: Tensor) -> Tensor:
    """What may be looked at, [n, 1, 1, first + length], by all places alike: everything but padding. `written` [n, length]."""
    return functional.pad(written, (first, 0), value=True)[:, None, None]


def load_medvill(held: Stock) -> MedVillNetwork:
    """The network of MedViLL's tensors, every one of them used; sizes are told by the tensors.

    Raises:
        CheckpointRefused: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    text = held.under("enc.txt_embeddings.")
    projection = held.linear("enc.img_embeddings.img_embeddings", bias=True)
    _same(held.under("enc.img_embeddings."), text, _SHARED)
    resnet = load_resnet(_torchvision(held.under("enc.img_encoder.model.")))
    layers = held.under("enc.encoder.")
    pooler, itm = held.linear("enc.pooler.dense", bias=True), held.linear("itm.linear", bias=True)
    word_head = _word_head(held, text.get("word_embeddings.weight"))
    held.close()
    with refusing():
        tensors = {**{f"embeddings.{name}": tensor for name, tensor in text.items()}, **{f"encoder.{n}": t for n, t in layers.items()}}
        bert = load_bert(tensors, projection.out_features // _HEAD_WIDTH, "first")
    made = MedVillNetwork(Regions(resnet, projection), bert, pooler, itm, word_head)
    _fit(made, resnet.width)
    return made


def _torchvision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by torchvision's names; what has another number keeps it, and is refused by it."""
    made = {}
    for name, tensor in tensors.items():
        number, dot, rest = name.partition(".")
        made[f"{_RESNET.get(number, number)}{dot}{rest}"] = tensor
    return made


def _same(copies: Mapping[str, Tensor], originals: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
    for name, copy in copies.items():
        if name not in names or name not in originals or not torch.equal(copy, originals[name]):
            raise CheckpointRefused("embeddings that image and text share differ from each other")


def _word_head(held: Stock, embeddings: Tensor | None) -> WordHead | None:
    tensors = held.under("mlm.predictions.")
    if not tensors or embeddings is None:
        return None
    own = Stock(tensors)
    _same(own.under("decoder."), {"weight": embeddings}, ("weight",))
    dense = own.linear("transform.dense", bias=True)
    norm = nn.LayerNorm(dense.out_features, eps=1e-5)
    norm.weight, norm.bias = (nn.Parameter(own.take(f"transform.LayerNorm.{end}")) for end in ("weight", "bias"))
    made = WordHead(dense, norm, embeddings, own.take("bias"))
    own.close()
    return made


def _fit(network: MedVillNetwork, grid: int) -> None:
    """Refuse parts that do not belong together.

    Raises:
        CheckpointRefused: a width or a number of places differs.
    """
    width, projection = network.bert.words.embedding_dim, network.regions.projection
    sizes = (projection.out_features, network.pooler.in_features, network.pooler.out_features, network.itm.in_features)
    head = network.word_head
    if {*sizes, *({head.dense.in_features, head.dense.out_features} if head else {width})} != {width}:
        raise CheckpointRefused("its layers are of different widths")
    if projection.in_features != grid or network.itm.out_features != 2:
        raise CheckpointRefused("its image projection does not take the ResNet's features, or its matching head has not two classes")
    if network.bert.places.num_embeddings < 256:
        raise CheckpointRefused("it has fewer than 256 places, too few for the image's grid")

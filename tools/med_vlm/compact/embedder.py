"""The compact network as an embedder alone, in the form that is worth its choosing: exact for a few, the fastest for many."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn, stack

from retrieval.encoders.forms import Chosen, Form, choose, torch_forward
from retrieval.encoders.tower import probe_pictures
from tools.med_vlm.compact.network import TEXT_DIMENSION
from tools.med_vlm.compact.preprocess import prepare

if TYPE_CHECKING:
    from tools.med_vlm.compact.network import CompactNet


class Embedder(nn.Module):
    """Prepared images [n, 1, s, s] to unit vectors [n, 384]."""

    def __init__(self, net: CompactNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """The network's embedding alone."""
        made: Tensor = self.net(images).embedding
        return made


def embedder(net: CompactNet, *, many: bool) -> Chosen:
    """`net` as it stands for a few images; for many, a copy of it in its fastest form (`retrieval.encoders.forms.choose`).

    Choosing takes a second or two with OpenVINO, half a second without: less than it saves from a few hundred images on.
    """
    if not many:
        return Chosen(torch_forward(Embedder(net), "cpu"), TEXT_DIMENSION, Form("torch fp32", "exact: choosing would not pay", 1.0))
    pixels = [np.asarray(picture.convert("L")).astype(np.float32) / np.float32(255) for picture in probe_pictures()]
    return choose(Embedder(deepcopy(net)), (stack([prepare(each, net.shape.size) for each in pixels]),), many=True)

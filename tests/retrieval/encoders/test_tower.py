"""One half of an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from retrieval.encoders.tower import PROBE_TEXTS, build_tower, probe_pictures


def lengths(texts: Sequence[str]) -> tuple[torch.Tensor, ...]:
    return (torch.tensor([[len(text) / 100, text.count("e") / 10, 1.0] for text in texts]),)


def test_a_tower_runs_its_network_over_what_it_prepares_and_knows_its_length() -> None:
    torch.manual_seed(1)
    network = nn.Linear(3, 5)
    truth = network(*lengths(["some", "texts"])).detach().numpy()
    tower = build_tower(network, lengths, PROBE_TEXTS, "mark", many=False)
    assert (tower.dimension, tower.fingerprint) == (5, "mark")
    assert tower.form.name.startswith("torch")
    assert np.allclose(tower.run(["some", "texts"]), truth, atol=0.02)


def test_the_probe_is_always_the_same_and_its_inputs_are_not_alike() -> None:
    first, again = ([np.asarray(each) for each in probe_pictures()] for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert all(not np.array_equal(first[0], other) for other in first[1:])
    assert {each.shape for each in first} == {(96, 96, 3)}
    assert len(set(map(len, PROBE_TEXTS))) == len(PROBE_TEXTS)

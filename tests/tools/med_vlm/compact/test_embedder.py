"""The compact network as an embedder alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.encoder import CompactEncoder
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader, load_compact


@pytest.fixture(scope="module")
def for_many() -> CompactReader:
    torch.set_num_threads(1)
    return load_compact(many=True)


def test_for_a_few_the_network_runs_as_it_stands(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    assert (reader.embedder.form.name, reader.embedder.form.cosine) == ("torch fp32", 1.0)
    images = [example.image for example in phantoms[:3]]
    assert np.allclose(reader.embed(images), np.vstack([reader.embed([image]) for image in images]), atol=1e-5)


@pytest.mark.slow
def test_for_many_the_vectors_of_phantoms_are_the_same_and_so_is_the_fingerprint(
    reader: CompactReader, for_many: CompactReader, phantoms: tuple[TrainingExample, ...]
) -> None:
    """So that a library built in one form is searched in another."""
    few, many = CompactEncoder(reader), CompactEncoder(for_many)
    images, reports = ([each.image for each in phantoms[:16]], [" ".join(each.sentences) for each in phantoms])
    assert many.fingerprint == few.fingerprint
    assert (few.images(images) * many.images(images)).sum(axis=1).min() > 0.999
    assert (few.texts(reports) * many.texts(reports)).sum(axis=1).min() > 0.999
    assert all(form.cosine >= 0.999 and form.reason for form in many.forms.values())


def test_for_many_a_reading_is_still_exact(reader: CompactReader, for_many: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    for_many.embed([phantoms[0].image])
    one, other = (each.scores(phantoms[0].image) for each in (reader, for_many))
    assert one == other


def test_choosing_leaves_the_network_that_reads_untouched(reader: CompactReader, for_many: CompactReader) -> None:
    assert for_many.embedder.form.reason
    before, after = (each._parts.net.state_dict() for each in (reader, for_many))
    assert list(before) == list(after)
    assert all(before[name].equal(after[name]) for name in before)

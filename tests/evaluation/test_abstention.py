"""New cases like the library's are answered about as often as stated; strangers mostly are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.abstention import Strangers, coverage, refusals
from evaluation.asking import embedded
from evaluation.case_sets import CaseSet, Divided
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring
from retrieval.library import Library
from retrieval.vectors import KINDS


def test_new_cases_are_comparable_about_as_often_as_stated(
    library: Library, parts: Divided, encoder: HashEncoder, case_set: CaseSet
) -> None:
    found = coverage(library, embedded(encoder, parts.queries), case_set.keyring.check, KINDS)
    assert [one.kind for one in found] == list(KINDS)
    for one in found:
        assert one.stated == 0.95
        assert one.threshold == library.manifest.thresholds[one.kind].distance
        assert (one.covered.value or 0) >= 0.85  # of 40 queries: five standard errors below the stated share
        assert one.covered.persons == 20


def test_a_library_too_small_covers_nothing_and_says_why(
    case_set: CaseSet, build_of: Callable[..., object], encoder: HashEncoder, make_case: Callable[..., SourceCase], keyring: Keyring
) -> None:
    with build_of(case_set.cases[:10], encoder) as library:  # type: ignore[attr-defined]
        (found,) = coverage(library, embedded(encoder, [make_case(100)]), keyring.check, ("image",))
    assert (found.threshold, found.covered.value) == (None, 0)


def test_strangers_are_refused_and_the_librarys_own_are_not(library: Library) -> None:
    noise = np.random.default_rng(0).standard_normal((40, 64)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    own = library.stack.vectors(np.arange(40))[:, :64]
    strange, familiar, nothing = refusals(
        library, [Strangers("noise", "image", tuple(noise)), Strangers("own", "image", tuple(own)), Strangers("none", "text", ())]
    )
    assert (strange.refused.value or 0) > 0.9
    assert familiar.refused.value == 0
    assert familiar.refused.high is not None
    assert familiar.refused.high > 0  # Wilson: none of forty is not never
    assert (nothing.refused.value, nothing.refused.queries) == (None, 0)

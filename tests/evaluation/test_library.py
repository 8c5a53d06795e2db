"""The library of a study is the real one, and nothing of it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.case_sets import CaseSet, Divided
from evaluation.library import built
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import NothingToIndex


def test_the_library_holds_the_cases_and_is_gone_afterwards(
    case_set: CaseSet, parts: Divided, encoder: HashEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[int] = []
    with built(case_set, parts, encoder, seen.append) as library:
        assert {library.card(row).key for row in range(library.stack.cases)} == {case.card.key for case in parts.library}
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []
    assert seen[-1] == len(parts.library)


def test_a_study_that_fails_leaves_nothing_behind(
    case_set: CaseSet, encoder: HashEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(NothingToIndex), built(case_set, Divided((), ()), encoder, lambda seen: None):
        pytest.fail("a library of nothing was opened")
    assert list(tmp_path.iterdir()) == []

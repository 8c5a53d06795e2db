"""`sidenote index publish` from the outside, into a file of milvus-lite; and reviews' library out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray

from retrieval.cards import Query
from retrieval.errors import RetrievalError
from sidenote.case_libraries import case_libraries
from sidenote.encoders import encoder_named
from sidenote.library import phantom_cases
from sidenote.settings import Settings

Run = Callable[..., Result]


def test_without_a_place_nothing_is_published(run: Run, library: Path) -> None:
    assert run("publish", "--library", library).exit_code == 2


def test_a_library_that_is_not_there_is_not_published(run: Run, tmp_path: Path) -> None:
    refused = run("publish", "--library", tmp_path / "none", "--milvus", tmp_path / "milvus.db")
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "index_missing"


@pytest.mark.slow
def test_what_was_published_answers_reviews_as_the_folder_does(run: Run, library: Path, tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    uri = str(tmp_path / "milvus.db")
    done = run("publish", "--library", library, "--milvus", uri, "--collection", "cases")
    assert done.exit_code == 0, done.stderr
    assert "30 cases as cases; seal " in done.stdout
    seal = done.stdout.split()[-1]
    encoder = encoder_named("hash")
    there = Settings.model_validate(
        {"home": tmp_path, "encoder": "hash", "milvus_uri": uri, "milvus_collection": "cases", "milvus_seal": seal}
    )
    here = Settings.model_validate({"home": tmp_path, "encoder": "hash", "library": library})
    answers = []
    for settings in (here, there):
        with case_libraries(settings, encoder) as libraries:
            site = libraries.of(None)
            assert site is not None
            found = site.cases.search(_query(encoder.texts([next(phantom_cases(1, first=4)).card.report])[0], site.keyring.check))
            answers.append([(one.card.key, one.distance, one.shared, one.differs) for one in found.neighbours])
    assert answers[0] == answers[1]
    other = there.model_copy(update={"milvus_seal": "0" * 64})
    with pytest.raises(RetrievalError), case_libraries(other, encoder):
        pass
    assert answers[0]


def _query(text: NDArray[np.float32], check: str) -> Query:
    return Query(image=None, text=text, as_of=date(2026, 1, 1), k=10, key_check=check)

"""A case that is taken out of what is published is found no longer at once, by whoever has it open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.cards import Query, SourceCase
from retrieval.errors import IndexCorrupt, QueryRefused
from retrieval.library import Library, open_library
from retrieval.milvus.library import open_milvus
from retrieval.milvus.publishing import publish
from retrieval.milvus.withdrawing import withdraw


@pytest.fixture
def small(make_index: Callable[..., Any], make_case: Callable[..., SourceCase], tmp_path: Path) -> Iterator[Library]:
    made = make_index(tmp_path / "library", [make_case(number) for number in range(40)])
    library = open_library(made.folder, made.encoder.fingerprint)
    yield library
    library.close()


@pytest.mark.fault(84)
@pytest.mark.slow
def test_who_has_it_open_finds_the_case_no_longer_and_who_opens_it_anew_is_refused_until_it_is_published_again(
    milvus_lite: None, small: Library, tmp_path: Path
) -> None:
    uri = str(tmp_path / "cases.db")
    publish(small, uri, "cases")
    mine = small.card(7).key
    image = small.stack.vectors(np.array([7]))[0, : small.manifest.image_dimension]
    asked = Query(image=image, text=None, as_of=date(2030, 1, 1), k=3)
    opened = open_milvus(uri, "cases", None)
    try:
        assert mine in {one.card.key for one in opened.search(asked).neighbours}
        assert withdraw(uri, "cases", {mine, "0" * 32}) == 1
        assert mine not in {one.card.key for one in opened.search(asked).neighbours}
        assert withdraw(uri, "cases", [mine]) == 0
        with pytest.raises(IndexCorrupt, match="more or fewer"):
            open_milvus(uri, "cases", None)
    finally:
        opened.close()
    publish(small, uri, "cases")
    again = open_milvus(uri, "cases", None)
    assert again.check().cases == 40
    again.close()


def test_where_nothing_is_published_nothing_is_taken_out(milvus_lite: None, tmp_path: Path) -> None:
    assert withdraw(str(tmp_path / "cases.db"), "cases", ["0" * 32]) == 0


@pytest.mark.parametrize("key", ["", "0" * 31, "G" * 32, '0"] or row >= 0 or key in ["', "A" * 32])
def test_a_key_that_no_keyring_makes_is_put_into_no_expression(key: str) -> None:
    with pytest.raises(QueryRefused):
        withdraw("nowhere.db", "cases", [key])

"""The library in Milvus follows its name, and is refused when it is another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.cards import Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import EncoderMismatch, IndexCorrupt, IndexMissing, IndexUnreachable, OtherSite
from retrieval.keys import Keyring
from retrieval.milvus import library as module
from retrieval.milvus.library import open_milvus
from retrieval.milvus.publishing import publish

ENCODER = HashEncoder(32)
QUERY = Query(image=np.eye(1, 32, dtype=np.float32)[0], text=None, as_of=date(2035, 1, 1))


@pytest.fixture
def two(make_case: Callable[..., SourceCase], make_index: Callable[..., Any], tmp_path: Path) -> Iterator[list[Any]]:
    """Two generations of an archive."""
    from retrieval.library import open_library

    made = [make_index(tmp_path / f"{count}", [make_case(number) for number in range(count)]) for count in (9, 12)]
    libraries = [open_library(one.folder, ENCODER.fingerprint) for one in made]
    yield libraries
    for library in libraries:
        library.close()


def test_a_name_that_nobody_published_is_missing(own_uri: str) -> None:
    with pytest.raises(IndexMissing):
        open_milvus(own_uri, "cases", ENCODER.fingerprint)


@pytest.mark.fault(82)
def test_vectors_of_another_encoder_are_refused(uri: str, published: Any) -> None:
    with pytest.raises(EncoderMismatch):
        open_milvus(uri, "cases", HashEncoder(32, seed=1).fingerprint)


def test_another_seal_than_the_expected_one_is_refused(uri: str, published: Any) -> None:
    open_milvus(uri, "cases", ENCODER.fingerprint, expected=published.seal).close()
    with pytest.raises(IndexCorrupt, match="expected"):
        open_milvus(uri, "cases", ENCODER.fingerprint, expected="0" * 64)


@pytest.mark.fault(90)
def test_a_search_goes_on_through_a_new_publication(two: list[Any], own_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(two[0], own_uri, "cases")
    library = open_milvus(own_uri, "cases", ENCODER.fingerprint)
    assert library.search(QUERY).searched == 9
    publish(two[1], own_uri, "cases")  # drops what the library has open
    assert library.search(QUERY).searched == 12
    assert library.search(QUERY).generation == library.info.sha256 == two[1].info.sha256
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    publish(two[0], own_uri, "cases")
    assert library.search(QUERY).searched == 9
    library.close()


def test_a_server_that_goes_away_while_it_is_used_is_a_retryable_error(
    two: list[Any], own_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from milvus_lite.server_manager import server_manager_instance

    publish(two[0], own_uri, "cases")
    library = open_milvus(own_uri, "cases", ENCODER.fingerprint)
    monkeypatch.setattr(library._connection, "_timeout", 0.5)
    server_manager_instance.release_server(own_uri)
    with pytest.raises(IndexUnreachable) as caught:
        library.search(QUERY)
    assert caught.value.retryable
    library.close()


@pytest.mark.fault(84)
def test_keys_of_another_keyring_are_refused(in_milvus: Any, keyring: Keyring) -> None:
    ring = in_milvus.keyring(keyring.secret)
    with pytest.raises(OtherSite):
        in_milvus.keyring(b"another secret, as long as it must be")
    person = ring.person("person 3")
    assert in_milvus.search(replace(QUERY, persons=frozenset({person}), key_check=ring.check)).searched == 148
    with pytest.raises(OtherSite):
        in_milvus.search(replace(QUERY, persons=frozenset({person}), key_check="another"))


def test_what_it_is_stands_in_its_info(in_milvus: Any, shelved: Any, published: Any) -> None:
    info = in_milvus.info
    assert info == replace(shelved.info, folder=Path(published.collection))

"""A publication is whole or as if it had never been, and nothing of an older one stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.cards import Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadCase, IndexCorrupt, IndexMissing, IndexUnreachable, NotAnIndex
from retrieval.keys import Keyring
from retrieval.milvus.connecting import Connection
from retrieval.milvus.library import open_milvus
from retrieval.milvus.publishing import BATCH, named, publish

ENCODER = HashEncoder(32)


@pytest.fixture
def small(make_case: Callable[..., SourceCase], make_index: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """`small.library` of nine cases in `small.folder`, that tests may change."""
    yield from opened(tmp_path / "small", [make_case(number) for number in range(9)], make_index)


def opened(folder: Path, cases: Sequence[SourceCase], make_index: Callable[..., Any]) -> Iterator[Any]:
    from retrieval.library import open_library

    library = open_library(make_index(folder, cases).folder, ENCODER.fingerprint)
    yield library
    library.close()


def collections(uri: str) -> list[str]:
    connection = Connection(uri)
    try:
        return list(connection.ask("list_collections"))
    finally:
        connection.close()


def test_what_is_published_is_what_can_be_found(small: Any, own_uri: str) -> None:
    done: list[int] = []
    published = publish(small, own_uri, "cases", progress=done.append)
    assert (published.cases, done) == (9, [9])
    assert collections(own_uri) == [published.collection]
    library = open_milvus(own_uri, "cases", ENCODER.fingerprint, expected=published.seal)
    assert library.seal == published.seal
    assert library.check().cases == 9
    assert library.info.sha256 == small.info.sha256
    assert library.info.encoder_fingerprint == small.info.encoder_fingerprint
    library.close()


def test_more_cases_than_are_sent_at_once_all_arrive(published: Any, in_milvus: Any, archive: Sequence[SourceCase]) -> None:
    assert published.cases == in_milvus.info.cases == len(archive)
    assert in_milvus.check().cases == len(archive)


def test_a_case_that_is_gone_is_not_published(small: Any, own_uri: str, tmp_path: Path) -> None:
    from retrieval.building.growth import remove
    from retrieval.library import open_library

    gone = small.card(4)
    remove(tmp_path / "small", reason="consent withdrawn", case_keys=[gone.key])
    library = open_library(tmp_path / "small", ENCODER.fingerprint)
    published = publish(library, own_uri, "cases")
    library.close()
    assert published.cases == 8
    connection = Connection(own_uri)
    connection.ask("load_collection", published.collection)
    everything = connection.ask("query", published.collection, filter="row >= 0", output_fields=["row", "key", "card"])
    connection.close()
    assert sorted(one["row"] for one in everything) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert gone.key not in str(everything)


def test_a_second_publication_takes_the_name_and_the_first_is_dropped(
    small: Any, own_uri: str, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], tmp_path: Path
) -> None:
    first = publish(small, own_uri, "cases")
    publish(small, own_uri, "cases__of_others")
    for larger in opened(tmp_path / "larger", [make_case(number) for number in range(12)], make_index):
        second = publish(larger, own_uri, "cases")
    assert first.collection != second.collection
    names = collections(own_uri)
    assert first.collection not in names
    assert len(names) == 2


def test_what_cannot_be_published_leaves_the_name_where_it_was(
    small: Any, own_uri: str, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], tmp_path: Path
) -> None:
    first = publish(small, own_uri, "cases")
    long = [make_case(number, report="word " * 14_000 if number == 8 else f"report {number}") for number in range(9)]
    for other in opened(tmp_path / "long", long, make_index):
        with pytest.raises(BadCase, match="longer than Milvus keeps"):
            publish(other, own_uri, "cases")
    assert collections(own_uri) == [first.collection]
    connection = Connection(own_uri)
    assert named(connection, "cases") == first.collection
    connection.close()


KILLED = """
import os, signal, sys, time
from pathlib import Path
from retrieval.library import open_library
from retrieval.milvus import publishing
def files():
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in Path(sys.argv[3]).rglob("*") if path.is_file())
def kill(*_):
    before = None
    while before != (before := files()):  # milvus-lite, killed amid writing its own index files, cannot load the collection at all
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
publishing.seal_rows = kill  # all cases sent, none sealed
publishing.publish(open_library(Path(sys.argv[1]), sys.argv[2]), sys.argv[3], "cases")
"""


@pytest.mark.slow
@pytest.mark.fault(90)
def test_a_publisher_that_is_killed_leaves_nothing_that_is_served_and_the_next_one_cleans_up(
    small: Any, own_uri: str, tmp_path: Path
) -> None:
    arguments = [str(tmp_path / "small"), ENCODER.fingerprint, own_uri]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, cwd=Path(__file__).parents[3])
    assert killed.returncode == -signal.SIGKILL
    (half,) = collections(own_uri)
    with pytest.raises(IndexMissing):
        open_milvus(own_uri, "cases", ENCODER.fingerprint)
    connection = Connection(own_uri)
    connection.ask("create_alias", half, "cases")  # as nobody should
    connection.close()
    with pytest.raises(IndexCorrupt, match="not sealed"):
        open_milvus(own_uri, "cases", ENCODER.fingerprint)
    published = publish(small, own_uri, "cases")
    assert collections(own_uri) == [published.collection]


@pytest.mark.parametrize("name", ["", "1", "a b", "a-b", "käse", "x" * 201, 'a" or 1==1', "a\n"])
def test_a_name_that_milvus_would_not_take_is_refused_before_anything_is_asked(small: Any, name: str) -> None:
    with pytest.raises(NotAnIndex):
        publish(small, "http://127.0.0.1:1", name)


def test_a_collection_that_somebody_else_made_is_left_alone(small: Any, own_uri: str) -> None:
    connection = Connection(own_uri)
    connection.ask("create_collection", "cases", dimension=4)
    connection.close()
    with pytest.raises(NotAnIndex):
        publish(small, own_uri, "cases")
    with pytest.raises(NotAnIndex):
        open_milvus(own_uri, "cases", ENCODER.fingerprint)
    assert collections(own_uri) == ["cases"]


def test_a_server_that_is_not_there_is_a_typed_error(small: Any, tmp_path: Path) -> None:
    with pytest.raises(IndexUnreachable):
        publish(small, str(tmp_path / "nowhere" / "x.db"), "cases")


def test_rows_arrive_as_they_are_in_the_library(small: Any, own_uri: str) -> None:
    published = publish(small, own_uri, "cases")
    connection = Connection(own_uri)
    connection.ask("load_collection", published.collection)
    for one in connection.ask("query", published.collection, filter="row >= 0", output_fields=["row", "vector", "as_of"]):
        assert np.array_equal(np.asarray(one["vector"], np.float32), small.stack.vectors(np.array([one["row"]]))[0])
        assert one["as_of"] == small.stack.columns.as_of[one["row"]]
    connection.close()
    assert BATCH > 9


def test_keys_stay_keyed(small: Any, own_uri: str, keyring: Keyring) -> None:
    publish(small, own_uri, "cases")
    library = open_milvus(own_uri, "cases", ENCODER.fingerprint)
    assert library.keyring(keyring.secret).person("person 1") == small.card(2).person
    library.close()
    assert keyring.secret not in b"".join(path.read_bytes() for path in Path(own_uri).rglob("*") if path.is_file())


def test_an_index_of_milvus_choice_says_so_in_every_answer(small: Any, own_uri: str) -> None:
    publish(small, own_uri, "cases", exact=False)
    library = open_milvus(own_uri, "cases", ENCODER.fingerprint)
    image = small.stack.vectors(np.array([3]))[0][:32]
    result = library.search(Query(image=image, text=None, as_of=date(2035, 1, 1)))
    assert result.searched == 9
    assert "may overlook" in result.plan_reason
    library.close()

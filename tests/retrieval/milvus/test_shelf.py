"""The shelf in Milvus answers what the folder answers, and nothing that was changed behind its back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from retrieval.cards import Filter, Query
from retrieval.errors import IndexCorrupt, QueryRefused
from retrieval.keys import Keyring
from retrieval.milvus.connecting import Connection
from retrieval.milvus.shelf import MilvusShelf
from retrieval.searching.search import search

TODAY = date(2035, 1, 1)


@pytest.fixture(scope="module")
def connection(published: Any, uri: str) -> Iterator[Connection]:
    opened = Connection(uri)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shelf(connection: Connection, published: Any) -> MilvusShelf:
    """As if every case were comparable, so that exclusions alone decide what is found."""
    opened = MilvusShelf(connection, published.collection)
    limits = {kind: limit.model_copy(update={"distance": 2.0}) for kind, limit in opened.manifest.thresholds.items()}
    opened.manifest = opened.manifest.model_copy(update={"thresholds": limits})
    return opened


@pytest.fixture(scope="module")
def wide(shelved: Any, open_wide: Callable[..., Any]) -> Any:
    return open_wide(shelved)


def vectors(library: Any, row: int) -> tuple[np.ndarray, np.ndarray]:
    whole = library.stack.vectors(np.array([row]))[0]
    return whole[: library.manifest.image_dimension], whole[library.manifest.image_dimension :]


def drawn(rng: np.random.Generator, library: Any, check: str) -> Query:
    """A query near a stored case that may exclude it, and may filter."""
    row = int(rng.integers(library.stack.cases))
    card = library.card(row)
    image, text = vectors(library, row)
    other = library.card(int(rng.integers(library.stack.cases)))
    kind = rng.choice(["fused", "image", "text"])

    def maybe(value: Any, share: float = 0.3) -> Any:
        return value if rng.random() < share else None

    only = Filter(
        modalities=maybe(frozenset({"DX"}), 0.2),
        body_parts=maybe(frozenset({"CHEST", "nowhere"}), 0.2),
        views=maybe(frozenset({"PA", "AP"}), 0.2),
        age_bands=maybe(frozenset({card.age_band}), 0.2),
        sexes=maybe(frozenset({"female"}), 0.2),
        sites=maybe(frozenset({card.site, "north"}), 0.3),
        licences=maybe(frozenset({"Apache-2.0"}), 0.1),
        since=maybe(date(2017, 3, 1), 0.2),
    )
    return Query(
        image=None if kind == "text" else image,
        text=None if kind == "image" else text,
        as_of=TODAY if rng.random() < 0.6 else card.as_of + timedelta(days=int(rng.integers(-400, 400))),
        k=int(rng.integers(1, 7)),
        key_check=check,
        persons=frozenset(filter(None, (maybe(card.person), maybe(other.person), *(maybe(key) for key in card.linked)))),
        studies=frozenset(filter(None, (maybe(card.study),))),
        image_hash=maybe(card.image_hash ^ 0b101),
        report_hash=maybe(card.report_hash),
        report_sketch=maybe(card.report_sketch),
        only=only,
    )


@pytest.mark.fault(84)
def test_a_hundred_queries_find_in_milvus_what_they_find_in_the_folder(shelf: MilvusShelf, wide: Any) -> None:
    rng = np.random.default_rng(5)
    kinds, filtered, leaks, found = set(), 0, 0, 0
    for _ in range(100):
        query = drawn(rng, wide, wide.manifest.key_check)
        ours, theirs = search(query, shelf), wide.search(query)
        assert [(one.card, one.distance, one.shared, one.differs) for one in ours.neighbours] == [
            (one.card, one.distance, one.shared, one.differs) for one in theirs.neighbours
        ]
        assert (ours.reason, ours.threshold, ours.generation) == (theirs.reason, theirs.threshold, theirs.generation)
        assert ours.searched + sum(count for _, count in ours.excluded) == shelf.seal.cases
        if query.image_hash is None and query.report_sketch is None:
            assert (ours.searched, dict(ours.excluded)) == (theirs.searched, dict(theirs.excluded))
        kinds.add((query.image is None, query.text is None))
        filtered += query.only != Filter()
        leaks += bool(query.persons or query.studies)
        found += len(ours.neighbours)
    assert len(kinds) == 3
    assert min(filtered, leaks) > 30
    assert found > 150


@pytest.mark.parametrize(
    "fields", [{"persons"}, {"linked"}, {"studies"}, {"image_hash"}, {"report_hash"}, {"as_of"}], ids=lambda one: next(iter(one))
)
@pytest.mark.fault(84)
def test_the_nearest_case_is_found_unless_a_rule_excludes_it(shelf: MilvusShelf, wide: Any, fields: set[str]) -> None:
    card = wide.card(72)
    image, text = vectors(wide, 72)
    plain = Query(image=image, text=text, as_of=TODAY, key_check=wide.manifest.key_check)
    assert search(plain, shelf).neighbours[0].card == card
    rules: dict[str, dict[str, Any]] = {
        "persons": {"persons": frozenset({card.person})},
        "linked": {"persons": frozenset(card.linked)},
        "studies": {"studies": frozenset({card.study})},
        "image_hash": {"image_hash": card.image_hash ^ 0b1011},
        "report_hash": {"report_hash": card.report_hash},
        "as_of": {"as_of": card.as_of - timedelta(days=1)},
    }
    (field,) = fields
    result = search(replace(plain, **rules[field]), shelf)
    assert card.key not in {one.card.key for one in result.neighbours}
    assert sum(count for _, count in result.excluded) >= 1


@pytest.mark.parametrize(
    "site",
    ['north" or row >= 0 or site == "', "' or 1==1 --", "north') or true", "\\", '"', "[0, 1, 2]", "0", "", "\0", "row", "north\n"],
)
def test_a_filter_that_tries_to_be_an_expression_keeps_nothing(shelf: MilvusShelf, wide: Any, site: str) -> None:
    image, text = vectors(wide, 3)
    query = Query(image=image, text=text, as_of=TODAY, only=Filter(sites=frozenset({site})))
    result = search(query, shelf)
    assert (result.neighbours, result.searched, dict(result.excluded)) == ((), 0, {"other site": 150})


def test_a_value_with_quotes_and_operators_is_found_by_its_name(shelf: MilvusShelf, wide: Any) -> None:
    name = wide.card(2).site
    assert '"' in name
    image, text = vectors(wide, 3)
    result = search(Query(image=image, text=text, as_of=TODAY, only=Filter(sites=frozenset({name}))), shelf)
    assert {one.card.site for one in result.neighbours} == {name}
    assert result.searched == 50


@pytest.mark.parametrize("key", ["", "0" * 31, "g" * 32, '" or row >= 0', "0" * 32 + " or row >= 0"])
def test_a_key_that_no_keyring_makes_is_refused(shelf: MilvusShelf, key: str) -> None:
    image = np.eye(1, 32, dtype=np.float32)[0]
    check = shelf.manifest.key_check
    for fields in ({"persons": frozenset({key})}, {"studies": frozenset({key})}, {"report_hash": key}):
        with pytest.raises(QueryRefused, match="no salted hash"):
            search(Query(image=image, text=None, as_of=TODAY, key_check=check, **fields), shelf)


def test_near_duplicates_do_not_use_up_the_places_of_others(shelf: MilvusShelf, wide: Any) -> None:
    """All near-duplicates by a wide margin of bits: rows are asked for until enough remain, or none."""
    shelf_bits = shelf.manifest
    image, text = vectors(wide, 3)
    query = Query(image=image, text=text, as_of=TODAY, image_hash=wide.card(3).image_hash)
    try:
        shelf.manifest = shelf_bits.model_copy(update={"near_duplicate_bits": 30})
        found = shelf.nearest(query, 20)
        hashes = [wide.card(row).image_hash for row in range(150)]
        far = [row for row in range(150) if (hashes[row] ^ hashes[3]).bit_count() > 30]
        assert len(far) > 20
        products = wide.stack.vectors(np.arange(150)) @ np.concatenate((image, text)) / 2
        nearest = sorted(far, key=lambda row: -products[row])[:20]
        assert found.rows.tolist() == nearest
    finally:
        shelf.manifest = shelf_bits


def test_a_day_before_every_case_finds_nothing_and_counts_them(shelf: MilvusShelf) -> None:
    result = search(Query(image=np.eye(1, 32, dtype=np.float32)[0], text=None, as_of=date(1, 1, 1)), shelf)
    assert (result.neighbours, result.searched, dict(result.excluded)) == ((), 0, {"later date": 150})
    last = search(Query(image=np.eye(1, 32, dtype=np.float32)[0], text=None, as_of=date.max), shelf)
    assert last.searched == 150


@contextmanager
def changed(connection: Connection, collection: str, row: int, **changes: Any) -> Iterator[None]:
    """A row of the collection with other values, put back afterwards."""
    (before,) = connection.ask("query", collection, filter=f"row == {row}", output_fields=["*", "vector"])
    before = dict(before)
    connection.ask("upsert", collection, [{**before, **changes}])
    try:
        yield
    finally:
        connection.ask("upsert", collection, [before])


@pytest.mark.fault(83)
@pytest.mark.parametrize("what", ["vector", "card", "thumbnail", "row_hash", "neighbour's card", "no JSON", "no picture"])
def test_a_changed_card_or_vector_is_refused(shelf: MilvusShelf, wide: Any, connection: Connection, published: Any, what: str) -> None:
    (mine,) = connection.ask("query", published.collection, filter="row == 7", output_fields=["*", "vector"])
    (other,) = connection.ask("query", published.collection, filter="row == 8", output_fields=["*", "vector"])
    vector = np.asarray(mine["vector"], dtype=np.float32)
    vector[0] += 1e-6
    changes: dict[str, dict[str, Any]] = {
        "vector": {"vector": vector},
        "card": {"card": mine["card"].replace("nodule", "module") if "nodule" in mine["card"] else mine["card"].replace("a", "b", 1)},
        "thumbnail": {"thumbnail": other["thumbnail"]},
        "row_hash": {"row_hash": other["row_hash"]},
        "neighbour's card": {name: other[name] for name in ("card", "thumbnail", "row_hash", "key")},
        "no JSON": {"card": mine["card"][:-1]},
        "no picture": {"thumbnail": "#"},
    }
    image, text = vectors(wide, 7)
    query = Query(image=image, text=text, as_of=TODAY)
    assert search(query, shelf).neighbours[0].card == wide.card(7)
    with changed(connection, published.collection, 7, **changes[what]):
        with pytest.raises(IndexCorrupt):
            search(query, shelf)
        with pytest.raises(IndexCorrupt):
            shelf.check()
    assert search(query, shelf).neighbours[0].card == wide.card(7)


@pytest.mark.parametrize("name", ["person", "study", "report", "as_of", "site"])
@pytest.mark.fault(84)
def test_a_changed_field_of_a_rule_cannot_bring_an_excluded_case_back(
    shelf: MilvusShelf, wide: Any, connection: Connection, published: Any, name: str
) -> None:
    card = wide.card(40)
    image, text = vectors(wide, 40)
    rules: dict[str, dict[str, Any]] = {
        "person": {"persons": frozenset({card.person})},
        "study": {"studies": frozenset({card.study})},
        "report": {"report_hash": card.report_hash},
        "as_of": {"as_of": card.as_of - timedelta(days=1)},
        "site": {"only": Filter(sites=frozenset({"north"} - {card.site} or {"south"}))},
    }
    query = replace(Query(image=image, text=text, as_of=TODAY, k=100, key_check=wide.manifest.key_check), **rules[name])
    codes = {"site": shelf.seal.values["site"].index(next(iter(query.only.sites or {"north"})))}
    with changed(connection, published.collection, 40, **{name: codes.get(name, 1)}), pytest.raises(IndexCorrupt, match="excludes"):
        search(query, shelf)


def test_searches_in_several_threads_do_not_disturb_each_other(shelf: MilvusShelf, wide: Any) -> None:
    rng = np.random.default_rng(11)
    queries = [drawn(rng, wide, wide.manifest.key_check) for _ in range(24)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda query: search(query, shelf).neighbours, queries))
    assert found == [wide.search(query).neighbours for query in queries]


def test_every_case_is_checked_against_the_seal(shelf: MilvusShelf) -> None:
    shelf.check()


@pytest.mark.parametrize("values", [{"findings": 10_000}, {"findings": -1}])
def test_a_number_that_no_word_has_is_refused(
    shelf: MilvusShelf, wide: Any, connection: Connection, published: Any, values: dict[str, int]
) -> None:
    image, text = vectors(wide, 7)
    with changed(connection, published.collection, 7, **values), pytest.raises(IndexCorrupt, match="never published"):
        search(Query(image=image, text=text, as_of=TODAY), shelf)


def test_the_keyring_of_another_site_is_refused(in_milvus: Any) -> None:
    from retrieval.errors import OtherSite

    with pytest.raises(OtherSite):
        in_milvus.keyring(b"another secret, as long as it must be")


def test_a_keyring_of_the_site_recognises_its_persons(in_milvus: Any, keyring: Keyring) -> None:
    ring = in_milvus.keyring(keyring.secret)
    assert ring.check == in_milvus._shelf.manifest.key_check

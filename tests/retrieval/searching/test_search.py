"""What may be found: never the patient, the study, a copy or the future; only the comparable; not ten of one kind."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.cards import CaseCard, CaseFinding, Filter, Present, Query, SearchResult, SourceCase
from retrieval.errors import IndexCorrupt, OtherSite, QueryRefused
from retrieval.generation.columns import Columns, concatenate
from retrieval.generation.manifest import Threshold
from retrieval.generation.stack import Segment, Stack
from retrieval.keys import NEAR_DUPLICATE_BITS, NEAR_REPORT_BITS, Keyring
from retrieval.library import Library, open_library
from retrieval.searching.exclusions import eligible
from retrieval.searching.search import LARGEST_K, LARGEST_LOOK, Found, Terms, search
from retrieval.searching.variety import Trait
from retrieval.vectors import KINDS, Dimensions, VectorTable, ask

TODAY = date(2030, 1, 1)
CHECK = "c" * 32
rows = st.integers(0, 59)


def vectors_of(library: Library, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The two vectors of a stored case: the most tempting query there is."""
    stored = library.stack.vectors(np.array([row]))[0]
    return stored[:32], stored[32:]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.fault(84)
def test_an_excluded_case_is_never_found_whatever_the_vectors(
    data: st.DataObject, library: Library, open_wide: Any, keyring: Keyring
) -> None:
    wide: Library = open_wide(library)
    aim = data.draw(rows)
    card = wide.card(aim)
    image, text = vectors_of(wide, aim)
    near = card.image_hash ^ sum(1 << bit for bit in data.draw(st.sets(st.integers(0, 63), max_size=NEAR_DUPLICATE_BITS)))
    people = [keyring.person(f"person {number}") for number in range(30)]
    query = Query(
        image=data.draw(st.sampled_from([image, -image, None])),
        text=text,
        as_of=data.draw(st.sampled_from([TODAY, card.as_of, card.as_of - timedelta(days=1), date(2000, 1, 1)])),
        k=data.draw(st.integers(1, 100)),
        key_check=keyring.check,
        persons=frozenset(data.draw(st.sets(st.sampled_from(people)))),
        studies=data.draw(st.sampled_from([frozenset(), frozenset({card.study})])),
        image_hash=data.draw(st.sampled_from([None, near])),
        report_hash=data.draw(st.sampled_from([None, card.report_hash])),
        report_sketch=data.draw(st.sampled_from([None, card.report_sketch])),
        only=Filter(
            modalities=data.draw(st.sampled_from([None, frozenset({"DX"}), frozenset({"XX"})])),
            views=data.draw(st.sampled_from([None, frozenset({"PA"}), frozenset({"PA", "AP"})])),
        ),
    )
    result = wide.search(query)
    for neighbour in result.neighbours:
        found = neighbour.card
        assert query.persons.isdisjoint({found.person, *found.linked})
        assert found.study not in query.studies
        assert query.image_hash is None or (found.image_hash ^ query.image_hash).bit_count() > NEAR_DUPLICATE_BITS
        assert found.report_hash != query.report_hash
        assert not query.report_sketch or not found.report_sketch or (found.report_sketch ^ query.report_sketch).bit_count() > 8
        assert found.as_of <= query.as_of
        assert query.only.modalities is None or found.modality in query.only.modalities
        assert query.only.views is None or found.view in query.only.views
    assert len(result.neighbours) <= query.k
    assert result.searched == 60 - sum(number for _, number in result.excluded)


@pytest.mark.parametrize(
    ("exclusion", "why"),
    [
        (lambda card: {"persons": frozenset({card.person, "0" * 32})}, "same person"),
        (lambda card: {"studies": frozenset({card.study})}, "same study"),
        (lambda card: {"image_hash": card.image_hash}, "near-duplicate image"),
        (lambda card: {"report_hash": card.report_hash}, "equal report"),
        (lambda card: {"as_of": card.as_of - timedelta(days=1)}, "later date"),
        (lambda card: {"only": Filter(modalities=frozenset({"XX"}))}, "other modality"),
        (lambda card: {"only": Filter(views=frozenset({"XX"}))}, "other view"),
    ],
)
@pytest.mark.fault(84)
def test_the_nearest_case_is_found_unless_it_is_excluded_and_the_reason_is_counted(
    library: Library, open_wide: Any, keyring: Keyring, exclusion: Callable[[Any], dict[str, Any]], why: str
) -> None:
    wide = open_wide(library)
    card = wide.card(20)
    image, text = vectors_of(wide, 20)
    plain = Query(image=image, text=text, as_of=TODAY, key_check=keyring.check)
    assert wide.search(plain).neighbours[0].card.key == card.key
    assert wide.search(plain).excluded == ()
    result = wide.search(replace(plain, **exclusion(card)))
    assert card.key not in {neighbour.card.key for neighbour in result.neighbours}
    assert dict(result.excluded)[why] >= 1


def test_a_case_of_the_same_day_is_not_later(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    found = wide.search(Query(image=vectors_of(wide, 20)[0], text=None, as_of=wide.card(20).as_of)).neighbours
    assert found[0].card.key == wide.card(20).key


@pytest.mark.parametrize(
    "keys",
    [
        {"persons": frozenset({"0" * 32})},
        {"studies": frozenset({"0" * 32})},
        {"report_hash": "0" * 32},
        {"persons": frozenset({"0" * 32}), "key_check": "0" * 32},
        {"key_check": "0" * 32},
    ],
)
@pytest.mark.fault(84)
def test_keys_of_another_keyring_are_refused_since_they_would_exclude_nobody(library: Library, keys: dict[str, Any]) -> None:
    query = Query(image=vectors_of(library, 0)[0], text=None, as_of=TODAY, **keys)
    with pytest.raises(OtherSite):
        library.search(query)


def test_the_future_of_the_study_is_never_searched(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    result = wide.search(Query(image=vectors_of(wide, 59)[0], text=None, as_of=date(2014, 12, 31)))
    assert result.neighbours == ()
    assert result.searched == 0
    assert "none remained" in result.reason


@pytest.mark.fault(85)
def test_a_query_unlike_every_case_has_no_comparable_case(library: Library) -> None:
    image, text = vectors_of(library, 3)
    result = library.search(Query(image=-image, text=-text, as_of=TODAY))
    assert (result.neighbours, result.comparable) == ((), False)
    assert "beyond the calibrated" in result.reason
    assert 0 < result.threshold < 2
    assert result.coverage == 0.95


def test_no_neighbour_lies_beyond_the_threshold(library: Library) -> None:
    for row in range(60):
        image, text = vectors_of(library, row)
        result = library.search(Query(image=image, text=text, as_of=TODAY, k=60))
        assert all(neighbour.distance <= result.threshold + 0.005 for neighbour in result.neighbours)
        assert result.neighbours


def held(value: Any) -> Iterator[Any]:
    """Everything a value holds, to the last number."""
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, list | tuple | frozenset | set):
        for each in value:
            yield from held(each)
    else:
        yield value


@pytest.mark.fault(89)
def test_no_vector_and_no_number_of_more_than_two_digits_leaves(library: Library, open_wide: Any) -> None:
    image, text = vectors_of(library, 7)
    allowed = (str, bytes, int, bool, date, type(None))
    for shelf in (library, open_wide(library)):
        for query in (Query(image, text, TODAY, k=50), Query(image, None, TODAY), Query(None, text, TODAY), Query(-image, -text, TODAY)):
            result: SearchResult = shelf.search(query)
            assert [type(each) for each in held(result) if not isinstance(each, (*allowed, float))] == []
            numbers = [each for each in held(result) if isinstance(each, float)]
            assert numbers == [round(number, 2) for number in numbers]
            distances = [neighbour.distance for neighbour in result.neighbours]
            assert distances == sorted(distances)
            words = f"{result.reason} {result.plan} {result.plan_reason}".split()
            assert [each for each in words if "." in each and len(each.strip(".;,()").partition(".")[2]) > 2 and each[0].isdigit()] == []


@pytest.mark.parametrize("k", [0, -1, LARGEST_K + 1])
def test_refuses_a_number_of_neighbours_nobody_reads(library: Library, k: int) -> None:
    with pytest.raises(QueryRefused):
        library.search(Query(image=vectors_of(library, 0)[0], text=None, as_of=TODAY, k=k))


BROKEN = [np.full(32, np.nan, np.float32), np.zeros(32, np.float32), np.full(32, np.inf, np.float32), np.ones(16, np.float32) / 4, None]


@pytest.mark.fault(85)
@pytest.mark.parametrize("vector", BROKEN)
@pytest.mark.parametrize("kind", ["image", "text"])
def test_refuses_a_broken_query_vector(library: Library, vector: np.ndarray | None, kind: str) -> None:
    with pytest.raises(QueryRefused):
        library.search(Query(**{"image": None, "text": None, kind: vector}, as_of=TODAY))


def test_looks_beyond_a_hundred_copies_for_other_cases(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], open_wide: Any
) -> None:
    copies = [make_case(n, report="No abnormality.", findings=()) for n in range(100)]
    made = make_index(tmp_path / "library", [*copies, *(make_case(n) for n in range(100, 120))])
    library = open_wide(open_library(made.folder, made.encoder.fingerprint))
    found = library.search(Query(image=None, text=made.encoder.texts(["No abnormality."])[0], as_of=TODAY, k=5)).neighbours
    assert len({neighbour.card.report_hash for neighbour in found}) == 5
    assert found[0].card.findings == ()
    library.close()


@pytest.mark.fault(83)
def test_cards_out_of_step_with_the_vectors_are_never_shown(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    (segment,) = wide.stack.segments
    store = segment.cards

    class Shifted:
        """The same store, one row off: what a wrong merge of two files would give."""

        def card(self, row: int, vector: np.ndarray) -> Any:
            return store.card((row + 1) % 60, vector)

    shifted = replace(wide, stack=replace(wide.stack, segments=(replace(segment, cards=Shifted()),)))
    with pytest.raises(IndexCorrupt):
        shifted.search(Query(image=vectors_of(library, 5)[0], text=None, as_of=TODAY))


def test_each_neighbour_says_what_it_shares_and_what_differs(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    image, text = vectors_of(wide, 0)
    present = Present(findings=frozenset({"pleural_effusion"}), view="PA", age_band="60-69", sex="female")
    (neighbour,) = wide.search(Query(image=image, text=text, as_of=TODAY, k=1, present=present)).neighbours
    assert any("pleural effusion" in words for words in neighbour.shared)
    assert any(words.startswith("sex") for words in neighbour.differs)


# Against a reference: random libraries of vectors whose products are exact, so that distances can be compared as numbers.

CORNERS = [np.array([1 if number >> bit & 1 else -1 for bit in range(4)], np.float32) / 2 for number in range(16)]
AXES = [row * sign for row in np.eye(4, dtype=np.float32) for sign in (np.float32(1), np.float32(-1))]
UNITS = [*CORNERS[:6], *AXES[:3]]
units = st.sampled_from(UNITS)
SKETCHES = [0, 0xABCDEF, 0xABCDEF ^ 0xFF, 0xABCDEF ^ 0x1FF, 2**63]
IMAGES = [0, 0b111, 0b111111, 2**64 - 1]


def key(name: object) -> str:
    return str(name).encode().hex().ljust(32, "0")


def drawn_card(number: int, seed: int) -> CaseCard:
    """A card whose keys, hashes and words a few others have too."""
    rng = random.Random(seed)
    return CaseCard(
        key=key(number),
        person=key(rng.choice("abcdef")),
        study=key(rng.choice("stuvwxyz")),
        as_of=TODAY + timedelta(days=rng.randint(-3, 2)),
        modality=rng.choice(["CR", "DX"]),
        body_part=rng.choice(["CHEST", "ABDOMEN"]),
        view=rng.choice(["PA", "AP"]),
        age_band=rng.choice(["60-69", "70-79"]),
        sex=rng.choice(["female", "male"]),
        findings=tuple(CaseFinding(name) for name in rng.choices("xyz", k=rng.randint(0, 2))),
        report="",
        report_hash=key(rng.randint(0, 30)),
        report_sketch=rng.choice([*SKETCHES, rng.getrandbits(64)]),
        image_hash=rng.choice([*IMAGES, rng.getrandbits(64), rng.getrandbits(64)]),
        consent="",
        licence=rng.choice(["one", "other"]),
        linked=tuple(map(key, rng.choices("abcdefgh", k=rng.randint(0, 1)))),
        site=rng.choice(["north", "south"]),
    )


def some(values: str) -> st.SearchStrategy[frozenset[str] | None]:
    return st.sampled_from([None, None, None, None, *(frozenset({value}) for value in values.split()), frozenset(values.split())])


def make_query(kind: str, image: np.ndarray, text: np.ndarray, **fields: Any) -> Query:
    return Query(None if kind == "text" else image, None if kind == "image" else text, key_check=CHECK, **fields)


days = st.sampled_from([TODAY + timedelta(days=number) for number in range(-3, 4)])
filters = st.builds(
    Filter,
    modalities=some("CR DX"),
    body_parts=some("CHEST ABDOMEN"),
    views=some("PA AP"),
    age_bands=some("60-69 70-79"),
    sexes=some("female male"),
    sites=some("north south"),
    licences=some("one other"),
    since=st.none() | days,
)
queries = st.builds(
    make_query,
    st.sampled_from(KINDS),
    units,
    units,
    as_of=st.just(TODAY + timedelta(days=3)) | days,
    k=st.integers(1, 6),
    persons=st.sampled_from([frozenset(map(key, names)) for names in ("", "", "a", "h", "ab")]),
    studies=st.sampled_from([frozenset(map(key, names)) for names in ("", "s")]),
    image_hash=st.sampled_from([None, None, *IMAGES]),
    report_hash=st.sampled_from([None, None, *map(key, range(5))]),
    report_sketch=st.sampled_from([None, None, *SKETCHES]),
    only=st.just(Filter()) | filters,
)


@dataclass(frozen=True)
class Listed:
    """Cards of a segment in a list."""

    cards: Sequence[CaseCard]

    @property
    def count(self) -> int:
        return len(self.cards)

    def card(self, row: int, vector: np.ndarray) -> CaseCard:
        return self.cards[row]

    def digest(self) -> str:
        return ""

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Built:
    """A shelf over the product's own vectors, columns and exclusions; only the cards are in a list."""

    stack: Stack
    terms: Terms

    def nearest(self, query: Query, limit: int) -> Found:
        allowed = eligible(self.stack.columns, query, self.terms.near_duplicate_bits, self.stack.gone)
        asked = ask(query.image, query.text, self.terms.image_weight, self.terms.dimensions)
        scan = self.stack.scan(asked, allowed.kept, limit)
        searched = allowed.kept.count(self.stack.cases)
        return Found(
            scan.rows, scan.distances, self.stack.columns.traits(scan.rows), searched, allowed.excluded, scan.plan, scan.plan_reason
        )

    def card(self, row: int) -> CaseCard:
        return self.stack.card(row)


def terms_of(threshold: float | None, **changes: Any) -> Terms:
    limits = {kind: Threshold(kind=kind, distance=threshold, queries=100) for kind in KINDS}
    plain = Terms("0" * 64, limits, 0.95, NEAR_DUPLICATE_BITS, 0.5, True, Dimensions(4, 4), CHECK)
    return replace(plain, **changes)


def built(cards: Sequence[CaseCard], vectors: np.ndarray, terms: Terms, *, gone: Sequence[int] = (), cut: int | None = None) -> Built:
    """A shelf of one segment, or of two that meet at `cut`."""
    ends = [0, *([] if cut is None else [cut]), len(cards)]
    parts = [slice(start, stop) for start, stop in pairwise(ends) if cut is None or start < stop]
    segments = tuple(
        Segment(f"seg-{part.start:04d}", part.start, VectorTable(vectors[part], terms.dimensions), Listed(cards[part])) for part in parts
    )
    columns = concatenate([Columns.of(cards[part]) for part in parts])
    return Built(Stack(segments, columns, np.array(sorted(gone), np.int64), terms.dimensions), terms)


def reference(cards: Sequence[CaseCard], vectors: np.ndarray, gone: set[int], query: Query, terms: Terms) -> list[tuple[str, float]]:
    """(key, distance) of the neighbours, by looking at every card with the rules spelled out."""

    def differ(one: int, other: int) -> int:
        return bin(one ^ other).count("1")

    def same_report(one: int, other: int) -> bool:
        return one != 0 and other != 0 and differ(one, other) <= NEAR_REPORT_BITS

    def allowed(card: CaseCard) -> bool:
        only = query.only
        wanted = [
            (card.modality, only.modalities), (card.body_part, only.body_parts), (card.view, only.views), (card.age_band, only.age_bands),
            (card.sex, only.sexes), (card.site, only.sites), (card.licence, only.licences),
        ]  # fmt: skip
        return not (
            card.person in query.persons
            or any(other in query.persons for other in card.linked)
            or card.study in query.studies
            or (query.image_hash is not None and differ(card.image_hash, query.image_hash) <= terms.near_duplicate_bits)
            or card.report_hash == query.report_hash
            or (query.report_sketch is not None and same_report(card.report_sketch, query.report_sketch))
            or card.as_of > query.as_of
            or (only.since is not None and card.as_of < only.since)
            or any(values is not None and value not in values for value, values in wanted)
        )

    def distance(row: int) -> float:
        image = None if query.image is None else float(np.dot(vectors[row][:4], query.image))
        text = None if query.text is None else float(np.dot(vectors[row][4:], query.text))
        if image is None or text is None:
            return 1 - (text if image is None else image)
        return 1 - (terms.image_weight * image + (1 - terms.image_weight) * text)

    threshold = terms.thresholds["image"].distance
    near = sorted(
        (distance(row), row)
        for row, card in enumerate(cards)
        if row not in gone and allowed(card) and threshold is not None and distance(row) <= threshold
    )
    distinct: list[tuple[float, int]] = []
    for away, row in near:
        card = cards[row]
        copies = [
            cards[other].report_hash == card.report_hash
            or differ(cards[other].image_hash, card.image_hash) <= terms.near_duplicate_bits
            or same_report(cards[other].report_sketch, card.report_sketch)
            for _, other in distinct
        ]
        if not any(copies):
            distinct.append((away, row))
    rest, chosen = distinct[: 8 * query.k], list[tuple[float, int]]()
    seen: Counter[frozenset[str]] = Counter()

    def findings(row: int) -> frozenset[str]:
        return frozenset(finding.key for finding in cards[row].findings)

    while rest and len(chosen) < query.k:
        best = min(rest, key=lambda one: (one[0] + 0.02 * (threshold or 0.0) * seen[findings(one[1])], one))
        rest.remove(best)
        chosen.append(best)
        seen[findings(best[1])] += 1
    return [(cards[row].key, round(away, 2)) for away, row in sorted(chosen)]


@settings(max_examples=300)
@given(data=st.data())
@pytest.mark.fault(84)
@pytest.mark.fault(85)
def test_neighbours_are_those_of_a_search_through_every_card(data: st.DataObject) -> None:
    count = data.draw(st.sampled_from([0, 1, 2, 6, 12, 18, 24, 30]))
    seeds = data.draw(st.lists(st.integers(0, 2**32), min_size=count, max_size=count))
    library = [drawn_card(number, seed) for number, seed in enumerate(seeds)]
    vectors = np.array([np.hstack(random.Random(seed).choices(UNITS, k=2)) for seed in seeds], np.float32).reshape(count, 8)
    gone = data.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=3)) if count else set()
    cut = data.draw(st.none() | st.integers(1, count - 1)) if count > 1 else None
    threshold = data.draw(st.sampled_from([2.0, 2.0, 1.0, 0.5, 0.0, None]))
    terms = terms_of(threshold, image_weight=data.draw(st.sampled_from([0.5, 0.25, 1.0, 0.0])), one_space=data.draw(st.booleans()))
    shelf = built(library, vectors, terms, gone=sorted(gone), cut=cut)
    query = data.draw(queries)
    result = search(query, shelf)
    assert [(one.card.key, one.distance) for one in result.neighbours] == reference(library, vectors, gone, query, terms)
    assert result.searched + sum(number for _, number in result.excluded) == count
    assert result.comparable == bool(result.neighbours)


def plain_card(number: int, **changes: Any) -> CaseCard:
    """A card that copies no other: hashes of their own, far apart."""
    far = int.from_bytes(np.random.default_rng(number).bytes(8), "big")
    card = CaseCard(
        key=key(number), person=key(f"p{number}"), study=key(f"s{number}"), as_of=TODAY, modality="CR", body_part="CHEST", view="PA",
        age_band="60-69", sex="male", findings=(), report="", report_hash=key(f"r{number}"), report_sketch=0, image_hash=far, consent="",
        licence="",
    )  # fmt: skip
    return replace(card, **changes)


def around(angles: Sequence[float]) -> np.ndarray:
    """Rows at these angles, in degrees, from a query for the first axis."""
    turned = np.radians(np.array(angles, dtype=np.float64))
    half = np.stack((np.cos(turned), np.sin(turned), turned * 0, turned * 0), axis=1)
    return np.hstack((half, half)).astype(np.float32)


FIRST = np.eye(4, dtype=np.float32)[0]


@pytest.mark.parametrize("same", [{"report_hash": key("r")}, {"report_sketch": 0xABCDEF}, {"image_hash": 0b11}])
def test_ten_copies_of_one_normal_report_are_not_ten_neighbours(same: dict[str, Any]) -> None:
    library = [plain_card(n, **same) for n in range(10)] + [plain_card(n) for n in range(10, 14)]
    shelf = built(library, around([*range(10), *range(20, 24)]), terms_of(2.0))
    found = search(Query(FIRST, FIRST, TODAY, k=10), shelf).neighbours
    assert [one.card.key for one in found] == [key(0), *(key(n) for n in range(10, 14))]


def test_of_nearly_equal_distances_another_set_of_findings_comes_first() -> None:
    nodules = [plain_card(n, findings=(CaseFinding("nodule"),)) for n in range(4)]
    library = [*nodules, plain_card(4, findings=(CaseFinding("cardiomegaly"),))]
    shelf = built(library, around([5, 6, 7, 8, 12]), terms_of(2.0))
    assert [one.card.key for one in search(Query(FIRST, None, TODAY, k=2), shelf).neighbours] == [key(0), key(4)]


@pytest.mark.parametrize(("alike", "second"), [(15, 15), (16, 1)])
def test_each_neighbour_is_chosen_among_eight_different_cases(alike: int, second: int) -> None:
    library = [plain_card(n, findings=(CaseFinding("nodule"),)) for n in range(alike)]
    library.append(plain_card(alike, findings=(CaseFinding("cardiomegaly"),)))
    shelf = built(library, around(np.linspace(0, 10, alike + 1).tolist()), terms_of(2.0))
    assert [one.card.key for one in search(Query(FIRST, None, TODAY, k=2), shelf).neighbours] == [key(0), key(second)]


def test_behind_a_mass_of_copies_the_search_ends_with_fewer_neighbours() -> None:
    @dataclass(frozen=True)
    class Masses:
        """Ten million copies of one case: what each look at the nearest would find."""

        terms: Terms
        looks: list[int]

        def nearest(self, query: Query, limit: int) -> Found:
            self.looks.append(limit)
            distances = np.full(limit, 0.1, np.float32)
            return Found(np.arange(limit), distances, (Trait(1, 1, ""),) * limit, 10_000_000, (), "", "")

        def card(self, row: int) -> CaseCard:
            return plain_card(row)

    shelf = Masses(terms_of(1.0), [])
    assert len(search(Query(FIRST, None, TODAY), shelf).neighbours) == 1
    assert shelf.looks[-1] == LARGEST_LOOK
    assert len(shelf.looks) <= 6


@pytest.mark.fault(85)
@pytest.mark.parametrize("k", [1, 100])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_cases_than_asked_for_are_no_error_and_no_row_minus_one(count: int, k: int) -> None:
    shelf = built([plain_card(n) for n in range(count)], around([1] * count).reshape(count, 8), terms_of(2.0))
    result = search(Query(FIRST, FIRST, TODAY, k=k), shelf)
    assert len(result.neighbours) == min(count, k)
    assert (result.searched, result.comparable) == (count, count > 0)
    assert count or result.reason == "no comparable cases: none remained after exclusions and filters"


@pytest.mark.fault(85)
@pytest.mark.parametrize("vector", [np.full(4, np.nan, np.float32), np.zeros(4, np.float32), np.ones(3, np.float32)])
def test_a_broken_vector_is_refused_before_the_shelf_is_asked_even_when_it_is_empty(vector: np.ndarray) -> None:
    @dataclass(frozen=True)
    class Unasked:
        terms: Terms

        def nearest(self, query: Query, limit: int) -> Found:
            raise AssertionError

        card = nearest

    for query in (Query(vector, None, TODAY), Query(None, vector, TODAY), Query(FIRST, vector, TODAY)):
        with pytest.raises(QueryRefused):
            search(query, Unasked(terms_of(2.0)))


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    "broken",
    [
        {"persons": frozenset({key("p1")})},
        {"studies": frozenset({key("s1")})},
        {"report_hash": key("r1")},
        {"image_hash": plain_card(1).image_hash},
        {"as_of": TODAY - timedelta(days=1)},
        {"only": Filter(views=frozenset({"AP"}))},
    ],
)
def test_a_shelf_that_hands_out_what_the_query_excludes_is_not_believed(broken: dict[str, Any]) -> None:
    @dataclass(frozen=True)
    class Careless:
        """A shelf that forgot the rules, as a server with another filter would."""

        terms: Terms

        def nearest(self, query: Query, limit: int) -> Found:
            return Found(np.array([1]), np.array([0.1], np.float32), (Trait(1, 1, ""),), 1, (), "", "")

        def card(self, row: int) -> CaseCard:
            return plain_card(row)

    query = Query(FIRST, None, TODAY, key_check=CHECK)
    assert search(query, Careless(terms_of(2.0))).neighbours
    with pytest.raises(IndexCorrupt) as caught:
        search(replace(query, **broken), Careless(terms_of(2.0)))
    assert key("p1") not in str(caught.value)


@pytest.mark.parametrize("one_space", [True, False])
def test_each_kind_of_query_compares_its_own_columns_alone(one_space: bool) -> None:
    images, texts = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[::-1]
    shelf = built([plain_card(n) for n in range(4)], np.hstack((images, texts)), terms_of(2.0, one_space=one_space))
    assert search(Query(FIRST, None, TODAY, k=1), shelf).neighbours[0].card.key == key(0)
    assert search(Query(None, FIRST, TODAY, k=1), shelf).neighbours[0].card.key == key(3)
    assert search(Query(FIRST, np.eye(4, dtype=np.float32)[3], TODAY, k=1), shelf).neighbours[0].card.key == key(0)


def test_vectors_of_image_and_text_may_be_of_different_lengths() -> None:
    vectors = np.hstack((np.eye(4, dtype=np.float32), np.eye(6, dtype=np.float32)[:4]))
    shelf = built([plain_card(n) for n in range(4)], vectors, terms_of(2.0, dimensions=Dimensions(4, 6)))
    text = np.eye(6, dtype=np.float32)[2]
    assert search(Query(None, text, TODAY, k=1), shelf).neighbours[0].card.key == key(2)
    assert search(Query(np.eye(4, dtype=np.float32)[2], text, TODAY, k=1), shelf).neighbours[0].distance == 0
    with pytest.raises(QueryRefused):
        search(Query(text, None, TODAY), shelf)


def test_a_library_too_small_to_calibrate_says_so() -> None:
    result = search(Query(FIRST, None, TODAY), built([plain_card(0)], around([0]), terms_of(None)))
    assert result.neighbours == ()
    assert result.reason == "no comparable cases: with 100 cases the library is too small to say what is comparable"
    assert result.threshold == 0


def test_the_notice_of_an_older_generation_is_handed_on() -> None:
    shelf = built([plain_card(0)], around([0]), terms_of(2.0, notice="an older one answers"))
    assert search(Query(FIRST, None, TODAY), shelf).notice == "an older one answers"

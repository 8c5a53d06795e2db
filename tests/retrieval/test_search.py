"""What may be found: never the patient, the study, a copy or the future; only the comparable; not ten of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.cards import CaseFinding, Query, SourceCase
from retrieval.errors import IndexCorrupt, QueryRefused
from retrieval.keys import NEAR_DUPLICATE_BITS
from retrieval.library import Library, open_library

TODAY = date(2030, 1, 1)
rows = st.integers(0, 59)


def _vectors(library: Library, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The two vectors of a stored case: the most tempting query there is."""
    fused = library.table.rows[row] * np.sqrt(2)
    return fused[:32], fused[32:]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.fault(84)
def test_an_excluded_case_is_never_found_whatever_the_vectors(data: st.DataObject, library: Library, open_wide: Any) -> None:
    wide: Library = open_wide(library)
    aim = data.draw(rows)
    card = wide.store.card(aim, wide.table.rows[aim])
    image, text = _vectors(wide, aim)
    near = card.image_hash ^ sum(1 << bit for bit in data.draw(st.sets(st.integers(0, 63), max_size=NEAR_DUPLICATE_BITS)))
    query = Query(
        image=data.draw(st.sampled_from([image, -image, None])),
        text=text,
        as_of=data.draw(st.sampled_from([TODAY, card.as_of, card.as_of - timedelta(days=1), date(2000, 1, 1)])),
        k=data.draw(st.integers(1, 100)),
        persons=frozenset(data.draw(st.sets(st.sampled_from(sorted(set(wide.columns.person.tolist())))))),
        studies=data.draw(st.sampled_from([frozenset(), frozenset({card.study})])),
        image_hash=data.draw(st.sampled_from([None, near])),
        report_hash=data.draw(st.sampled_from([None, card.report_hash])),
        modality=data.draw(st.sampled_from([None, "DX", "CR", "XX"])),
        view=data.draw(st.sampled_from([None, "PA", "AP"])),
    )
    result = wide.search(query)
    for neighbour in result.neighbours:
        found = neighbour.card
        assert found.person not in query.persons
        assert found.study not in query.studies
        assert query.image_hash is None or (found.image_hash ^ query.image_hash).bit_count() > NEAR_DUPLICATE_BITS
        assert found.report_hash != query.report_hash
        assert found.as_of <= query.as_of
        assert query.modality in (None, found.modality)
        assert query.view in (None, found.view)
    assert result.searched + sum(count for _, count in result.excluded) == 60
    assert len(result.neighbours) <= min(query.k, result.searched)
    assert result.comparable == bool(result.neighbours)
    assert result.searched == 0 or result.neighbours


@pytest.mark.parametrize(
    ("exclusion", "why"),
    [
        (lambda card: {"persons": frozenset({card.person, "0" * 32})}, "same person"),
        (lambda card: {"studies": frozenset({card.study})}, "same study"),
        (lambda card: {"image_hash": card.image_hash}, "near-duplicate image"),
        (lambda card: {"report_hash": card.report_hash}, "equal report"),
        (lambda card: {"as_of": card.as_of - timedelta(days=1)}, "later date"),
        (lambda card: {"modality": "XX"}, "other modality"),
        (lambda card: {"view": "XX"}, "other view"),
    ],
)
@pytest.mark.fault(84)
def test_the_nearest_case_is_found_unless_it_is_excluded_and_the_reason_is_counted(
    library: Library, open_wide: Any, exclusion: Callable[[Any], dict[str, Any]], why: str
) -> None:
    wide = open_wide(library)
    card = wide.store.card(20, wide.table.rows[20])
    image, text = _vectors(wide, 20)
    plain = Query(image=image, text=text, as_of=TODAY)
    assert wide.search(plain).neighbours[0].card.key == card.key
    assert wide.search(plain).excluded == ()
    result = wide.search(replace(plain, **exclusion(card)))
    assert card.key not in {neighbour.card.key for neighbour in result.neighbours}
    assert dict(result.excluded)[why] >= 1


def test_a_case_of_the_same_day_is_not_later(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    card = wide.store.card(20, wide.table.rows[20])
    found = wide.search(Query(image=_vectors(wide, 20)[0], text=None, as_of=card.as_of)).neighbours
    assert found[0].card.key == card.key


def test_the_future_of_the_study_is_never_searched(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    image, _ = _vectors(wide, 59)
    result = wide.search(Query(image=image, text=None, as_of=date(2014, 12, 31)))
    assert result.neighbours == ()
    assert result.searched == 0
    assert "none remained" in result.reason


@pytest.mark.fault(85)
def test_a_query_unlike_every_case_has_no_comparable_case(library: Library) -> None:
    wrong = np.zeros(32, np.float32)
    image, text = _vectors(library, 3)
    wrong[int(np.abs(image).argmin())] = 1
    result = library.search(Query(image=-image, text=-text, as_of=TODAY))
    assert (result.neighbours, result.comparable) == ((), False)
    assert "beyond the calibrated" in result.reason
    assert 0 < result.threshold < 2
    assert result.coverage == 0.95


def test_no_neighbour_lies_beyond_the_threshold(library: Library) -> None:
    for row in range(60):
        image, text = _vectors(library, row)
        result = library.search(Query(image=image, text=text, as_of=TODAY, k=60))
        assert all(neighbour.distance <= result.threshold + 0.005 for neighbour in result.neighbours)
        assert result.neighbours


@pytest.mark.fault(89)
def test_distances_leave_with_two_digits_and_vectors_not_at_all(library: Library, open_wide: Any) -> None:
    image, text = _vectors(library, 7)
    result = open_wide(library).search(Query(image=image, text=text, as_of=TODAY, k=50))
    distances = [neighbour.distance for neighbour in result.neighbours]
    assert distances == [round(distance, 2) for distance in distances] == sorted(distances)
    assert round(result.threshold, 2) == result.threshold
    assert not any(isinstance(value, np.ndarray) for n in result.neighbours for value in (n.card.key, n.distance, n.shared, n.differs))


@pytest.mark.parametrize("k", [0, -1, 101])
def test_refuses_a_number_of_neighbours_nobody_reads(library: Library, k: int) -> None:
    with pytest.raises(QueryRefused):
        library.search(Query(image=_vectors(library, 0)[0], text=None, as_of=TODAY, k=k))


@pytest.mark.fault(85)
@pytest.mark.parametrize("vector", [np.full(32, np.nan, np.float32), np.zeros(32, np.float32), np.ones(16, np.float32) / 4])
def test_refuses_a_broken_query_vector(library: Library, vector: np.ndarray) -> None:
    with pytest.raises(QueryRefused):
        library.search(Query(image=vector, text=None, as_of=TODAY))


def test_ten_copies_of_one_report_are_not_ten_neighbours(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], open_wide: Any
) -> None:
    copies = [make_case(n, report=f"No abnormality. Seen on 2020-01-{n:02d}.", findings=()) for n in range(10, 20)]
    made = make_index(tmp_path / "library", [*copies, *(make_case(n) for n in range(30, 60))])
    library = open_wide(open_library(made.folder, made.encoder.fingerprint))
    text = made.encoder.texts(["No abnormality. Seen on 2020-01-01."])[0]
    found = library.search(Query(image=None, text=text, as_of=TODAY, k=10)).neighbours
    assert len(found) == 10
    hashes = [neighbour.card.report_hash for neighbour in found]
    assert len(set(hashes)) == 10
    assert found[0].card.findings == ()


def test_looks_beyond_a_hundred_copies_for_other_cases(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], open_wide: Any
) -> None:
    copies = [make_case(n, report="No abnormality.", findings=()) for n in range(100)]
    made = make_index(tmp_path / "library", [*copies, *(make_case(n) for n in range(100, 120))])
    library = open_wide(open_library(made.folder, made.encoder.fingerprint))
    found = library.search(Query(image=None, text=made.encoder.texts(["No abnormality."])[0], as_of=TODAY, k=5)).neighbours
    assert len({neighbour.card.report_hash for neighbour in found}) == 5


def test_of_nearly_equal_distances_another_set_of_findings_comes_first(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Callable[..., Any], open_wide: Any
) -> None:
    words = "quiet lungs with a heart of normal size and nothing else of note apart from one old rib and the "
    alike = [
        make_case(n, report=words + name, findings=(CaseFinding("nodule"),)) for n, name in enumerate(["aa", "bb", "cc", "dd"], start=20)
    ]
    other = make_case(30, report=words + "ee ff", findings=(CaseFinding("cardiomegaly"),))
    made = make_index(tmp_path / "library", [*alike, other, *(make_case(n) for n in range(40, 60))])
    library = open_wide(open_library(made.folder, made.encoder.fingerprint))
    found = library.search(Query(image=None, text=made.encoder.texts([words + "aa"])[0], as_of=TODAY, k=2)).neighbours
    assert [neighbour.card.findings[0].key for neighbour in found] == ["nodule", "cardiomegaly"]


@pytest.mark.fault(83)
def test_cards_out_of_step_with_the_vectors_are_never_shown(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)

    class Shifted:
        """The same store, one row off: what a wrong merge of two files would give."""

        def card(self, row: int, vector: np.ndarray) -> Any:
            return library.store.card((row + 1) % 60, vector)

    shifted = replace(wide, store=Shifted())
    with pytest.raises(IndexCorrupt):
        shifted.search(Query(image=_vectors(library, 5)[0], text=None, as_of=TODAY))


def test_each_neighbour_says_what_it_shares_and_what_differs(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    image, text = _vectors(wide, 0)
    query = Query(
        image=image,
        text=text,
        as_of=TODAY,
        k=1,
        view="PA",
        findings=frozenset({"pleural_effusion", "pulmonary_edema"}),
        sides=frozenset({("pleural_effusion", "right")}),
        age_band="60-69",
        sex="female",
    )
    (neighbour,) = wide.search(query).neighbours
    assert neighbour.shared == ("pleural effusion", "PA view", "age 60-69")
    assert neighbour.differs == (
        "only in the present case: pulmonary oedema",
        "pleural effusion: left there, right here",
        "sex: male there, female here",
    )


def test_what_is_unknown_neither_shares_nor_differs(library: Library, open_wide: Any) -> None:
    wide = open_wide(library)
    (neighbour,) = wide.search(Query(image=_vectors(wide, 0)[0], text=None, as_of=TODAY, k=1)).neighbours
    assert neighbour.shared == ()
    assert neighbour.differs == ("only in the past case: pleural effusion",)

"""An index grows, shrinks and is compacted by new generations; what did not change is not written again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building import assembly
from retrieval.building.build import build
from retrieval.building.growth import add, compact, release, remove
from retrieval.cards import Query, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadCase, EncoderMismatch, IndexBusy, IndexMissing, NothingToIndex, OtherSite
from retrieval.generation.generations import current, workplace
from retrieval.keys import Keyring
from retrieval.library import check, open_library, quarantine

ENCODER = HashEncoder(32)
MakeCase = Callable[..., SourceCase]


@pytest.fixture
def folder(tmp_path: Path, make_case: MakeCase, make_index: Any) -> Path:
    """An index of 30 cases: two of each person."""
    made: Path = make_index(tmp_path / "library", [make_case(n) for n in range(30)]).folder
    return made


def keys(folder: Path) -> set[str]:
    """Of the cases that can be found."""
    library = open_library(folder, ENCODER.fingerprint)
    rows = np.setdiff1d(np.arange(library.stack.cases), library.stack.gone)
    found = {library.card(int(row)).key for row in rows}
    library.close()
    return found


def keys_of(make_case: MakeCase, *numbers: int) -> set[str]:
    return {make_case(number).card.key for number in numbers}


def inodes(folder: Path) -> dict[str, int]:
    place = current(folder).folder
    return {f"{path.parent.name}/{path.name}": path.stat().st_ino for path in place.glob("seg-*/*")}


def test_what_is_added_is_found_beside_what_was_there_and_only_the_new_segment_is_written(
    folder: Path, make_case: MakeCase, keyring: Keyring
) -> None:
    before, thresholds = inodes(folder), current(folder).manifest.thresholds
    info = add([make_case(n) for n in range(30, 45)], ENCODER, folder, keyring=keyring, source="more", notes={"names replaced": 4})
    assert (info.cases, info.changed, info.segments) == (45, 15, (("seg-0001", 30), ("seg-0002", 15)))
    assert (info.source, info.notes) == ("; more", {"names replaced": 4})
    assert before.items() <= inodes(folder).items()
    assert keys(folder) == keys_of(make_case, *range(45))
    assert check(folder).cases == 45
    now = current(folder).manifest.thresholds
    assert {kind: limit.queries for kind, limit in now.items()} == dict.fromkeys(thresholds, 45)


def test_a_grown_index_answers_as_one_that_was_built_at_once(
    folder: Path, tmp_path: Path, make_case: MakeCase, make_index: Any, keyring: Keyring
) -> None:
    add([make_case(n) for n in range(30, 45)], ENCODER, folder, keyring=keyring)
    add([make_case(n) for n in range(45, 60)], ENCODER, folder, keyring=keyring)
    at_once = open_library(make_index(tmp_path / "other", [make_case(n) for n in range(60)]).folder, ENCODER.fingerprint)
    grown = open_library(folder, ENCODER.fingerprint)
    assert {kind: limit.distance for kind, limit in grown.manifest.thresholds.items()} == {
        kind: limit.distance for kind, limit in at_once.manifest.thresholds.items()
    }
    for number in (3, 40, 70):
        query = asking(make_case(number), keyring)
        assert grown.search(query).neighbours == at_once.search(query).neighbours


def asking(case: SourceCase, keyring: Keyring, **changes: Any) -> Query:
    return Query(
        image=ENCODER.images([case.image])[0],
        text=ENCODER.texts([case.card.report])[0],
        as_of=date(2100, 1, 1),
        key_check=keyring.check,
        **changes,
    )


def test_a_case_that_is_there_already_is_skipped_and_counted(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    info = add([make_case(n) for n in range(25, 35)], ENCODER, folder, keyring=keyring)
    assert (info.cases, info.changed, info.skipped) == (35, 5, {"key stands twice": 5})


def test_where_all_are_there_already_nothing_changes(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    before = current(folder).sha256
    with pytest.raises(NothingToIndex):
        add([make_case(n) for n in range(5)], ENCODER, folder, keyring=keyring)
    assert current(folder).sha256 == before
    assert not list(folder.glob("building-*"))


@pytest.mark.fault(82)
@pytest.mark.fault(88)
def test_vectors_of_another_encoder_and_keys_of_another_site_are_refused(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    before = current(folder).sha256
    with pytest.raises(EncoderMismatch):
        add([make_case(40)], HashEncoder(32, seed=1), folder, keyring=keyring)
    for other in (Keyring(b"the secret of another site", keyring.salt), Keyring(keyring.secret, b"another salt")):
        with pytest.raises(OtherSite):
            add([make_case(40)], ENCODER, folder, keyring=other)
    assert current(folder).sha256 == before


def test_an_index_that_is_not_there_cannot_change_and_none_is_made(tmp_path: Path, make_case: MakeCase, keyring: Keyring) -> None:
    for change in (
        lambda: add([make_case(1)], ENCODER, tmp_path / "none", keyring=keyring),
        lambda: remove(tmp_path / "none", reason="wrong"),
        lambda: release(tmp_path / "none", []),
        lambda: compact(tmp_path / "none"),
    ):
        with pytest.raises(IndexMissing):
            change()
    assert not (tmp_path / "none").exists()


def test_an_index_that_changes_is_not_changed_by_another(folder: Path) -> None:
    with workplace(folder), pytest.raises(IndexBusy):
        compact(folder)


def test_a_case_that_is_removed_is_never_found_and_counted_by_its_reason(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    query = asking(make_case(4), keyring)
    info = remove(folder, reason="wrong report", case_keys=keys_of(make_case, 4, 9, 999))
    assert (info.cases, info.changed, info.gone, info.quarantined) == (28, 2, {"wrong report": 2}, 0)
    assert keys(folder) == keys_of(make_case, *(set(range(30)) - {4, 9}))
    result = open_library(folder, ENCODER.fingerprint).search(query)
    assert result.searched == 28
    assert make_case(4).card.key not in {neighbour.card.key for neighbour in result.neighbours}
    assert {limit.queries for limit in current(folder).manifest.thresholds.values()} == {28}


def test_a_person_is_removed_with_all_cases_by_any_identifier_and_none_of_them_comes_back(
    tmp_path: Path, make_case: MakeCase, make_index: Any, keyring: Keyring
) -> None:
    other = keyring.person("another number of person 3")
    linked = make_case(20, linked=(keyring.person("person 3"), keyring.person("x"))), make_case(22, linked=(other, keyring.person("x")))
    folder = make_index(tmp_path / "library", [*(make_case(n) for n in range(20)), *linked]).folder
    info = remove(folder, reason="consent withdrawn", person_keys=[keyring.person("person 3")])
    assert (info.cases, info.changed) == (18, 4)
    assert keys(folder) == keys_of(make_case, *(set(range(20)) - {6, 7}))
    info = add([make_case(6), make_case(30, linked=(other,)), make_case(31)], ENCODER, folder, keyring=keyring)
    assert (info.changed, info.skipped) == (1, {"person was removed": 2})
    compact(folder)
    info = build([make_case(n) for n in range(20)], ENCODER, folder, keyring=keyring)
    assert (info.cases, info.skipped) == (18, {"person was removed": 2})
    another = Keyring(keyring.secret, b"another salt")
    assert build([make_case(n) for n in range(20)], ENCODER, folder, keyring=another).cases == 20


def test_people_with_the_same_number_in_two_systems_are_not_removed_one_after_another(
    tmp_path: Path, make_case: MakeCase, make_index: Any, keyring: Keyring
) -> None:
    """Person n has number n at one place and number n + 1 at another: without a system they would be one chain of everybody."""

    def case(number: int) -> SourceCase:
        names = keyring.persons(f"urn:one|{number}") | keyring.persons(f"urn:two|{number + 1}")
        own = keyring.person(f"urn:one|{number}")
        return make_case(number, person=own, linked=tuple(sorted(names - {own})))

    dicom = make_case(40, person=keyring.person("|7"))
    folder = make_index(tmp_path / "library", [*map(case, range(20)), dicom]).folder
    info = remove(folder, reason="consent withdrawn", person_keys=[keyring.person("urn:one|7")])
    assert keys(folder) == keys_of(make_case, *(set(range(20)) - {6, 7, 8}))
    assert info.changed == 4
    again = add([make_case(41, person=keyring.person("|7")), make_case(42)], ENCODER, folder, keyring=keyring)
    assert again.skipped == {"person was removed": 1}


def test_a_person_of_whom_nothing_is_there_is_remembered_all_the_same(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    remove(folder, reason="consent withdrawn", person_keys=[keyring.person("person 20")])
    assert add([make_case(40), make_case(44)], ENCODER, folder, keyring=keyring).skipped == {"person was removed": 1}


def test_what_is_removed_already_or_was_never_there_changes_nothing(folder: Path, make_case: MakeCase) -> None:
    remove(folder, reason="wrong", case_keys=keys_of(make_case, 4))
    before = current(folder).sha256
    assert remove(folder, reason="wrong", case_keys=keys_of(make_case, 4, 77)).changed == 0
    assert release(folder, keys_of(make_case, 4, 5)).changed == 0
    assert current(folder).sha256 == before


def test_a_key_is_meant_as_a_whole(folder: Path, make_case: MakeCase) -> None:
    """Columns hold 64 bits of a key: half a key that agrees removes nobody."""
    key = make_case(4).card.key
    assert remove(folder, reason="wrong", case_keys=[key[:16] + "0" * 16]).changed == 0


def test_a_removed_case_may_be_added_again_and_is_found_once(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    remove(folder, reason="wrong report", case_keys=keys_of(make_case, 4))
    info = add([make_case(4, report="pleural effusion on the left side now")], ENCODER, folder, keyring=keyring)
    assert (info.cases, info.changed) == (30, 1)
    assert keys(folder) == keys_of(make_case, *range(30))
    assert open_library(folder, ENCODER.fingerprint).card(30).report == "pleural effusion on the left side now"


@pytest.mark.parametrize("reason", ["", "Jane Doe, born 1950", "MRN 12345", "x" * 61, "wrong\nreport", "1"])
def test_a_reason_names_nobody(folder: Path, reason: str) -> None:
    with pytest.raises(BadCase):
        remove(folder, reason=reason, case_keys=[])


def test_reports_are_for_whoever_built_the_index_and_nobody_else(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    add([make_case(n) for n in range(30, 45)], ENCODER, folder, keyring=keyring)
    remove(folder, reason="consent withdrawn", case_keys=keys_of(make_case, 4))
    compact(folder)
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.glob("gen-*"))} == {0o700}


@pytest.mark.fault(82)
def test_no_generation_that_stays_would_answer_with_what_was_removed(folder: Path, make_case: MakeCase) -> None:
    remove(folder, reason="consent withdrawn", case_keys=keys_of(make_case, 4))
    (current(folder).folder / "gone.json").write_text("{}")
    library = open_library(folder, ENCODER.fingerprint, last_good_instead=True)
    assert "refused" in library.notice
    assert (library.info.cases, library.stack.gone.tolist()) == (29, [4])


def test_compacting_writes_one_segment_without_what_was_removed_and_leaves_no_byte_of_it(
    folder: Path, make_case: MakeCase, keyring: Keyring
) -> None:
    add([make_case(n) for n in range(30, 45)], ENCODER, folder, keyring=keyring)
    remove(folder, reason="consent withdrawn", case_keys=keys_of(make_case, 4, 44))
    query = asking(make_case(70), keyring)
    before = open_library(folder, ENCODER.fingerprint).search(query)
    info = compact(folder)
    assert (info.cases, info.changed, info.gone, len(info.segments)) == (43, 43, {}, 1)
    after = open_library(folder, ENCODER.fingerprint).search(query)
    assert (after.neighbours, after.threshold, after.searched) == (before.neighbours, before.threshold, before.searched)
    assert check(folder).cases == 43
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for number in (4, 44):
        assert make_case(number).card.report.encode() not in left
        assert make_case(number).card.key.encode() not in left


def test_compacting_where_nothing_was_removed_keeps_the_generation_before(folder: Path, make_case: MakeCase, keyring: Keyring) -> None:
    add([make_case(30)], ENCODER, folder, keyring=keyring)
    compact(folder)
    assert sorted(path.name for path in folder.glob("gen-*")) == ["gen-0002", "gen-0003"]
    assert keys(folder) == keys_of(make_case, *range(31))


def test_an_index_of_which_all_was_removed_finds_nothing_and_cannot_be_compacted(
    folder: Path, make_case: MakeCase, keyring: Keyring
) -> None:
    assert remove(folder, reason="wrong", case_keys=keys_of(make_case, *range(30))).cases == 0
    result = open_library(folder, ENCODER.fingerprint).search(asking(make_case(70), keyring))
    assert (result.neighbours, result.comparable, result.searched) == ((), False, 0)
    with pytest.raises(NothingToIndex):
        compact(folder)
    assert check(folder).cases == 0


@pytest.fixture
def poisoned(folder: Path, make_case: MakeCase, keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The index after three cases were added, of which the hubness check holds back the first and the last."""
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "hubs", lambda stack, new, weight: tuple((int(row), "near to too many cases") for row in new[::2]))
        info = add([make_case(n) for n in (30, 31, 32)], ENCODER, folder, keyring=keyring)
    assert (info.cases, info.changed, info.gone, info.quarantined) == (31, 3, {"near to too many cases": 2}, 2)
    return folder


@pytest.mark.fault(87)
def test_what_is_quarantined_is_not_found_until_it_is_released(poisoned: Path, make_case: MakeCase) -> None:
    assert keys(poisoned) == keys_of(make_case, *range(30), 31)
    assert {case.key: case.reason for case in quarantine(poisoned)} == dict.fromkeys(keys_of(make_case, 30, 32), "near to too many cases")
    info = release(poisoned, keys_of(make_case, 30, 5))
    assert (info.cases, info.changed, info.quarantined) == (32, 1, 1)
    assert keys(poisoned) == keys_of(make_case, *range(32))


@pytest.mark.fault(87)
def test_adding_a_quarantined_case_again_does_not_bring_it_in(poisoned: Path, make_case: MakeCase, keyring: Keyring) -> None:
    assert add([make_case(30), make_case(33)], ENCODER, poisoned, keyring=keyring).skipped == {"key stands twice": 1}
    assert keys(poisoned) == keys_of(make_case, *range(30), 31, 33)


@pytest.mark.fault(87)
def test_a_quarantined_case_stays_so_through_compaction_and_may_be_removed_for_good(poisoned: Path, make_case: MakeCase) -> None:
    remove(poisoned, reason="wrong", case_keys=keys_of(make_case, 3))
    info = compact(poisoned)
    assert (info.cases, info.quarantined, info.segments[0][1]) == (30, 2, 32)
    assert keys(poisoned) == keys_of(make_case, *(set(range(32)) - {3, 30}))
    info = remove(poisoned, reason="poisoned", case_keys=keys_of(make_case, 30))
    assert (info.changed, info.gone, info.quarantined) == (1, {"near to too many cases": 1, "poisoned": 1}, 1)
    assert release(poisoned, keys_of(make_case, 30, 32)).changed == 1
    assert keys(poisoned) == keys_of(make_case, *(set(range(33)) - {3, 30}))


@pytest.mark.fault(87)
def test_hubs_of_a_first_build_are_counted_and_not_held_back(
    tmp_path: Path, make_case: MakeCase, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "hubs", lambda stack, new, weight: ((1, "near to too many cases"),))
    info = build([make_case(n) for n in range(5)], ENCODER, tmp_path, keyring=keyring, notes={"names replaced": 2})
    assert (info.cases, info.quarantined, info.notes) == (5, 0, {"names replaced": 2, "near to too many cases": 1})


@pytest.mark.fault(87)
def test_a_flood_of_poisoned_cases_is_held_back_by_the_real_check(
    tmp_path: Path, make_case: MakeCase, make_index: Any, keyring: Keyring
) -> None:
    """Reports that hold every word of the library come near to all of it."""
    folder = make_index(tmp_path / "library", [make_case(n) for n in range(240)]).folder
    library = open_library(folder, ENCODER.fingerprint)
    middle = library.stack.vectors(np.arange(240)).mean(0)

    class Hub(HashEncoder):
        def images(self, batch: Any) -> np.ndarray:
            return np.tile(middle[:32] / np.linalg.norm(middle[:32]), (len(batch), 1)).astype(np.float32)

        def texts(self, batch: Any) -> np.ndarray:
            return np.tile(middle[32:] / np.linalg.norm(middle[32:]), (len(batch), 1)).astype(np.float32)

    info = add([make_case(n) for n in range(300, 304)], Hub(32), folder, keyring=keyring)
    assert (info.changed, info.quarantined, info.cases) == (4, 4, 240)

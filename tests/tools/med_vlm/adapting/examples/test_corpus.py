"""An archive becomes pairs: only what may be used, without identities, no person on two sides."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.errors import BadArchive
from tools.med_vlm.adapting.examples.corpus import Corpus, Pair, read_corpus
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.errors import TrainingDataRefused

Write = Callable[[Path, Sequence[dict[str, Any]]], Path]
Case = Callable[..., dict[str, Any]]
ALL = Plan(held_out=0.0)


def pairs_of(corpus: Corpus) -> list[Pair]:
    return sorted((pair for some in corpus.pairs.values() for pair in some), key=lambda pair: pair.line)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owners=st.lists(st.integers(0, 11), min_size=24, max_size=24), linked=st.dictionaries(st.integers(0, 11), st.integers(0, 11)))
def test_no_person_is_ever_on_two_sides(
    owners: list[int], linked: dict[int, int], tmp_path_factory: pytest.TempPathFactory, write: Write, case: Case
) -> None:
    numbers = range(1000, 1000 + len(owners))
    told = [
        case(n, person=f"urn:mrn|P{owner}x", identifiers=[f"urn:mrn|P{linked[owner]}x"] if owner in linked else [], image="images/one.png")
        for n, owner in zip(numbers, owners, strict=True)
    ]
    for one in told:  # an image of its own name for each, all one file
        one["image"] = f"images/{one['key']}.png"
    folder = write(tmp_path_factory.mktemp("split"), told)
    try:
        corpus = read_corpus(folder, Plan(held_out=0.4, calibration=0.2))
    except TrainingDataRefused:  # so few persons may all fall on one side
        return
    sides = {pair.line: part for part, some in corpus.pairs.items() for pair in some}
    for one, first in enumerate(owners):
        for other, second in enumerate(owners):
            if first == second or linked.get(first) == second:
                assert sides[one + 1] == sides[other + 1]
    persons = [{pair.person for pair in some} for some in corpus.pairs.values()]
    assert sum(map(len, persons)) == len(set().union(*persons))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"person": "urn:mrn|0012-34a"}, {"person": "urn:mrn|1234A"}),
        ({"person": "A|1", "identifiers": ["B|77"]}, {"person": "B|77"}),
        ({"person": "A|1", "study": "9.9"}, {"person": "A|2", "study": "urn:oid:9.9"}),
        ({"person": "A|1", "image": "images/same.png"}, {"person": "A|2", "image": "images/same.png"}),
    ],
)
def test_what_could_be_one_person_is_one(first: dict[str, Any], second: dict[str, Any], tmp_path: Path, write: Write, case: Case) -> None:
    folder = write(tmp_path, [case(0, **first), case(1, **{"person": "urn:mrn|other", **second}), case(2, person="C|3")])
    one, other, stranger = pairs_of(read_corpus(folder, ALL))
    assert one.person == other.person != stranger.person


def test_a_person_stays_on_one_side_when_the_archive_grows(tmp_path: Path, write: Write, case: Case) -> None:
    plan = Plan(held_out=0.3)
    small = read_corpus(write(tmp_path / "small", [case(n) for n in range(40)]), plan)
    large = read_corpus(write(tmp_path / "large", [case(n) for n in range(80)]), plan)
    before, after = ({pair.line for pair in corpus.pairs["held_out"]} for corpus in (small, large))
    assert before == {line for line in after if line <= 40}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"licence": "CC-BY-NC-4.0"}, "licence forbids commercial use"),
        ({"licence": "CC BY-NC-SA"}, "licence forbids commercial use"),
        ({"licence": "for research use only"}, "licence forbids commercial use"),
        ({"licence": "UNKNOWN"}, "licence is not stated"),
        ({"consent": "care alone"}, "consent does not allow training"),
        ({"image": "images/nowhere.png"}, "image file is missing"),
        ({"report": ""}, "not a case: report"),
    ],
)
def test_what_may_not_be_used_is_left_out_and_counted(
    change: dict[str, Any], reason: str, tmp_path: Path, write: Write, case: Case
) -> None:
    folder = write(tmp_path, [case(n) for n in range(5)])
    lines = [json.dumps(case(n) if n < 4 else {**case(n), **change}) for n in range(5)]
    (folder / "cases.jsonl").write_text("\n".join(lines))
    corpus = read_corpus(folder, Plan(held_out=0.0, consents=("broad consent 2019",)))
    assert corpus.left_out == {reason: 1}
    assert len(corpus.pairs["train"]) == 4


def test_an_explicit_yes_lets_noncommercial_cases_in(tmp_path: Path, write: Write, case: Case) -> None:
    folder = write(tmp_path, [case(n, licence="CC-BY-NC-4.0") for n in range(3)])
    with pytest.raises(TrainingDataRefused, match="of 0 usable cases"):
        read_corpus(folder, ALL)
    corpus = read_corpus(folder, Plan(held_out=0.0, noncommercial=True))
    assert corpus.licences == {"CC-BY-NC-4.0": 3}


@pytest.mark.parametrize("licence", ["CC0-1.0", "CC-BY-SA-4.0", "incumbent's own", "NCSA"])
def test_a_licence_is_not_taken_for_what_its_letters_hold(licence: str, tmp_path: Path, write: Write, case: Case) -> None:
    assert len(read_corpus(write(tmp_path, [case(0, licence=licence)]), ALL).pairs["train"]) == 1


def test_identifiers_are_taken_out_of_reports_and_counted(tmp_path: Path, write: Write, case: Case) -> None:
    folder = write(tmp_path, [case(0, report="Left pleural effusion. Seen on 03/04/2021 by Dr. Miller, MRN: 4711-22.")])
    corpus = read_corpus(folder, ALL)
    (pair,) = pairs_of(corpus)
    assert "Miller" not in pair.report
    assert "4711" not in pair.report
    assert corpus.redactions["DATE"] == 1
    assert pair.said["pleural_effusion"] == "present"
    assert pair.sides["pleural_effusion"] == "left"


def test_nothing_of_a_report_or_a_person_shows_in_a_pair(tmp_path: Path, write: Write, case: Case) -> None:
    (pair,) = pairs_of(read_corpus(write(tmp_path, [case(0)]), ALL))
    assert "P0x" not in repr(pair)
    assert "Large" not in repr(pair)


def test_what_the_archive_states_goes_before_the_labeler(tmp_path: Path, write: Write, case: Case) -> None:
    folder = write(
        tmp_path, [case(0, report="Herdschatten.", findings=[{"key": "nodule", "side": "left"}, {"key": "nodule", "side": "right"}])]
    )
    (pair,) = pairs_of(read_corpus(folder, ALL))
    assert pair.said["nodule"] == "present"
    assert pair.sides["nodule"] == "bilateral"


def test_a_part_without_a_case_is_refused(tmp_path: Path, write: Write, case: Case) -> None:
    with pytest.raises(TrainingDataRefused, match="none is left for held_out"):
        read_corpus(write(tmp_path, [case(0)]), Plan(held_out=0.01))


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        read_corpus(tmp_path, ALL)

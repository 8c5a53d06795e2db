"""A search that sees the findings ranks above chance; baselines answer as they say they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.asking import Asking, embedded, query
from evaluation.case_sets import CaseSet, Divided
from evaluation.findings import COMMONEST, FIRST, NEAREST, RANDOM, SHOWN, Ranked, ranked
from evaluation.metrics import precision
from retrieval.cards import CaseFinding, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.generation.columns import finding_set
from retrieval.library import Library


@pytest.fixture(scope="module")
def asked(parts: Divided, encoder: HashEncoder) -> tuple[Asking, ...]:
    return embedded(encoder, parts.queries)


@pytest.fixture(scope="module")
def answers(library: Library, asked: tuple[Asking, ...], case_set: CaseSet) -> dict[str, Ranked]:
    return {one.name: one for one in ranked(library, asked, case_set.keyring.check, ("fused", "image", "text"))}


def test_every_way_to_answer_is_measured_on_every_query(answers: dict[str, Ranked]) -> None:
    assert list(answers) == [SHOWN, *NEAREST.values(), RANDOM, COMMONEST]
    assert {one.answered.queries for one in answers.values()} == {40}
    assert {one.answered.persons for one in answers.values()} == {20}


def test_where_images_show_the_findings_the_nearest_share_them(answers: dict[str, Ranked]) -> None:
    near, chance = answers[NEAREST["image"]], answers[RANDOM]
    assert (near.precision.low or 0) > (chance.precision.high or 1)
    assert (near.ndcg.value or 0) > 0.95
    assert (near.lead.low or 0) > 0.4
    assert 0.15 < (chance.precision.value or 0) < 0.4


def test_a_random_order_leads_nothing_on_average(answers: dict[str, Ranked]) -> None:
    lead = answers[RANDOM].lead
    assert lead.low is not None
    assert lead.high is not None
    assert lead.low < 0 < lead.high


def test_always_the_commonest_is_right_as_often_as_that_is_what_is_asked(
    answers: dict[str, Ranked], library: Library, asked: tuple[Asking, ...]
) -> None:
    codes = library.stack.columns.findings
    commonest = codes.values[int(np.bincount(codes.codes).argmax())]
    assert answers[COMMONEST].precision.value == pytest.approx(np.mean([finding_set(one.card) == commonest for one in asked]))


def test_the_nearest_are_measured_as_the_search_finds_them(
    answers: dict[str, Ranked], library: Library, asked: tuple[Asking, ...], case_set: CaseSet
) -> None:
    """Again, from the cards themselves."""
    shares: list[float] = []
    for one in asked:
        rows = library.nearest(query(one, "text", case_set.keyring.check, k=FIRST, known="fused"), FIRST).rows
        own = {finding.key for finding in one.card.findings}
        theirs = [{finding.key for finding in library.card(int(row)).findings} for row in rows]
        shares.append(precision([float(own == other or bool(own & other)) for other in theirs], FIRST) or 0)
    assert answers[NEAREST["text"]].precision.value == pytest.approx(np.mean(shares))


def test_what_a_review_shows_is_counted_only_where_it_shows_something(
    library: Library, asked: tuple[Asking, ...], case_set: CaseSet, unlike: Any
) -> None:
    """Half the queries are made noise: they are not answered, and the others' figures stay what they were."""
    check = case_set.keyring.check
    half = tuple(unlike(one) for one in asked[:20])
    alone = next(iter(ranked(library, asked[20:], check, ("fused", "image", "text"))))
    mixed = next(iter(ranked(library, (*half, *asked[20:]), check, ("fused", "image", "text"))))
    assert (mixed.answered.value or 0) <= 0.5
    assert mixed.precision.value == pytest.approx(alone.precision.value)


@pytest.fixture
def unlike() -> Callable[[Asking], Asking]:
    def noise(one: Asking) -> Asking:
        random = np.random.default_rng(one.card.image_hash % 1_000)
        image, text = (random.standard_normal(64).astype(np.float32) for _ in range(2))
        return replace(one, image=image / np.linalg.norm(image), text=text / np.linalg.norm(text))

    return noise


def test_a_set_asked_by_image_alone_is_not_asked_by_report(library: Library, asked: tuple[Asking, ...], case_set: CaseSet) -> None:
    made = ranked(library, asked, case_set.keyring.check, ("image",))
    assert [one.name for one in made] == [SHOWN, NEAREST["image"], RANDOM, COMMONEST]


def test_a_finding_that_the_library_does_not_know_is_shared_by_nobody(
    library: Library, case_set: CaseSet, make_case: Callable[..., SourceCase], encoder: HashEncoder
) -> None:
    alone = embedded(encoder, [make_case(200, findings=(CaseFinding("pneumothorax"),))])
    for one in ranked(library, alone, case_set.keyring.check, ("fused",)):
        assert one.precision.value in (0, None)
        assert one.ndcg.value is None


def test_all_kinds_rank_the_same_cases(
    case_set: CaseSet, make_case: Callable[..., SourceCase], build_of: Any, encoder: HashEncoder
) -> None:
    """The one case that shares the finding has the same image: no kind may count it, the report alone neither."""
    rare = (CaseFinding("pneumothorax"),)
    asking = make_case(200, findings=rare, report="left apical pneumothorax")
    twin = replace(make_case(210, findings=rare, report="left apical pneumothorax small"), image=asking.image)
    twin = replace(twin, card=replace(twin.card, image_hash=asking.card.image_hash))
    with build_of((*case_set.cases[:40], twin), encoder) as library:
        made = ranked(library, embedded(encoder, [asking]), case_set.keyring.check, ("fused", "image", "text"))
    assert {one.precision.value for one in made} <= {0, None}


def test_what_a_review_shows_can_be_left_out(library: Library, asked: tuple[Asking, ...], case_set: CaseSet) -> None:
    made = ranked(library, asked[:3], case_set.keyring.check, ("image",), shown=False)
    assert [one.name for one in made] == [NEAREST["image"], RANDOM, COMMONEST]

"""Kleene's tables."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from policies.conditions.answer import Answer, all_of, answer, any_of, negated

three = st.sampled_from([True, False, None])


@given(st.lists(three, min_size=1, max_size=5))
def test_all_any_and_not_follow_kleene(values: list[bool | None]) -> None:
    answers = [answer(value, "X/1", str(value)) for value in values]
    expected_all = False if False in values else None if None in values else True
    expected_any = True if True in values else None if None in values else False
    assert all_of(answers).value is expected_all
    assert any_of(answers).value is expected_any
    assert negated(all_of(answers)).value is any_of([negated(a) for a in answers]).value


def test_the_basis_is_of_the_parts_that_carry_the_answer() -> None:
    yes, no, open_ = answer(True, "X/a", "a"), answer(False, "X/b", "b"), answer(None, "X/c", "c")
    assert [b.detail for b in any_of([yes, no, open_]).basis] == ["a"]
    assert [b.detail for b in any_of([no, open_]).basis] == ["c"]
    assert [b.detail for b in all_of([yes, open_]).basis] == ["a", "c"]


def test_a_no_ends_the_question_and_is_its_only_basis() -> None:
    asked: list[str] = []

    def each() -> Iterator[Answer]:
        for name, value in (("a", True), ("b", False), ("c", True)):
            asked.append(name)
            yield answer(value, f"X/{name}", name)

    assert [b.detail for b in all_of(each()).basis] == ["b"]
    assert asked == ["a", "b"]

"""Anatomy: proportions follow age, sex and habitus, and stay anatomical."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.phantoms.anatomy import Displacement, build
from sandbox.phantoms.errors import SpecRefused
from sandbox.phantoms.spec import PhantomSpec, Subject

SUBJECTS = st.builds(
    Subject,
    age=st.integers(0, 95),
    sex=st.sampled_from(["female", "male"]),
    habitus=st.sampled_from(["slim", "average", "large"]),
    seed=st.integers(0, 2**31),
)


@settings(max_examples=150, deadline=None)
@given(subject=SUBJECTS, seed=st.integers(0, 2**31), view=st.sampled_from(["PA", "AP"]))
def test_every_chest_is_anatomical(subject: Subject, seed: int, view: str) -> None:
    a = build(PhantomSpec(subject, (), view, seed), Displacement())  # type: ignore[arg-type]  # sampled_from gives str
    assert a.right.dome < a.left.dome, "the right hemidiaphragm stands higher"
    assert a.right.apex < a.carina[1] < a.right.dome < a.right.angle < 1.0
    assert a.heart[1] > a.heart[0], "two thirds of the heart lie to the left"
    assert 0.35 < a.cardiothoracic_ratio < (0.50 if subject.age > 15 else 0.57)
    rows = np.linspace(a.right.level(0.1), a.right.level(0.95), 40, dtype=np.float32)
    for side in (a.right, a.left):
        assert (side.outer(rows) - side.inner(rows) > 0.01).all(), "there is lung between mediastinum and wall"


def test_infants_have_wider_hearts_and_smaller_chests_than_adults() -> None:
    chests = [[build(PhantomSpec(Subject(age, "male", "average", seed)), Displacement()) for seed in range(20)] for age in (0, 40)]
    infant, adult = ([np.mean([a.cardiothoracic_ratio for a in group]), np.mean([a.field_mm for a in group])] for group in chests)
    assert infant[0] > adult[0] + 0.03
    assert infant[1] < 0.6 * adult[1]


@pytest.mark.parametrize(("age", "sex", "expected"), [(40, "female", True), (40, "male", False), (8, "female", False)])
def test_breast_shadows_belong_to_grown_women(age: int, sex: str, expected: bool) -> None:
    a = build(PhantomSpec(Subject(age, sex, "average", 1)), Displacement())  # type: ignore[arg-type]  # parametrize gives str
    assert (a.breast > 0) is expected


def test_habitus_changes_the_soft_tissue() -> None:
    slim, large = (build(PhantomSpec(Subject(50, "male", h, 3)), Displacement()) for h in ("slim", "large"))
    assert large.wall > slim.wall + 0.03
    assert large.field_mm > slim.field_mm


def test_a_displacement_moves_the_mediastinum_below_the_neck_only() -> None:
    spec = PhantomSpec(Subject(50, "male", "average", 3))
    still, moved = build(spec, Displacement()), build(spec, Displacement(shift=0.08))
    low, high = np.asarray([still.left.level(0.8)], np.float32), np.asarray([still.left.apex - 0.1], np.float32)
    assert moved.left.inner(low)[0] - still.left.inner(low)[0] == pytest.approx(0.08, abs=0.005)
    assert moved.right.inner(low)[0] - still.right.inner(low)[0] == pytest.approx(-0.08, abs=0.005)
    assert moved.left.inner(high)[0] == pytest.approx(still.left.inner(high)[0], abs=0.01)


@pytest.mark.parametrize("age", [-1, 111])
def test_refuses_an_age_nobody_has(age: int) -> None:
    with pytest.raises(SpecRefused):
        build(PhantomSpec(Subject(age, "male", "average", 1)), Displacement())

"""The scene: two lungs and what replaces their air."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sandbox.phantoms.canvas import grid
from sandbox.phantoms.render import anatomy_of
from sandbox.phantoms.scene import scene, total_air
from sandbox.phantoms.spec import PhantomSpec

Study = Callable[..., PhantomSpec]


def test_each_lung_lies_on_its_side(study: Study) -> None:
    made = scene(grid(128), anatomy_of(study()))
    for name, sign in (("right", -1), ("left", 1)):
        lung = made.lungs[name]
        x = made.grid.x[0, lung.columns]
        assert (sign * x[np.nonzero(lung.inside.any(axis=0))[0]]).mean() > 0.1


def test_there_is_no_air_above_the_apex_or_below_the_diaphragm(study: Study) -> None:
    made = scene(grid(128), anatomy_of(study()))
    air, y = total_air(made), made.grid.y[:, 0]
    assert air[y < made.anatomy.right.apex - 0.03].max() < 0.01
    assert air[y > made.anatomy.left.angle + 0.02].max() < 0.01
    assert air.max() > 0.7


def test_filling_twice_never_removes_more_air_than_there_is(study: Study) -> None:
    made = scene(grid(96), anatomy_of(study()))
    lung = made.lungs["left"]
    for _ in range(3):
        made.add_fill(lung, np.full(lung.air.shape, 0.8, np.float32))
    assert made.fill.max() <= 1.0
    assert made.fill[:, :30].max() == 0, "the other lung keeps its air"


def test_marks_of_one_finding_add_up(study: Study) -> None:
    made = scene(grid(64), anatomy_of(study()))
    for lung in made.lungs.values():
        made.mark_lung("nodule", lung, lung.inside)
    assert made.masks["nodule"][:, :30].any()
    assert made.masks["nodule"][:, 34:].any()

"""The healthy frontal chest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sandbox.phantoms import frontal
from sandbox.phantoms.canvas import grid
from sandbox.phantoms.render import anatomy_of
from sandbox.phantoms.scene import scene
from sandbox.phantoms.spec import PhantomSpec, Subject

Study = Callable[..., PhantomSpec]


def test_the_body_ends_in_air(study: Study) -> None:
    g = grid(128)
    body = frontal.body(g, anatomy_of(study()))
    assert body[0, 0] < 0.02
    assert body[100, 64] > 0.7


def test_the_airway_forks_at_the_carina(study: Study) -> None:
    g, a = grid(256), anatomy_of(study())
    air = frontal.airway(g, a)

    def span(y: float) -> int:
        columns = np.flatnonzero(air[int(np.searchsorted(g.y[:, 0], y))] > 0.3)
        return int(columns.max() - columns.min())

    assert span(a.carina[1] + 0.05) > 1.5 * span(a.carina[1] - 0.1)


@pytest.mark.parametrize("side", ["right", "left"])
def test_ribs_cross_the_lung_and_end_at_the_wall(side: str, study: Study) -> None:
    g, a = grid(256), anatomy_of(study())
    lung = scene(g, a).lungs[side]
    rows, drawn = frontal.ribs(lung, a)
    column = int(np.argmin(np.abs(lung.s[0] - 0.2)))
    on = drawn[:, column] > 0.02
    assert 5 <= int((np.diff(on.astype(int)) == 1).sum()) <= 22
    outside = lung.s[0] > a.side(side).width + 0.04
    assert drawn[:, outside].max() < 1e-3
    assert drawn.shape[0] == len(range(*rows.indices(256)))


def test_old_bones_are_thinner(study: Study) -> None:
    g = grid(128)
    young, old = (frontal.spine(g, anatomy_of(study(subject=Subject(age, "female", "average", 4)))).max() for age in (30, 90))
    assert old < 0.85 * young

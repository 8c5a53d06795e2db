"""The vascular texture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sandbox.phantoms.canvas import grid
from sandbox.phantoms.render import anatomy_of
from sandbox.phantoms.scene import scene
from sandbox.phantoms.spec import PhantomSpec
from sandbox.phantoms.vessels import lateral_vascular_layer, vascular_layer

Study = Callable[..., PhantomSpec]


def test_vessels_are_densest_near_the_hilum_and_thin_out_towards_the_wall(study: Study) -> None:
    g, a = grid(256), anatomy_of(study())
    layer, lung = vascular_layer(g, a, 1)[:, scene(g, a).lungs["right"].columns], scene(g, a).lungs["right"]
    depth = lung.outer - lung.s
    rows = np.abs(g.y - a.right.level(0.5)) < 0.1
    near = layer[rows & (lung.s - lung.inner < 0.06) & (lung.s > lung.inner)].mean()
    far = layer[rows & (depth < 0.05) & (depth > 0)].mean()
    assert near > 2 * far


def test_another_subject_has_other_vessels(study: Study) -> None:
    g, a = grid(128), anatomy_of(study())
    assert np.array_equal(vascular_layer(g, a, 1), vascular_layer(g, a, 1))
    assert not np.array_equal(vascular_layer(g, a, 1), vascular_layer(g, a, 2))
    assert lateral_vascular_layer(g, (0.0, 0.4), 1).max() > 0.3

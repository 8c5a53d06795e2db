"""The drawing surface."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.phantoms.canvas import Ink, blob, curve, enlarged, grid, smooth_noise, spline, step, stream, swell


def test_the_grid_centres_the_midline_and_counts_y_downwards() -> None:
    g = grid(100)
    assert g.x.shape == (1, 100)
    assert g.y.shape == (100, 1)
    assert float(g.x.sum()) == pytest.approx(0, abs=1e-4)
    assert g.y[0, 0] < 0
    assert g.y[-1, 0] > 1


def test_streams_of_different_purpose_do_not_depend_on_each_other() -> None:
    one, again, other = (stream(5, purpose).standard_normal(4) for purpose in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_step_and_a_swell_rise_where_they_should() -> None:
    distance = np.asarray([-1, -0.1, 0, 0.1, 1], np.float32)
    before = distance.copy()
    assert step(distance, 0.1).tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert swell(distance, 0.1).tolist() == pytest.approx([0, 0, 0, 1 - np.exp(-1), 1], abs=1e-3)
    assert np.array_equal(distance, before), "the input is left alone"


def test_a_curve_passes_near_its_points_and_a_spline_through_its_ends() -> None:
    at = np.asarray([0.0, 0.5, 1.0], np.float32)
    assert curve(((-0.3, 1), (0.5, 1), (1.3, 1)), at).tolist() == pytest.approx([1, 1, 1])
    path = spline([(0, 0), (0.5, 1), (1, 0)], 30)
    assert path[0] == pytest.approx((0, 0))
    assert path[-1] == pytest.approx((1, 0))


def test_noise_has_the_same_structure_at_every_size() -> None:
    small, large = (smooth_noise(stream(1, 1), 20, size) for size in (100, 200))
    assert np.corrcoef(small.ravel(), large.reshape(100, 2, 100, 2).mean(axis=(1, 3)).ravel())[0, 1] > 0.99


def test_a_stroke_lies_where_it_was_drawn_and_fades_when_thinner_than_a_pixel() -> None:
    g = grid(200)
    thick, thin = Ink(g), Ink(g)
    thick.stroke([(-0.3, 0.5), (0.3, 0.5)], 0.02, 1.0)
    thin.stroke([(-0.3, 0.5), (0.3, 0.5)], 0.0005, 1.0)
    row = int(np.argmax(thick.layer().sum(axis=1)))
    assert g.y[row, 0] == pytest.approx(0.5, abs=0.01)
    assert 0 < thin.layer().max() < 0.5 * thick.layer().max()


def test_many_strokes_at_once_draw_what_single_ones_draw() -> None:
    g, lines = grid(128), np.asarray([[(-0.3, 0.2), (0.0, 0.4), (0.3, 0.2)], [(-0.2, 0.8), (0.0, 0.6), (0.2, 0.9)]])
    one, many = Ink(g), Ink(g)
    for line in lines:
        one.stroke([(float(x), float(y)) for x, y in line], 0.008, 0.7)
    many.strokes(lines, np.full(2, 0.008), np.full(2, 0.7))
    assert np.array_equal(one.layer(), many.layer())


def test_an_enlarged_layer_keeps_its_shape() -> None:
    g = grid(64)
    layer = blob(g, (0.1, 0.4), (0.1, 0.2))
    assert enlarged(layer, 64) is layer
    assert np.abs(enlarged(layer, 128).reshape(64, 2, 64, 2).mean(axis=(1, 3)) - layer).max() < 0.02

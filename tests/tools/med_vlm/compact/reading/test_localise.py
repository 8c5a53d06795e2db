"""Boxes, maps and the pointing game on drawn maps."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.compact.preprocess import Frame
from tools.med_vlm.compact.reading.localise import component, heat_map, pointing, region, touched


def test_the_box_frames_the_cells_joined_to_the_strongest_one() -> None:
    cells = np.zeros((12, 12), dtype=np.float32)
    cells[2:4, 6:9] = 0.8
    cells[3, 7] = 0.9
    cells[10, 1] = 0.85
    box = region(cells, Frame(300, 300))
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((6 / 12, 2 / 12, 9 / 12, 4 / 12))
    assert box.score == pytest.approx(0.9)


@pytest.mark.parametrize(("rows", "columns"), [(300, 150), (150, 300)])
def test_the_box_is_in_fractions_of_the_image_and_not_of_its_padding(rows: int, columns: int) -> None:
    cells = np.zeros((12, 12), dtype=np.float32)
    cells[3:9, 3:9] = 1
    box = region(cells, Frame(rows, columns))
    tall = rows > columns
    assert (box.x0, box.x1) == pytest.approx((0, 1) if tall else (0.25, 0.75))
    assert (box.y0, box.y1) == pytest.approx((0.25, 0.75) if tall else (0, 1))


def test_cells_that_touch_over_a_corner_are_not_joined() -> None:
    mask = np.eye(4, dtype=np.bool_)
    assert component(mask, (1, 1)).sum() == 1


def test_the_map_of_a_square_image_is_the_networks_map() -> None:
    cells = np.random.default_rng(0).random((12, 12), dtype=np.float32)
    assert np.allclose(heat_map(cells, Frame(500, 500)), cells, atol=6e-4)


def test_the_map_leaves_the_padding_out() -> None:
    cells = np.zeros((12, 12), dtype=np.float32)
    cells[:, 3:9] = 1
    assert np.allclose(np.array(heat_map(cells, Frame(400, 200)))[:, 1:-1], 1)


def test_the_pointing_game_counts_hits_and_chance() -> None:
    masks = np.zeros((2, 48, 48), dtype=np.uint8)
    masks[:, 0:12, 0:24] = 255
    cells = np.zeros((2, 12, 12), dtype=np.float32)
    cells[0, 1, 1] = 1
    cells[1, 9, 9] = 1
    hits, chance = pointing(cells, masks)
    assert hits.tolist() == [True, False]
    assert chance == pytest.approx([18 / 144] * 2)


@pytest.mark.parametrize("cells", [12, 14, 24, 48, 5])
def test_a_cell_touches_what_lies_under_it_also_where_the_grids_do_not_divide(cells: int) -> None:
    masks = np.zeros((3, 48, 48), dtype=np.uint8)
    masks[0, 0, 0] = masks[1, 47, 47] = 255
    masks[2, 47, 0] = 20
    found = touched(masks, cells, cells)
    assert [tuple(one) for one in np.argwhere(found[0])] == [(0, 0)]
    assert [tuple(one) for one in np.argwhere(found[1])] == [(cells - 1, cells - 1)]
    assert not found[2].any()

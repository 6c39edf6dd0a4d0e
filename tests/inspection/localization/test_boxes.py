"""Boxes around the cells of a map, and their overlap."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dilated_cifar.inspection.localization.boxes import (
    boxes_around,
    centre_boxes,
    contains,
    overlaps,
    winning_responses,
)
from dilated_cifar.inspection.localization.grid import Grid, to_pixels, upsample

PIXELS = Grid((0.0, 0.0), (1.0, 1.0), (8, 8), (8, 8))
STRIDED = Grid((0.0, 0.0), (2.0, 2.0), (4, 4), (8, 8))
"""Centres on pixels 0, 2, 4, 6, as those of a 3x3 convolution with stride 2 and padding 1."""


def test_only_cells_where_the_class_wins_and_passes_are_in_the_box() -> None:
    maps = torch.zeros(1, 3, 8, 8)
    maps[0, 1, 2:5, 3:6] = 2.0
    maps[0, 1, 7, 7] = 1.0
    maps[0, 2, 4, :] = 5.0  # wins over class 1 in row 4
    responses = winning_responses(maps, torch.tensor([1]))
    assert boxes_around(responses, 1.5, PIXELS).tolist() == [[2, 3, 4, 6]]
    assert boxes_around(responses, 0.5, PIXELS).tolist() == [[2, 3, 8, 8]]
    assert boxes_around(responses, 2.0, PIXELS).isnan().all()


@given(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 8), st.integers(1, 8)),
    st.floats(-3, 3),
)
def test_a_box_of_winners_is_found_to_the_pixel(box: tuple[int, int, int, int], threshold: float) -> None:
    top, left, height, width = box
    bottom, right = min(8, top + height), min(8, left + width)
    maps = torch.zeros(2, 2, 8, 8)
    maps[1, 1, top:bottom, left:right] = threshold + 1 + abs(threshold)
    responses = winning_responses(maps, torch.tensor([1, 1]))
    found = boxes_around(responses, threshold, PIXELS)
    assert found[0].isnan().all()
    assert found[1].tolist() == [top, left, bottom, right]
    assert overlaps(found, torch.tensor([[0, 0, 8, 8], [top, left, bottom, right]])).tolist() == [0.0, 1.0]


def test_a_cell_reaches_half_way_to_its_neighbours_and_not_beyond_the_image() -> None:
    assert [edge.tolist() for edge in STRIDED.edges(0)] == [[0, 1.5, 3.5, 5.5], [1.5, 3.5, 5.5, 8]]
    responses = torch.full((1, 4, 4), -torch.inf)
    responses[0, 1, 3] = 1.0
    assert boxes_around(responses, 0.0, STRIDED).tolist() == [[1.5, 5.5, 3.5, 8]]
    mask = to_pixels(responses[0] > 0, STRIDED)
    assert mask.nonzero().tolist() == [[row, column] for row in (1, 2) for column in (5, 6, 7)]


def test_every_pixel_lies_in_one_cell_and_every_inner_cell_has_as_many() -> None:
    for jump in (1, 2, 4):
        grid = Grid((0.0, 0.0), (jump, jump), (32 // jump, 32 // jump), (32, 32))
        owned = torch.zeros(32, 32)
        sizes = []
        for cell in range(32 // jump):
            mask = torch.zeros(grid.shape, dtype=torch.bool)
            mask[cell, cell] = True
            owned += (pixels := to_pixels(mask, grid))
            sizes.append(int(pixels.sum()))
        assert set(sizes[1:-1]) == {jump**2}
        assert owned.diagonal().tolist() == [1.0] * 32


def test_valid_padding_leaves_a_border_without_cells() -> None:
    grid = Grid((2.0, 2.0), (1.0, 1.0), (4, 4), (8, 8))
    mask = to_pixels(torch.ones(4, 4, dtype=torch.bool), grid)
    assert mask.sum() == 16
    assert mask[2:6, 2:6].all()
    assert boxes_around(torch.ones(1, 4, 4), 0.0, grid).tolist() == [[2, 2, 6, 6]]


def test_upsampling_puts_every_cell_where_it_belongs() -> None:
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    dense = upsample(maps, STRIDED)
    assert STRIDED.of_pixels == PIXELS
    torch.testing.assert_close(dense[:, :, ::2, ::2], maps)
    torch.testing.assert_close(dense[0, 0, 0, 1], torch.tensor(0.5))
    torch.testing.assert_close(dense[0, 0, :, 7], dense[0, 0, :, 6])  # beyond the last cell


@pytest.mark.parametrize(
    ("box", "expected"), [([0, 0, 4, 4], 0.25), ([2, 2, 10, 10], 36 / 92), ([8, 8, 9, 9], 0.0)]
)
def test_overlap_is_intersection_over_union(box: list[float], expected: float) -> None:
    found = overlaps(torch.tensor([box]).double(), torch.tensor([[0, 0, 8, 8]]))
    torch.testing.assert_close(found, torch.tensor([expected]).double())


def test_the_centre_box_is_in_the_middle_and_knows_what_it_contains() -> None:
    boxes = centre_boxes(2, 4, (8, 10))
    assert boxes.tolist() == [[2, 3, 6, 7]] * 2
    assert contains(boxes, torch.tensor([[2.0, 3.0], [6.0, 5.0]])).tolist() == [True, False]

import torch

from dilated_cifar.dilation.spans import MISSING, Origin, Span, merged

SHAPE = (1, 2, 8, 8)


def of_rows() -> Span:
    return Span.of_image(SHAPE, 2)


def slid(kernel: int, stride: int = 1) -> Span:
    taps = torch.arange(0, 8, stride)[:, None] + torch.arange(kernel) - kernel // 2
    return of_rows().windowed(2, taps, stride, kernel - 1).expanded((1, 2, 8 // stride, 8))


def test_where_paths_meet_the_largest_counts_in_either_order() -> None:
    for paths in ([of_rows(), slid(5)], [slid(5), of_rows()]):
        met = merged(paths)
        assert (met.size, met.start, met.least) == (5, 0.0, 1.0)


def test_a_roll_moves_what_is_seen_and_no_size() -> None:
    rolled = slid(3).moved(lambda part: part.roll(2, 2))
    assert rolled.size == 3
    assert rolled.bounds((2, 0)) == slid(3).bounds((0, 0)) == (-1, 1)


def test_windows_see_their_own_positions_alone() -> None:
    windows = of_rows().moved(lambda part: part.reshape(1, 2, 2, 4, 8))
    seen = windows.reduced([3], Origin("pool", "global pooling"))
    assert seen.size == 4
    assert not seen.is_global


def test_what_all_positions_make_is_global_and_gives_way_to_a_map() -> None:
    pooled = of_rows().reduced([2, 3], Origin("pool", "global pooling"))
    assert pooled.is_global
    assert pooled.size == 8
    assert merged([pooled, slid(3)]).size == 3
    assert merged([pooled, pooled]).size == 8


def test_a_position_without_taps_sees_nothing() -> None:
    span = of_rows().windowed(2, torch.tensor([[0], [MISSING]]), 1.0, 0.0).expanded((1, 2, 2, 8))
    assert span.bounds((1, 0)) == (0, -1)
    assert span.size == 1

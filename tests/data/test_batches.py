import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dilated_cifar.data.batches import batches, steps_per_epoch
from dilated_cifar.data.splits import Split

COUNTS, SIZES, SEEDS, EPOCHS = (
    st.integers(1, 60),
    st.integers(1, 70),
    st.integers(0, 2**32),
    st.integers(0, 99),
)


def numbered(count: int) -> Split:
    """Images that carry their number, as their labels do."""
    labels = torch.arange(count)
    return Split(labels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32).contiguous(), labels)


def order_of(split: Split, size: int, **choice: int | bool) -> list[int]:
    return [int(label) for batch in batches(split, size, **choice) for label in batch.labels]


@given(COUNTS, SIZES, SEEDS, EPOCHS, st.booleans())
def test_an_epoch_holds_every_image_once(count: int, size: int, seed: int, epoch: int, shuffle: bool) -> None:
    order = order_of(numbered(count), size, seed=seed, epoch=epoch, shuffle=shuffle)
    assert sorted(order) == list(range(count))


@given(COUNTS, SIZES)
def test_all_batches_are_full_but_the_last(count: int, size: int) -> None:
    sizes = [len(batch.labels) for batch in batches(numbered(count), size)]
    assert len(sizes) == steps_per_epoch(count, size)
    assert all(length == size for length in sizes[:-1])
    assert 1 <= sizes[-1] <= size


@given(COUNTS, SIZES, SEEDS, EPOCHS, st.data())
def test_an_epoch_begun_later_goes_on_as_the_whole_one(
    count: int, size: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    split = numbered(count)
    start = data.draw(st.integers(0, steps_per_epoch(count, size)))
    whole = list(batches(split, size, seed=seed, epoch=epoch))
    rest = list(batches(split, size, seed=seed, epoch=epoch, start_step=start))
    assert [batch.step for batch in whole] == list(range(len(whole)))
    assert [batch.step for batch in rest] == list(range(start, len(whole)))
    for one, same in zip(whole[start:], rest, strict=True):
        assert torch.equal(one.images, same.images)
        assert torch.equal(one.labels, same.labels)
        assert one.coins.tolist() == same.coins.tolist()


@given(COUNTS, SIZES, SEEDS)
def test_an_image_keeps_its_label(count: int, size: int, seed: int) -> None:
    for batch in batches(numbered(count), size, seed=seed):
        assert batch.images.dtype == torch.uint8
        assert torch.equal(batch.images[:, 0, 0, 0].long(), batch.labels)


def test_without_shuffling_the_order_is_the_splits() -> None:
    assert order_of(numbered(50), 7, shuffle=False) == list(range(50))


@pytest.mark.parametrize("other", [{"seed": 1, "epoch": 3}, {"seed": 0, "epoch": 4}])
def test_seeds_and_epochs_have_orders_of_their_own(other: dict[str, int]) -> None:
    split = numbered(50)
    assert order_of(split, 7, seed=0, epoch=3) != order_of(split, 7, **other)

"""Randomness as a function: the same parts give the same numbers, on every machine and in any order."""

import zlib

import numpy as np
from numpy.typing import NDArray


def derive_seed(*parts: int | str) -> int:
    """Derive the seed of one purpose from what identifies it: `derive_seed("shuffle", seed, epoch)`.

    A word names the purpose, so that two purposes never share numbers; different parts, a different count
    of them among others, give unrelated seeds.

    Returns:
        A number of 63 bits, which torch and numpy both accept as a seed.

    Raises:
        ValueError: a number is negative or has more than 64 bits.
    """
    # SeedSequence pads with zeros and cuts large numbers into words of 32 bits: [7] and [7, 0] would be one
    # seed, and so would [2**32] and [0, 1]. The count and two words for every part keep them apart.
    words = [len(parts)]
    for part in parts:
        number = zlib.crc32(part.encode()) if isinstance(part, str) else part
        if not 0 <= number < 2**64:
            raise ValueError(f"a part of a seed is a whole number from 0 to 2**64 - 1, not {number}")
        words += [number & 0xFFFFFFFF, number >> 32]
    low, high = np.random.SeedSequence(words).generate_state(2, np.uint32).tolist()
    return int(low | high << 32) & (2**63 - 1)


class Stream:
    """A stream of random 64-bit words that stays the same across platforms and versions of numpy.

    numpy promises that of the words of a bit generator, but not of `Generator.integers` or `.permutation`
    (NEP 19), so the little that is needed is made from the words here.
    """

    def __init__(self, *parts: int | str) -> None:
        """Start the stream that `parts` identify, as in `derive_seed`."""
        self._words = np.random.PCG64(derive_seed(*parts))

    def words(self, *shape: int) -> NDArray[np.uint64]:
        """Draw `shape` words of 64 random bits."""
        return self._words.random_raw(int(np.prod(shape))).reshape(shape)

    def integers(self, below: int | NDArray[np.int64], *shape: int) -> NDArray[np.int64]:
        """Draw `shape` whole numbers from 0 up to but not including `below` (at most 2**31).

        A multiplication and a shift, as in Lemire (2019), without the rejection: the bias is below 2**-32
        times `below`.
        """
        high = (self.words(*shape) >> np.uint64(32)).astype(np.int64)
        return np.asarray(high * below >> 32, dtype=np.int64)

    def shares(self, *shape: int) -> NDArray[np.float64]:
        """Draw `shape` numbers from 0 up to but not including 1, each a multiple of 2**-53."""
        return np.asarray((self.words(*shape) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

    def permutation(self, count: int) -> NDArray[np.int64]:
        """Draw an order of the numbers from 0 to `count - 1`."""
        return np.argsort(self.words(count), kind="stable").astype(np.int64)


def stratified_order(labels: NDArray[np.int64], *parts: int | str) -> NDArray[np.int64]:
    """Order images at random so that every beginning of the order holds the classes in equal numbers.

    The first n of it are a stratified choice of n images; the n before and the n after any cut are disjoint.

    Args:
        labels: `[N]`, the class of each image.
        parts: what identifies this order, as in `derive_seed`.

    Returns:
        `[N]`, a permutation of the image numbers. Where n is no multiple of the number of classes, some
        classes come once more than others; a class that runs out leaves the rest to the others.
    """
    stream = Stream(*parts)
    by_class = _shuffled_by_class(labels, stream)
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    turn = stream.permutation(len(counts))  # which class goes first in each round
    return by_class[np.lexsort((turn[labels[by_class]], rank))]


def stratified_parts(labels: NDArray[np.int64], count: int, *parts: int | str) -> list[NDArray[np.int64]]:
    """Divide images at random into parts that hold each class in equal numbers, as folds are.

    Every image is in one part. The images of a class are dealt to the parts in turn, and the next class goes
    on where the last one ended: two parts differ by at most one image of each class, and in all.

    Args:
        labels: `[N]`, the class of each image.
        count: of the parts.
        parts: what identifies this division, as in `derive_seed`.

    Returns:
        The image numbers of each part, ascending.
    """
    by_class = _shuffled_by_class(labels, Stream(*parts))
    return [np.sort(by_class[first::count]) for first in range(count)]


def _shuffled_by_class(labels: NDArray[np.int64], stream: Stream) -> NDArray[np.int64]:
    """The image numbers `[N]` class by class, in a random order within each."""
    shuffled = stream.permutation(len(labels))
    return shuffled[np.argsort(labels[shuffled], kind="stable")]

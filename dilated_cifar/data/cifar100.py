"""CIFAR-100 as it is published (Krizhevsky 2009)."""

from collections.abc import Collection
from dataclasses import replace

from dilated_cifar.config.cifar100 import Cifar100Config
from dilated_cifar.data.cifar import Arrays, read_release
from dilated_cifar.data.release import Archive, Release
from dilated_cifar.registry import data_set

FILES = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}
"""The MD5 of each file."""

RELEASE = Release(
    Archive(
        name="cifar-100-python.tar.gz",
        md5="eb9058c3a382ffc7106e4002c42a8d85",
        size=169_001_437,
        folder="cifar-100-python",
        files=list(FILES),
        title="CIFAR-100",
    ),
    FILES,
    train=["train"],
    test=["test"],
    labels=b"fine_labels",
)


@data_set(Cifar100Config)
def read(
    config: Cifar100Config, wanted: Collection[str], *, progress: bool = True, release: Release = RELEASE
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted splits with fine or coarse labels, as `read_release` does."""
    release = replace(release, labels=f"{config.labels}_labels".encode())
    return read_release(release, config, wanted, progress=progress)

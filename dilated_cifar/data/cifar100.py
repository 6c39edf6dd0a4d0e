"""CIFAR-100 as it is published, by torchvision's account of it."""

from collections.abc import Collection
from dataclasses import replace

from torchvision.datasets import CIFAR100

from dilated_cifar.config.cifar100 import Cifar100Config
from dilated_cifar.data.cifar import Arrays, Release, read_release
from dilated_cifar.data.download import Archive
from dilated_cifar.registry import data_set

FILES: dict[str, str] = {
    **dict(CIFAR100.train_list),
    **dict(CIFAR100.test_list),
    CIFAR100.meta["filename"]: CIFAR100.meta["md5"],
}
"""The MD5 of each file."""

RELEASE = Release(
    Archive(
        name=CIFAR100.filename,
        md5=CIFAR100.tgz_md5,
        size=169_001_437,
        folder=CIFAR100.base_folder,
        files=list(FILES),
        title="CIFAR-100",
    ),
    FILES,
    train=[name for name, _ in CIFAR100.train_list],
    test=[name for name, _ in CIFAR100.test_list],
    labels=b"fine_labels",
)


@data_set(Cifar100Config)
def read(
    config: Cifar100Config, wanted: Collection[str], *, progress: bool = True, release: Release = RELEASE
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted splits with fine or coarse labels, as `read_release` does."""
    release = replace(release, labels=f"{config.labels}_labels".encode())
    return read_release(release, config, wanted, progress=progress)

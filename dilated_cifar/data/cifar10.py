"""CIFAR-10 as it is published, by torchvision's account of it."""

from collections.abc import Collection

from torchvision.datasets import CIFAR10

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.data.cifar import Arrays, Release, read_release
from dilated_cifar.data.download import Archive
from dilated_cifar.registry import data_set

FILES: dict[str, str] = {
    **dict(CIFAR10.train_list),
    **dict(CIFAR10.test_list),
    CIFAR10.meta["filename"]: CIFAR10.meta["md5"],
}
"""The MD5 of each file."""

ARCHIVE = Archive(
    name=CIFAR10.filename,
    md5=CIFAR10.tgz_md5,
    size=170_498_071,
    folder=CIFAR10.base_folder,
    files=list(FILES),
    title="CIFAR-10",
)
RELEASE = Release(
    ARCHIVE,
    FILES,
    train=[name for name, _ in CIFAR10.train_list],
    test=[name for name, _ in CIFAR10.test_list],
    labels=b"labels",
)


@data_set(Cifar10Config)
def read(
    config: Cifar10Config, wanted: Collection[str], *, progress: bool = True
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted splits, as `read_release` does."""
    return read_release(RELEASE, config, wanted, progress=progress)

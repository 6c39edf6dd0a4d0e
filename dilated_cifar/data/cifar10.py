"""CIFAR-10 as it is published (Krizhevsky 2009)."""

from collections.abc import Collection

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.data.cifar import Arrays, read_release
from dilated_cifar.data.release import Archive, Release
from dilated_cifar.registry import data_set

FILES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
"""The MD5 of each file."""

ARCHIVE = Archive(
    name="cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    size=170_498_071,
    folder="cifar-10-batches-py",
    files=list(FILES),
    title="CIFAR-10",
)
RELEASE = Release(
    ARCHIVE,
    FILES,
    train=[f"data_batch_{number}" for number in range(1, 6)],
    test=["test_batch"],
    labels=b"labels",
)


@data_set(Cifar10Config)
def read(
    config: Cifar10Config, wanted: Collection[str], *, progress: bool = True
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted splits, as `read_release` does."""
    return read_release(RELEASE, config, wanted, progress=progress)

"""What is known of the published data sets, against torchvision's account of them."""

import pytest
from torchvision import datasets

from dilated_cifar.data import cifar10, cifar100
from dilated_cifar.data.release import Release


@pytest.mark.parametrize(
    ("release", "known"), [(cifar10.RELEASE, datasets.CIFAR10), (cifar100.RELEASE, datasets.CIFAR100)]
)
def test_files_and_checksums_are_those_that_torchvision_has(
    release: Release, known: type[datasets.CIFAR10]
) -> None:
    archive = release.archive
    assert (archive.name, archive.md5, archive.folder) == (known.filename, known.tgz_md5, known.base_folder)
    assert {name: release.files[name] for name in release.train} == dict(known.train_list)
    assert {name: release.files[name] for name in release.test} == dict(known.test_list)
    assert release.files[known.meta["filename"]] == known.meta["md5"]
    assert archive.files == list(release.files) == [*release.train, *release.test, known.meta["filename"]]

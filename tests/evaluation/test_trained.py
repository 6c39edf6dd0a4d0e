from dataclasses import replace
from pathlib import Path

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.evaluation.trained import data_here


def test_a_checkpoint_does_not_say_where_a_download_goes_nor_where_from(tmp_path: Path) -> None:
    saved = Cifar10Config(root=str(tmp_path), addresses=["https://example.org/other.tar.gz"])
    usual = Cifar10Config().addresses
    assert data_here(saved, DataPlace()) == replace(saved, root=None, addresses=usual)
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert data_here(saved, DataPlace()) == replace(saved, addresses=usual)
    assert data_here(saved, DataPlace(root="here")) == replace(saved, root="here", addresses=usual)

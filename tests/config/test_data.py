import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from dilated_cifar.config.data import AugmentConfig, Cifar10Config, DataConfig, SpacingConfig
from dilated_cifar.errors import UserError

CONF = Path(__file__).parents[2] / "conf"


def read_yaml(name: str) -> dict[str, Any]:
    content = OmegaConf.to_container(OmegaConf.load(CONF / name))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key != "defaults"}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("data/cifar10.yaml", Cifar10Config()),
        ("data/spacing.yaml", SpacingConfig()),
        ("augment/standard.yaml", AugmentConfig()),
        ("augment/none.yaml", AugmentConfig(pad=0, flip=False)),
        ("augment/cutout.yaml", AugmentConfig(cutout=16)),
    ],
)
def test_a_yaml_shows_every_key_with_its_default(name: str, config: DataConfig | AugmentConfig) -> None:
    assert read_yaml(name) == {key: value for key, value in vars(config).items() if key != "family"}


@pytest.mark.parametrize("path", sorted([*CONF.glob("data/*.yaml"), *CONF.glob("augment/*.yaml")]))
def test_a_yaml_begins_with_a_line_that_describes_it(path: Path) -> None:
    assert path.read_text().startswith("# ")


WRONG: list[tuple[type, dict[str, Any], str]] = [
    (Cifar10Config, {"validation": -1}, "data.validation=-1"),
    (Cifar10Config, {"validation": 50_000}, "data.validation=50000"),
    (Cifar10Config, {"train_subset": 0}, "data.train_subset=0"),
    (Cifar10Config, {"split_seed": -1}, "data.split_seed=-1"),
    (Cifar10Config, {"train": 0}, "data.train=0"),
    (Cifar10Config, {"train": 45_001}, "data.train=45001"),
    (Cifar10Config, {"test": 10_001}, "data.test=10001"),
    (Cifar10Config, {"test": 0}, "data.test=0"),
    (Cifar10Config, {"mean": [0.5]}, "data.mean=[0.5]"),
    (Cifar10Config, {"std": [1.0, 0.0, 1.0]}, "data.std=[1.0, 0.0, 1.0]"),
    (Cifar10Config, {"std": [1.0, float("nan"), 1.0]}, "data.std=[1.0, nan, 1.0]"),
    (Cifar10Config, {"addresses": []}, "data.addresses=[]"),
    (Cifar10Config, {"addresses": ["/data/cifar.tar.gz"]}, "data.addresses=/data/cifar.tar.gz"),
    (Cifar10Config, {"family": "spacing"}, "data.family=spacing"),
    (SpacingConfig, {"family": "cifar10"}, "data.family=cifar10"),
    (SpacingConfig, {"train": 0}, "data.train=0"),
    (SpacingConfig, {"test": 0}, "data.test=0"),
    (SpacingConfig, {"seed": -1}, "data.seed=-1"),
    (SpacingConfig, {"smallest": 0}, "data.smallest=0"),
    (SpacingConfig, {"smallest": 11}, "data.smallest=11"),
    (SpacingConfig, {"largest": 17}, "data.largest=17"),
    (SpacingConfig, {"pairs": 0}, "data.pairs=0"),
    (SpacingConfig, {"pairs": 9}, "data.pairs=9"),
    (SpacingConfig, {"noise": -0.1}, "data.noise=-0.1"),
    (SpacingConfig, {"noise": float("nan")}, "data.noise=nan"),
    (SpacingConfig, {"shading": 0.6}, "data.shading=0.6"),
    (AugmentConfig, {"pad": -1}, "augment.pad=-1"),
    (AugmentConfig, {"pad": 32}, "augment.pad=32"),
    (AugmentConfig, {"cutout": 32}, "augment.cutout=32"),
]


@pytest.mark.parametrize(("config", "choice", "named"), WRONG, ids=[named for *_, named in WRONG])
def test_a_wrong_value_is_named_in_one_line_with_what_to_write(
    config: type, choice: dict[str, Any], named: str
) -> None:
    with pytest.raises(UserError) as error:
        config(**choice)
    message = str(error.value)
    assert message.startswith(f"{named}: expected ")
    assert "; write " in message or "; choose with " in message
    assert "\n" not in message


def test_without_download_no_address_is_needed() -> None:
    assert Cifar10Config(download=False, addresses=[]).addresses == []


def test_the_number_of_classes_is_known_beforehand() -> None:
    assert Cifar10Config().classes == 10
    assert SpacingConfig().classes == 10
    assert SpacingConfig(smallest=3, largest=5).classes == 3


def test_the_number_of_training_images_is_known_beforehand() -> None:
    assert Cifar10Config().training_images == 45_000
    assert Cifar10Config(train=100).training_images == 100
    assert SpacingConfig().training_images == 8_000


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Cifar10Config().train = 3


def test_reading_the_choices_imports_no_torch() -> None:
    program = "import sys, dilated_cifar.config.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.run import Config
from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.errors import UserError

CONF = Path(__file__).parents[2] / "conf"


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
    (Cifar10Config, {"std": [1.0, 0.0, 1.0]}, "data.std=[1.0,0.0,1.0]"),
    (Cifar10Config, {"std": [1.0, float("nan"), 1.0]}, "data.std=[1.0,nan,1.0]"),
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
]


WRONG_AUGMENT: list[tuple[dict[str, Any], str]] = [
    ({"pad": -1}, "augment.pad=-1"),
    ({"pad": 32}, "augment.pad=32"),
    ({"cutout": 32}, "augment.cutout=32"),
    ({"crop": [24], "cutout": 24}, "augment.cutout=24"),
    ({"crop": [0]}, "augment.crop=[0]"),
    ({"crop": [33]}, "augment.crop=[33]"),
    ({"crop": [24, 20]}, "augment.crop=[24,20]"),
    ({"crop": [20, 24, 28]}, "augment.crop=[20,24,28]"),
    ({"crop": [24], "canvas": 64}, "augment.crop=[24]"),
    ({"randaugment": 15}, "augment.randaugment=15"),
    ({"randaugment": 1, "magnitude": 31}, "augment.magnitude=31"),
    ({"erasing": 1.1}, "augment.erasing=1.1"),
    ({"erasing": float("nan")}, "augment.erasing=nan"),
    ({"mixup": -1.0}, "augment.mixup=-1.0"),
    ({"cutmix": float("inf")}, "augment.cutmix=inf"),
    ({"mixup": 1.0, "cutmix": 1.0}, "augment.cutmix=1.0"),
    ({"canvas": -1}, "augment.canvas=-1"),
    ({"canvas": 31, "scales": [0.5, 0.5]}, "augment.canvas=31"),
    ({"canvas": 257}, "augment.canvas=257"),
    ({"canvas": 47}, "augment.canvas=47"),
    ({"canvas": 64, "scales": [1.0]}, "augment.scales=[1.0]"),
    ({"canvas": 64, "scales": [1.5, 0.5]}, "augment.scales=[1.5,0.5]"),
    ({"canvas": 64, "scales": [0.2, 1.0]}, "augment.scales=[0.2,1.0]"),
    ({"canvas": 256, "scales": [1.0, 9.0]}, "augment.scales=[1.0,9.0]"),
    ({"canvas": 64, "scales": [float("nan"), 1.0]}, "augment.scales=[nan,1.0]"),
]


@pytest.mark.parametrize(("choice", "named"), WRONG_AUGMENT, ids=[named for _, named in WRONG_AUGMENT])
def test_an_augmentation_that_cannot_be_is_named(choice: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(named)}: expected .*; write "):
        AugmentConfig(**choice).require_fit(3, 32)


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


def test_a_canvas_may_be_as_small_as_the_largest_image_on_it() -> None:
    AugmentConfig(canvas=48).require_fit(3, 32)
    AugmentConfig(canvas=32, scales=[0.25, 1]).require_fit(3, 32)


def test_without_a_canvas_the_scales_are_of_no_effect() -> None:
    AugmentConfig(scales=[3, 1]).require_fit(3, 32)


def test_scenes_of_distances_are_refused(make_config: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"^augment\.canvas=64: expected 0 with data=spacing, .*augment="):
        make_config("data=spacing", "augment=scenes")
    assert make_config("data=cifar10", "augment=scenes").augment == AugmentConfig(pad=0, canvas=64)


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

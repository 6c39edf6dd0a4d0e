from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.optimization import AdamConfig, AdamWConfig, StepConfig
from dilated_cifar.config.run import Config, differing_keys
from dilated_cifar.config.store import completed, to_config, to_container, to_yaml
from dilated_cifar.errors import UserError

CONF = Path(__file__).resolve().parents[2] / "conf"
GROUPS = ("model", "data", "augment", "optimizer", "schedule")
CHOICES = [
    (group, file.stem) for group in (*GROUPS, "experiment") for file in sorted((CONF / group).glob("*.yaml"))
]

MakeConfig = Callable[..., Config]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_choice_composes_and_survives_yaml(make_config: MakeConfig, group: str, name: str) -> None:
    config = make_config(f"{group}={name}")
    assert to_config(OmegaConf.create(to_yaml(config))) == config
    assert to_config(to_container(config)) == config


@pytest.mark.parametrize(("group", "name"), [choice for choice in CHOICES if choice[0] in GROUPS])
def test_a_choice_holds_what_differs_from_the_default_and_nothing_else(
    make_config: MakeConfig, group: str, name: str
) -> None:
    written = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    (schema,) = written.pop("defaults")
    composed = getattr(make_config(f"{group}={name}"), group)
    defaults = to_plain(type(composed)())
    assert schema == f"/schema/{group}/{getattr(composed, 'family', 'batch')}@_here_"
    assert {key: value for key, value in written.items() if defaults[key] == value} == {}
    assert to_plain(composed) == defaults | written


@pytest.mark.parametrize("name", ["config", "evaluate", "explain", "localize", "compare", "export"])
def test_a_command_has_its_defaults_in_its_dataclass(name: str) -> None:
    assert set(yaml.safe_load((CONF / f"{name}.yaml").read_text())) == {"defaults"}


def to_plain(config: object) -> dict[str, object]:
    plain = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_configuration_saved_before_a_key_existed_means_its_default(
    make_config: MakeConfig, group: str, name: str
) -> None:
    config = make_config(f"{group}={name}")
    saved = to_container(config)
    assert completed(saved) == saved
    for key in ("canvas", "scales"):
        del saved["augment"][key]
    del saved["ema"]
    assert differing_keys(saved, to_container(config))
    kept = config.augment.canvas == 0 and config.ema is None
    assert (differing_keys(completed(saved), to_container(config)) == []) == kept


def test_a_resnet_saved_before_layouts_is_the_same_network(make_config: MakeConfig) -> None:
    saved = to_container(make_config("model=resnet"))
    saved["model"] = {
        "family": "resnet", "dropout": 0.0, "width": 16, "blocks": [2, 2, 2], "strides": [1, 2, 2],
        "shortcut": "conv3x3",
    }  # fmt: skip
    assert completed(saved) == to_container(make_config("model=resnet"))
    spelled = make_config("model=resnet", "model.blocks=[2,2,2]", "model.strides=[1,2,2]")
    assert completed(saved) == to_container(spelled)


def test_a_twin_is_saved_as_it_was_built(make_config: MakeConfig) -> None:
    saved = to_container(make_config("model=resnet", "model.layout=four"))
    assert saved["model"]["blocks"] == [2, 2, 2, 2]
    assert saved["model"]["strides"] == [1, 2, 2, 2]
    assert saved["model"]["shortcut"] == "conv1x1"
    assert to_container(to_config(saved)) == saved
    assert to_container(make_config("model=drn_c"))["model"]["blocks"] == [2, 2, 2]


def test_a_configuration_is_frozen(make_config: MakeConfig) -> None:
    config = make_config()
    with pytest.raises(FrozenInstanceError):
        config.epochs = 3
    with pytest.raises(FrozenInstanceError):
        config.model.dropout = 0.5


def test_the_published_resnet_script_is_followed_to_the_letter(make_config: MakeConfig) -> None:
    config = make_config("experiment=published_resnet")
    assert (config.batch_size, config.epochs) == (100, 80)
    assert config.optimizer == AdamConfig(lr=1e-3)
    assert config.schedule == StepConfig(every=20, gamma=1 / 3)
    assert (config.augment.pad, config.augment.flip, config.augment.cutout) == (4, True, 0)
    assert isinstance(config.data, Cifar10Config)
    assert (config.data.mean, config.data.std, config.data.validation) == ([0.0] * 3, [1.0] * 3, 0)
    assert config.model.family == "resnet"


@pytest.mark.parametrize(
    ("name", "dilations"), [("published_dilated", [1, 2, 5]), ("published_plain", [1, 1, 1])]
)
def test_the_exercises_networks_differ_in_their_rates_alone(
    make_config: MakeConfig, name: str, dilations: list[int]
) -> None:
    config = make_config(f"experiment={name}")
    assert config.model == CnnConfig(dilations=dilations)
    assert (config.epochs, config.data.validation) == (60, 0)
    others = to_container(config) | {"model": None}
    assert others == to_container(make_config("experiment=published_plain")) | {"model": None}


def test_keys_that_only_say_where_are_no_difference(make_config: MakeConfig) -> None:
    one = to_container(make_config())
    moved = to_container(make_config("device=cpu", "output_dir=x", "data.root=y", "threads=1"))
    assert differing_keys(one, moved) == []
    assert differing_keys(one, to_container(make_config("seed=1", "optimizer.lr=1"))) == [
        "optimizer.lr",
        "seed",
    ]
    assert "model.width" in differing_keys(one, to_container(make_config("model=resnet")))


def test_subclasses_of_a_family_are_chosen_by_their_own_name(make_config: MakeConfig) -> None:
    assert type(make_config("optimizer=adam").optimizer) is AdamConfig
    assert type(make_config("optimizer=adamw").optimizer) is AdamWConfig


@pytest.mark.parametrize("container", [{}, {"model": 3}, {"model": {"family": "cnn"}}])
def test_what_is_no_configuration_is_refused(container: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"(model|data): missing in the configuration"):
        to_config(container)


def test_an_unknown_key_in_a_saved_configuration_is_named(make_config: MakeConfig) -> None:
    saved = to_container(make_config())
    with pytest.raises(UserError, match=r"model.wings: no such key"):
        to_config(saved | {"model": saved["model"] | {"wings": 2}})
    with pytest.raises(UserError, match=r"wings: no such key"):
        to_config(saved | {"wings": 2})

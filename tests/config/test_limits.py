"""What would fill the memory or take for ever is refused before anything is built."""

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config, to_container
from dilated_cifar.errors import UserError

Saved = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def saved(make_config: Callable[..., Config]) -> Saved:
    """The configuration of a run of a model, as its checkpoint holds it."""
    found = {model: to_container(make_config(f"model={model}")) for model in ("plain", "resnet", "drn_c")}
    return lambda model: copy.deepcopy(found[model])


LISTS = {"dilations": [1] * 300, "channels": [8] * 300}


@pytest.mark.parametrize(
    ("model", "keys", "told"),
    [
        (
            "plain",
            {"channels": [10**9, 64, 128]},
            r"model.channels=\[1000000000,64,128\]: .* 250,000,000 par",
        ),
        ("plain", {"channels": [64, 50_000, 1]}, "at most 1,048,576 numbers each"),
        ("plain", LISTS, r"model.channels=\[8,8,.*\.\.\.: expected .* 1 to 100 of them"),
        ("plain", {"dilations": [1, 1, 10**9], "padding": "same"}, "a receptive field of at most 999 pixels"),
        ("plain", {"kernel_size": 10**8 + 1, "padding": "same"}, "a receptive field of at most 999 pixels"),
        ("resnet", {"width": 10**8}, "model.width=100000000: expected a network of at most 250,000,000"),
        ("resnet", {"width": 2048}, "model.width=2048: expected"),
        (
            "resnet",
            {"blocks": [10**20, 1, 1]},
            r"model.blocks=\[100000000000000000000,1,1\]: .* 1,000 blocks",
        ),
        ("resnet", {"blocks": [1] * 300, "strides": None}, "at most 8 stages"),
        ("resnet", {"strides": [1] * 300, "blocks": None}, "at most 8 stages"),
        ("drn_c", {"width": 10**5}, "model.width=100000: expected a network of at most 250,000,000"),
        ("drn_c", {"blocks": [1, 10**6, 1]}, "1,000 blocks in all"),
    ],
)
def test_networks_without_bounds_are_refused_at_once(
    saved: Saved, model: str, keys: dict[str, object], told: str
) -> None:
    config = saved(model)
    config["model"] |= keys
    start = time.monotonic()
    with pytest.raises(UserError, match=told) as refusal:
        to_config(config)
    assert len(str(refusal.value)) < 600
    assert time.monotonic() - start < 5  # a second or less where nothing else runs


def test_the_largest_published_networks_fit(saved: Saved) -> None:
    for model, keys in (
        ("resnet", {"blocks": [200, 200, 200]}),  # ResNet-1202
        ("drn_c", {"layout": "F", "width": 160, "blocks": [4, 4, 4]}),
    ):
        config = saved(model)
        config["model"] |= keys
        assert to_config(config).model.numbers_in_maps(32) > 10**7


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/../../x", "", ".", "a\x1b[31m", "a\nb"])
def test_a_name_that_leaves_the_folder_is_refused(saved: Saved, name: str) -> None:
    with pytest.raises(UserError, match=r"^name='.*': expected the name of a folder below another"):
        to_config(saved("plain") | {"name": name})


def nested(depth: int, width: int) -> list[object]:
    """A list that holds itself many times over: small in a file, without end where it is copied."""
    content: list[object] = [0]
    for _ in range(depth):
        content = [content] * width
    return content


@pytest.mark.parametrize(
    "value",
    [
        nested(40, 2),
        nested(3, 10**6),
        nested(10**5, 1),
        2**10**6,
        {"a": {1, 2}},
        b"bytes",
        "${oc.env:HOME}",
        {"${oc.env:HOME}": 1},
    ],
    ids=["doubling", "wide", "deep", "whole number", "set", "bytes", "interpolation", "interpolated key"],
)
def test_a_saved_configuration_holds_nothing_but_a_little_plain_data(saved: Saved, value: object) -> None:
    with pytest.raises(UserError, match=r"the configuration (is too large|holds)") as refusal:
        to_config(saved("plain") | {"name": value})
    assert len(str(refusal.value)) < 400
